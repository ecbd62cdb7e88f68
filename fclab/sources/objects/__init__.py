"""The object store: buckets of objects, and a trigger that calls a function for what happens to them."""
