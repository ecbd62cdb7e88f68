"""FC 3.0, the API of version 2023-03-30."""
