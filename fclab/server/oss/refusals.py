"""HTTP statuses of the object store's error codes."""

from __future__ import annotations

__all__ = ["status"]

_STATUSES = {
    403: ("AccessDenied", "InvalidAccessKeyId", "RequestTimeTooSkewed", "SignatureDoesNotMatch"),
    404: ("NoSuchBucket", "NoSuchKey", "NoSuchUpload", "SymlinkTargetNotExist"),
    405: ("MethodNotAllowed",),
    409: ("BucketNotEmpty", "FileAlreadyExists", "ObjectNotAppendable", "PositionNotEqualToLength"),
    412: ("PreconditionFailed",),
    416: ("InvalidRange",),
    500: ("InternalError",),
    503: ("ServiceUnavailable",),
}
_BY_CODE = {code: number for number, codes in _STATUSES.items() for code in codes}


def status(code: str) -> int:
    """400 for all that are not something else."""
    return _BY_CODE.get(code, 400)
