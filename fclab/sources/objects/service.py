"""The object store: the verbs of objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fclab.errors import SourceError, UsageError
from fclab.packages.checksum import crc64
from fclab.sources.base import verb
from fclab.sources.objects.bodies import CHUNK, Draft, md5
from fclab.sources.objects.buckets import Buckets
from fclab.sources.objects.holdings import Held
from fclab.sources.objects.limits import MAX_DELETED, check_size, content, metadata, object_key, span, type_of
from fclab.sources.objects.multipart import Multipart

__all__ = ["Objects"]

_Range = tuple[int | None, int | None] | list[int | None] | None


class Objects(Buckets, Multipart):
    """Buckets of objects. A write makes its bucket; a read of one that is not there is an error (NoSuchBucket).

    Keys have 1 to 1023 bytes in UTF-8 and do not begin with "/" or a backslash. A put, part or copy has at most 5 GB; user metadata 8 KB.
    Work on a body is done while the lab waits: writing and hashing about 0.25 GB a second, reading 0.8.
    """

    # ---- writing

    @verb
    def put(
        self,
        bucket: str,
        key: str,
        data: bytes | str,
        *,
        content_type: str | None = None,
        meta: dict[str, str] | None = None,
        if_absent: bool = False,
    ) -> dict[str, Any]:
        """Store an object, in place of one that may be there; returns `{"etag", "crc64", "size", "request_id"}`.

        data           bytes, or text, which is stored in UTF-8; at most 5 GB
        content_type   None: what the key's ending suggests
        meta           user metadata: names of letters, digits and "-" (kept in lower case), values one line; 8 KB in all
        if_absent      an object that is there is an error (FileAlreadyExists)

        The ETag is the MD5 in upper-case hex, `crc64` the CRC-64 as a decimal number. Event: ObjectCreated:PutObject.
        Errors: InvalidBucketName, InvalidObjectName, InvalidArgument, EntityTooLarge, MetadataTooLarge, FileAlreadyExists.
        """
        object_key(key)
        body = content(data)
        with self.bodies.draft() as draft:
            draft.write(body)
            return self.store_draft(bucket, key, draft, content_type=content_type, meta=meta, if_absent=if_absent)

    def store_draft(
        self,
        bucket: str,
        key: str,
        draft: Draft,
        *,
        content_type: str | None = None,
        meta: dict[str, str] | None = None,
        if_absent: bool = False,
        event: str = "ObjectCreated:PutObject",
    ) -> dict[str, Any]:
        """`put` of a body that was written piece by piece, on any thread, into a `bodies.draft()`; use it as a context, which discards
        what was not stored. `event` may be ObjectCreated:PostObject, for a form."""
        check_size(draft.size)
        held = Held(
            bucket, object_key(key), "Normal", None, draft.size, draft.etag, draft.crc64, type_of(key, content_type), metadata(meta)
        )
        with self.hub.change() as change:
            self._need(bucket)
            self._absent(held, if_absent)
            request = self._request()
            held.body = self._hold(draft)
            self._set(change, held, event, request)
        return _written(held, request)

    def store_file(self, bucket: str, key: str, path: Path, **options: Any) -> dict[str, Any]:
        """`put` of a file's content, read in pieces; `options` as `store_draft` has them. Raises `OSError` if it cannot be read."""
        with self.bodies.draft() as draft, path.open("rb") as file:
            while chunk := file.read(CHUNK):
                draft.write(chunk)
            return self.store_draft(bucket, key, draft, **options)

    @verb
    def append(
        self,
        bucket: str,
        key: str,
        data: bytes | str,
        *,
        position: int | None = None,
        content_type: str | None = None,
        meta: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Add to the end of an appendable object, made by the first append; returns as `put`, and `"next_position"`.

        position   the object's size, as a caller knows it, or else PositionNotEqualToLength; None: whatever it is
        content_type, meta   count for the first append only

        Its ETag changes with each append and is not the MD5 of the whole. Event: ObjectCreated:AppendObject.
        Errors: ObjectNotAppendable, PositionNotEqualToLength, EntityTooLarge above 5 GB in all, and those of `put`.
        """
        object_key(key)
        body = content(data)
        with self.bodies.draft() as draft:
            draft.write(body)
            return self.append_draft(bucket, key, draft, position=position, content_type=content_type, meta=meta)

    def append_draft(
        self,
        bucket: str,
        key: str,
        draft: Draft,
        *,
        position: int | None = None,
        content_type: str | None = None,
        meta: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """`append` of what was written piece by piece into a `bodies.draft()`."""
        with self.hub.change() as change:
            self._need(bucket)
            before = self._find(bucket, key)
            size = 0 if before is None else before.size
            if before is not None and before.kind != "Appendable":
                raise SourceError("ObjectNotAppendable", f"{key!r} was not made by append.", hint="put it whole, or append to another key")
            if position is not None and position != size:
                raise SourceError("PositionNotEqualToLength", f"{key!r} has {size} bytes, not {position!r}.", hint=f"append at {size}")
            check_size(size + draft.size)
            request = self._request()
            held = before or Held(bucket, key, "Appendable", None, 0, "", "0", type_of(key, content_type), metadata(meta))
            if before is None:
                held.body, held.size, held.etag, held.crc64 = self._hold(draft), draft.size, draft.etag, draft.crc64
            else:
                self._grow(held, draft)
            self._set(change, held, "ObjectCreated:AppendObject", request)
        return _written(held, request) | {"next_position": held.size}

    @verb
    def copy(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        meta: dict[str, str] | None = None,
        if_absent: bool = False,
    ) -> dict[str, Any]:
        """Store what is under one key under another one too, without moving its bytes; returns as `put`.

        content_type, meta   None: those of the source. A symlink is copied as a symlink; a copy of an appendable object is a normal one.

        Event: ObjectCreated:CopyObject. A copy onto itself is `update_meta`. Errors: NoSuchKey, EntityTooLarge, and those of `put`.
        """
        source = self._held(source_bucket, source_key)
        if (source_bucket, source_key) == (bucket, key):
            return self.update_meta(bucket, key, content_type=content_type, meta=meta)
        check_size(source.size)
        held = Held(
            bucket, object_key(key), "Normal" if source.kind == "Appendable" else source.kind, source.body, source.size, source.etag,
            source.crc64, source.content_type if content_type is None else type_of(key, content_type),
            source.meta if meta is None else metadata(meta), source.target,
        )  # fmt: skip
        with self.hub.change() as change:
            self._need(bucket)
            self._absent(held, if_absent)
            request = self._request()
            self._share(held)
            self._set(change, held, "ObjectCreated:CopyObject", request)
        return _written(held, request)

    @verb
    def put_symlink(self, bucket: str, key: str, target: str, *, meta: dict[str, str] | None = None) -> dict[str, Any]:
        """Let a key stand for another one of its bucket, which need not be there yet; returns as `put`. Event: ObjectCreated:PutSymlink."""
        etag = md5(object_key(target).encode())
        held = Held(bucket, object_key(key), "Symlink", None, 0, etag, "0", type_of(key), metadata(meta), target)
        with self.hub.change() as change:
            self._need(bucket)
            request = self._request()
            self._set(change, held, "ObjectCreated:PutSymlink", request)
        return _written(held, request)

    @verb
    def update_meta(self, bucket: str, key: str, *, content_type: str | None = None, meta: dict[str, str] | None = None) -> dict[str, Any]:
        """Give an object another content type or other user metadata, None: as they are; returns as `put`.

        Event: ObjectModified:UpdateObjectMeta. Errors: NoSuchKey, MetadataTooLarge, InvalidArgument.
        """
        with self.hub.change() as change:
            held = self._held(bucket, key)
            if content_type is not None:
                held.content_type = type_of(key, content_type)
            if meta is not None:
                held.meta = metadata(meta)
            request = self._request()
            self._share(held)
            self._set(change, held, "ObjectModified:UpdateObjectMeta", request)
        return _written(held, request)

    # ---- deleting

    @verb
    def delete(self, bucket: str, key: str) -> bool:
        """Delete an object; whether there was one. Event, if there was: ObjectRemoved:DeleteObject. Errors: NoSuchBucket."""
        return bool(self._delete(bucket, [key], "ObjectRemoved:DeleteObject"))

    @verb
    def delete_many(self, bucket: str, keys: list[str]) -> list[str]:
        """Delete up to 1000 objects at once, all or none; the keys that there were. Event, for each: ObjectRemoved:DeleteObjects."""
        if not isinstance(keys, (list, tuple)):
            raise UsageError(f"keys is a list of keys, not {keys!r:.99}.", hint='such as ["in/a.jpg"]')
        keys = [object_key(key) for key in keys]
        if len(keys) > MAX_DELETED:
            raise SourceError("InvalidArgument", f"{len(keys)} keys are more than {MAX_DELETED}.", hint="delete them in several calls")
        return self._delete(bucket, list(dict.fromkeys(keys)), "ObjectRemoved:DeleteObjects")

    # ---- reading

    @verb
    def get(self, bucket: str, key: str, *, byte_range: _Range = None) -> bytes:
        """An object's bytes; a symlink's are those of its target.

        byte_range   (first, last), both included, the first byte is 0; (first, None) to the end; (None, n) the last n
        Errors: NoSuchBucket, NoSuchKey, InvalidRange, SymlinkTargetNotExist, InvalidTargetType.
        """
        held = self._followed(bucket, key)
        start, stop = span(byte_range, held.size)
        return self.bodies.read(held.body or 0, start, stop)

    def stream(self, bucket: str, key: str, byte_range: _Range = None) -> tuple[dict[str, Any], Iterator[bytes]]:
        """What `head` tells, and what `get` returns in pieces of at most 1 MB; it goes on after the object is overwritten or deleted."""
        held = self._followed(bucket, key)
        start, stop = span(byte_range, held.size)
        return self.head(bucket, key), self.bodies.chunks(held.body or 0, start, stop)

    @verb
    def head(self, bucket: str, key: str) -> dict[str, Any]:
        """What there is to know of an object:

        `{"key", "size", "etag", "crc64", "content_type", "type", "last_modified", "meta"}`. `size` in bytes; `type` is Normal, Multipart,
        Appendable or Symlink; `last_modified` such as "2026-01-05T12:00:00.000Z". A symlink has its target's size, ETag, CRC-64 and content
        type, and `"target"`. Errors: as `get`.
        """
        held = self._held(bucket, key)
        if held.kind != "Symlink":
            return held.facts()
        target = self._followed(bucket, key)
        return held.facts() | {"size": target.size, "etag": target.etag, "crc64": target.crc64, "content_type": target.content_type}

    @verb
    def exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object. False too if there is no such bucket."""
        object_key(key)
        return self.store.one("SELECT 1 FROM objects WHERE bucket = ? AND key = ?", bucket, key) is not None

    # ---- together

    def _absent(self, held: Held, wanted: bool) -> None:
        if wanted and self._find(held.bucket, held.key) is not None:
            raise SourceError("FileAlreadyExists", f"{held.key!r} is there already.", hint="choose another key, or overwrite it")

    def _share(self, held: Held) -> None:
        """One row more refers to its body."""
        self.store.run("UPDATE object_bodies SET holders = holders + 1 WHERE number = ?", held.body)

    def _grow(self, held: Held, draft: Draft) -> None:
        """Add to the body of an appendable object."""
        assert held.body is not None
        self._share(held)
        etag = hashlib.md5(held.etag.encode(), usedforsecurity=False)
        for chunk in draft.chunks():
            self.bodies.extend(held.body, held.size, chunk)
            held.size += len(chunk)
            held.crc64 = crc64((chunk,), held.crc64)
            etag.update(chunk)
        held.etag = etag.hexdigest().upper()

    def _delete(self, bucket: str, keys: list[str], event: str) -> list[str]:
        with self.hub.change() as change:
            self._bucket(bucket)
            there = [held for key in keys if (held := self._find(bucket, key)) is not None]
            request = self._request() if there else ""
            for held in there:
                self._drop(change, held, event, request)
        return [held.key for held in there]


def _written(held: Held, request: str) -> dict[str, Any]:
    return {"etag": held.etag, "crc64": held.crc64, "size": held.size, "request_id": request}
