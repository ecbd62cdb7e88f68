"""What a request brings to prove who sent it, whatever the scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fclab.errors import SourceError

__all__ = ["Evidence", "no_signature"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An access key's id, the signature that was sent, and how to make the one that it should be.

    made      when it was signed, in seconds since 1970; None where the scheme does not say
    expires   until when it counts; None: for as long as clocks may differ
    """

    key: str
    signature: str
    expected: Callable[[str], str]
    made: int | None = None
    expires: int | None = None


def no_signature(what: str) -> SourceError:
    """The refusal of what is no signature of its scheme."""
    return SourceError("InvalidArgument", f"That is no signature. {what}")
