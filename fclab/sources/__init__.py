"""Event sources: small embedded services that hold data, and triggers that carry what changes in them to functions."""
