"""What the object store takes: names, sizes and metadata, with the product's limits and error codes."""

from __future__ import annotations

import re

from fclab.errors import SourceError, UsageError
from fclab.sources.base import utf8

__all__ = [
    "LARGEST",
    "MAX_BUCKETS",
    "MAX_DELETED",
    "MAX_LISTED",
    "MAX_PARTS",
    "SMALLEST_PART",
    "bucket_name",
    "check_size",
    "content",
    "metadata",
    "object_key",
    "part_number",
    "span",
    "type_of",
]

LARGEST = 5 << 30
"""Bytes in one put, one part, one copy, or one object that is appended to."""
SMALLEST_PART = 100 << 10
"""Bytes in each part of a multipart upload but the last."""
MAX_PARTS = 10_000
MAX_DELETED = 1000
"""Keys in one delete_many."""
MAX_LISTED = 1000
"""Entries in one answer of list."""
MAX_BUCKETS = 100
MAX_KEY = 1023
"""Bytes of a key in UTF-8."""
MAX_META = 8 << 10
"""Bytes of all user metadata of an object, names and values."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_META_NAME = re.compile(r"[A-Za-z0-9-]+")
_CONTENT_TYPE = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")
_TYPES = {
    "bin": "application/octet-stream", "bmp": "image/bmp", "css": "text/css", "csv": "text/csv", "doc": "application/msword",
    "gif": "image/gif", "gz": "application/gzip", "htm": "text/html", "html": "text/html", "ico": "image/x-icon",
    "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript", "json": "application/json", "md": "text/markdown",
    "mov": "video/quicktime", "mp3": "audio/mpeg", "mp4": "video/mp4", "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml", "tar": "application/x-tar", "tif": "image/tiff",
    "tiff": "image/tiff", "txt": "text/plain", "wasm": "application/wasm", "wav": "audio/wav", "webm": "video/webm",
    "webp": "image/webp", "xml": "application/xml", "yaml": "application/yaml", "yml": "application/yaml", "zip": "application/zip",
}  # fmt: skip
"""Not the machine's own list, so that a run gives the same events everywhere."""


def bucket_name(name: object) -> str:
    """A bucket's name: 3 to 63 lower-case letters, digits and "-", with no "-" at either end. Raises `SourceError`."""
    if not isinstance(name, str) or not _BUCKET.fullmatch(name):
        raise SourceError(
            "InvalidBucketName", f"{name!r} is no bucket's name.", hint='use 3 to 63 lower-case letters, digits and "-", none at the ends'
        )
    return name


def object_key(key: object) -> str:
    """An object's key: 1 to 1023 bytes in UTF-8, not beginning with "/" or a backslash. Raises `SourceError`."""
    if not isinstance(key, str) or not _fits(key):
        hint = r'use 1 to 1023 bytes of text, without "/" or "\" at the beginning'
        raise SourceError("InvalidObjectName", f"{key!r:.99} is no object's key.", hint=hint)
    return key


def _fits(key: str) -> bool:
    try:
        return 0 < len(key.encode()) <= MAX_KEY and key[0] not in "/\\" and "\0" not in key
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def type_of(key: str, given: object = None) -> str:
    """The content type that is given, or the one that the key's ending suggests. Raises `SourceError`."""
    if given is None:
        return _TYPES.get(key.rpartition("/")[2].rpartition(".")[2].lower(), "application/octet-stream")
    if not isinstance(given, str) or not _CONTENT_TYPE.fullmatch(given):
        raise SourceError("InvalidArgument", f"{given!r:.99} is no content type.", hint='such as "image/jpeg", at most 255 characters')
    return given


def metadata(given: object) -> dict[str, str]:
    """User metadata: names of letters, digits and "-", kept in lower case, with values of one line. Raises `SourceError`."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UsageError(f"meta is a mapping of texts, not {given!r:.99}.", hint='such as {"camera": "x100"}')
    for name, value in given.items():
        if not isinstance(name, str) or not _META_NAME.fullmatch(name) or not isinstance(value, str) or not value.isprintable():
            raise SourceError(
                "InvalidArgument",
                f"{name!r}: {value!r:.99} is no metadata.",
                hint='names of letters, digits and "-"; values one line of text',
            )
    if sum(len(name) + len(value.encode()) for name, value in given.items()) > MAX_META:
        raise SourceError("MetadataTooLarge", "The metadata are larger than 8 KB.", hint="keep them in an object of their own")
    return {name.lower(): value for name, value in given.items()}


def content(data: object) -> bytes:
    """What is to be stored: bytes as they are, text in UTF-8. Raises `UsageError`, or `SourceError` above 5 GB."""
    if isinstance(data, str):
        data = utf8(data, "data")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise UsageError(f"data is bytes or text, not {type(data).__name__}.", hint="encode it, such as with json.dumps(...)")
    check_size(memoryview(data).nbytes)
    return bytes(data)


def check_size(size: int) -> None:
    """Raises `SourceError` above 5 GB."""
    if size > LARGEST:
        raise SourceError("EntityTooLarge", f"{size} bytes are more than 5 GB.", hint="use a multipart upload")


def part_number(number: object) -> int:
    """A part's number, from 1 to 10 000. Raises `SourceError`."""
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_PARTS:
        raise SourceError("InvalidArgument", f"{number!r} is no number of a part.", hint="parts have numbers from 1 to 10000")
    return number


def span(byte_range: object, size: int) -> tuple[int, int]:
    """Which bytes [start, stop) of `size` a range means: (first, last) both included, (first, None) to the end, (None, n) the last n.

    A last byte behind the end counts as the end. Raises `SourceError` for a range that begins behind it.
    """
    if byte_range is None:
        return 0, size
    match byte_range:
        case [int(first), None] if 0 <= first < size:
            return first, size
        case [int(first), int(last)] if 0 <= first <= last and first < size:
            return first, min(last + 1, size)
        case [None, int(count)] if count > 0 and size:
            return max(0, size - count), size
    raise SourceError(
        "InvalidRange", f"{byte_range!r} is no range of {size} bytes.", hint="(first, last) both included, (first, None), or (None, count)"
    )
