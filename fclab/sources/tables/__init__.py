"""The table store: tables with typed primary keys and free columns, and a stream of their changes."""
