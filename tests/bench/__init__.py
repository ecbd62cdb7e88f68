"""How fast the engine is, measured beside its peers on the same numbers: `python -m tests.bench`.

Nothing here is imported by fclab. Modules that a peer's own environment runs use the standard library and that peer only.
"""
