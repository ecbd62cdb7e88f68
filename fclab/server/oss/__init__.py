"""The object store over HTTP, as its official clients speak it."""
