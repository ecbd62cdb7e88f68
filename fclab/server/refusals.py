"""What a face says no with, whatever made it: the lab's errors become statuses and the product's codes here."""

from __future__ import annotations

from fclab.errors import FclabError, LabClosed, PackageError, SourceError, UnknownFunction, UsageError
from fclab.sources.http.signature import SignatureRefused

__all__ = ["Refused", "refused"]


class Refused(Exception):
    """A request that is not carried out: HTTP `status`, the product's `code`, and the message for its sender.

    close   the connection cannot be used again: what is left of the request was not read
    """

    def __init__(self, status: int, code: str, message: str, *, close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.close = close


def refused(error: BaseException) -> Refused | None:
    """The refusal that an error means; None for a mistake of ours."""
    match error:
        case Refused():
            return error
        case SignatureRefused():
            return Refused(error.status, error.code, error.message)
        case LabClosed():
            return Refused(503, "ServiceUnavailable", "the lab is closed")
        case UnknownFunction():
            return Refused(404, "FunctionNotFound", error.what)
        case SourceError():
            return Refused(_status(error.code), error.code, error.what)
        case PackageError() | UsageError():
            return Refused(400, "InvalidArgument", f"{error.what} {error.hint}".strip())
        case FclabError():
            return Refused(500, "InternalServerError", error.what)
        case _:
            return None


def _status(code: str) -> int:
    """Of a source's error."""
    if code == "InternalError":
        return 500
    return 404 if code.startswith("NoSuch") else 409 if code.endswith("AlreadyExists") else 400
