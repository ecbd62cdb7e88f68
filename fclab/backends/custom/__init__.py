"""Any HTTP server as what runs in an instance."""
