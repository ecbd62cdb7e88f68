"""Every error the lab raises, in one tree.

An error says three things: what happened, who can mend it (you, the function's author, or the platform), and what to try.
What a *handler* raises is data: it travels in a `Response`, and becomes an exception only in `Response.raise_for_error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fclab.model import Response

__all__ = [
    "CodeStoreError",
    "EndlessRun",
    "FclabError",
    "FunctionError",
    "HandlerStuck",
    "IllegalTransition",
    "Interrupted",
    "LabClosed",
    "MissingExtra",
    "NestedRun",
    "PackageError",
    "PlatformError",
    "RecordingError",
    "RequestError",
    "RequestRefused",
    "SourceError",
    "UnknownFunction",
    "UsageError",
    "WrongThread",
]


class FclabError(Exception):
    """Base of all errors of the lab. `what` happened, `who` can mend it, `hint` says what to try."""

    who = "You"

    def __init__(self, what: str, *, hint: str = "") -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what}\n  {self.who} can mend this: {hint}" if hint else what)


class UsageError(FclabError, ValueError):
    """The lab was asked for something it cannot do: a wrong type, a value out of range, a call in the wrong place.

    `what` and `hint` often quote a value; where that makes one longer than `LONGEST` characters, its middle is left out.
    """

    LONGEST = 1000

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(self._short(what), hint=self._short(hint))

    def _short(self, text: str) -> str:
        half = self.LONGEST // 2
        return text if len(text) <= self.LONGEST else f"{text[: half - 5]} ... {text[-half:]}"


class UnknownFunction(UsageError):
    """No function of that name was declared in this lab."""


class WrongThread(UsageError):
    """A virtual lab was used from a thread that did not make it."""


class NestedRun(UsageError):
    """The lab was driven (run, invoke, step) from inside one of its own handlers or observers."""


class LabClosed(UsageError):
    """The lab was used after `close()`."""


class RecordingError(UsageError):
    """A file is not a recording, or is damaged, or was written by a newer version."""


class MissingExtra(UsageError):
    """A part of the lab needs packages that are not installed."""


class PackageError(UsageError):
    """A code package cannot be made or used: what is in it, or how large it is, is not allowed."""


class SourceError(UsageError):
    """A source of the lab said no. `code` is the product's name for it, such as "NoSuchKey"."""

    def __init__(self, code: str, what: str, *, hint: str = "") -> None:
        self.code = code
        super().__init__(what, hint=hint)


class CodeStoreError(FclabError):
    """A stored code package is missing or damaged, which is no fault of the function's."""


class EndlessRun(FclabError):
    """`run()` without `until` would never end: what is left can never finish by itself."""


class HandlerStuck(FclabError):
    """A handler kept the interpreter to itself for too long (real seconds) without ever waiting in lab time."""

    who = "The function's author"


class IllegalTransition(FclabError):
    """An instance was sent a signal that its lifecycle table does not have in its present state."""

    who = "The platform"


class RequestError(FclabError):
    """A request did not end well; `response` is what the caller got."""

    def __init__(self, what: str, *, hint: str = "", response: Response | None = None) -> None:
        self.response = response
        super().__init__(what, hint=hint)


class FunctionError(RequestError):
    """The handler failed: it raised, timed out, exited, ran out of memory or returned what cannot be encoded."""

    who = "The function's author"


class RequestRefused(RequestError):
    """The front door refused the request (status 4xx)."""


class PlatformError(RequestError):
    """The platform failed the request (status 5xx)."""

    who = "The platform"


class Interrupted(BaseException):
    """Thrown into a handler that the platform stops. Not an `Exception`, so `except Exception` cannot fake success."""
