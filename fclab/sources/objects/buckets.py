"""Buckets: made, deleted, listed, and what is in them page by page."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from fclab.errors import SourceError
from fclab.sources.base import verb
from fclab.sources.objects.holdings import COLUMNS, Holdings
from fclab.sources.objects.limits import MAX_LISTED, bucket_name
from fclab.sources.stamps import stamp_ms

__all__ = ["Buckets", "behind", "token_of"]

_Rows = list[dict[str, Any]]


class Buckets(Holdings):
    """The verbs of buckets. At most 100 of them; their names have 3 to 63 lower-case letters, digits and "-"."""

    @verb
    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; nothing happens if it is there. Errors: InvalidBucketName, TooManyBuckets."""
        with self.hub.change():
            self._need(bucket)

    @verb
    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket. Triggers on it stay; what is put into it next makes it again.

        Errors: NoSuchBucket; BucketNotEmpty while it has objects or unfinished multipart uploads.
        """
        with self.hub.change():
            self._bucket(bucket)
            for table, what in (("objects", "objects"), ("object_uploads", "unfinished multipart uploads")):
                if self.store.one(f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1", bucket):
                    raise SourceError("BucketNotEmpty", f"Bucket {bucket!r} has {what}.", hint="delete or abort them first")
            self.store.run("DELETE FROM object_buckets WHERE name = ?", bucket_name(bucket))

    @verb
    def buckets(self) -> _Rows:
        """All buckets by name: `[{"name": "photos", "created": "2026-01-05T12:00:00.000Z"}]`."""
        rows = self.store.all("SELECT name, created FROM object_buckets ORDER BY name")
        return [{"name": name, "created": stamp_ms(created)} for name, created in rows]

    @verb
    def list(
        self,
        bucket: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        start_after: str = "",
        max_keys: int = MAX_LISTED,
        token: str | None = None,
    ) -> dict[str, Any]:
        """A page of a bucket, in the order of the keys' UTF-8 bytes.

        prefix        only keys that begin so
        delimiter     keys that have it behind the prefix are told once, up to it, as a common prefix: "/" makes folders
        start_after   only keys behind this one
        max_keys      1 to 1000: objects and common prefixes on the page
        token         `next_token` of the page before; None or "" is the first page

        Returns `{"objects": [...], "common_prefixes": ["in/"], "is_truncated": False, "next_token": None}`, an object as `head` tells it.
        Errors: NoSuchBucket, InvalidArgument.
        """
        self._bucket(bucket)
        texts = (("prefix", prefix), ("delimiter", delimiter), ("start_after", start_after), ("token", token or ""))
        if wrong := [name for name, text in texts if not isinstance(text, str)]:
            raise SourceError("InvalidArgument", f"{wrong[0]} is a text.", hint='"" is none')
        if not isinstance(max_keys, int) or isinstance(max_keys, bool) or not 1 <= max_keys <= MAX_LISTED:
            raise SourceError("InvalidArgument", f"max_keys is 1 to {MAX_LISTED}, not {max_keys!r}.", hint="ask page by page")
        at = max(prefix, start_after and start_after + "\0", _place(token) if token else "")
        end = behind(prefix)
        objects: _Rows = []
        common: dict[str, None] = {}
        while (left := max_keys - len(objects) - len(common)) >= 0:
            rows = self._rows(bucket, at, end, left + 1)
            for row in rows:
                key = row[1]
                if len(objects) + len(common) == max_keys:
                    return _page(objects, common, key)
                cut = key.find(delimiter, len(prefix)) if delimiter else -1
                if cut >= 0:
                    common[key[: cut + len(delimiter)]] = None
                    following = behind(key[: cut + len(delimiter)])
                    if following is None:
                        return _page(objects, common, None)
                    at = following
                    break
                objects.append(self._of(row).facts())
            else:
                break
        return _page(objects, common, None)

    def _rows(self, bucket: str, at: str, end: str | None, count: int) -> Any:
        until = "" if end is None else " AND key < ?"
        return self.store.all(
            f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key >= ?{until} ORDER BY key LIMIT ?",
            bucket, at, *(() if end is None else (end,)), count,
        )  # fmt: skip


def _page(objects: _Rows, common: dict[str, None], follows: str | None) -> dict[str, Any]:
    token = None if follows is None else token_of(follows)
    return {"objects": objects, "common_prefixes": [*common], "is_truncated": token is not None, "next_token": token}


def token_of(key: str) -> str:
    """The token of the page that begins with `key`, or with what comes behind it."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def _place(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise SourceError("InvalidArgument", f"{token!r:.99} is no token.", hint="give next_token of the page before") from None


def behind(prefix: str) -> str | None:
    """The least text behind all that begin with `prefix`, or None if there is none."""
    text = prefix.rstrip("\U0010ffff")
    if not text:
        return None
    last = ord(text[-1]) + 1
    return text[:-1] + chr(0xE000 if last == 0xD800 else last)
