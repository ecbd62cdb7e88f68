"""How the table store says no: the product's codes, and what to do."""

from __future__ import annotations

from fclab.errors import SourceError

__all__ = ["LIMITS", "invalid", "refused"]

LIMITS = {"key": 1024, "value": 2 << 20, "row": 4 << 20, "read rows": 5000, "read": 4 << 20, "batch": 200}
"""The product's limits (its page "Limits on the Wide Column model", May 2026): bytes of a key column's value, of another column's, of one
write and of one range read; rows of one range read and of one batch."""


def refused(code: str, what: str, hint: str) -> SourceError:
    """An error with one of the product's codes."""
    return SourceError(code, what, hint=hint)


def invalid(what: str, hint: str) -> SourceError:
    """What is asked for makes no sense, whatever the table holds: OTSParameterInvalid."""
    return SourceError("OTSParameterInvalid", what, hint=hint)
