"""One module a command, and what commands share. Nothing here is imported by the rest of fclab."""
