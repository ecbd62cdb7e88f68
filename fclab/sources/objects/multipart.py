"""Uploads in parts: begun, filled in any order, completed into one object or aborted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from fclab.errors import SourceError, UsageError
from fclab.sources.base import verb
from fclab.sources.objects.bodies import Draft, md5
from fclab.sources.objects.holdings import Held, Holdings
from fclab.sources.objects.limits import SMALLEST_PART, check_size, content, metadata, object_key, part_number, span, type_of
from fclab.sources.stamps import stamp_ms

__all__ = ["Multipart", "Part"]


@dataclass(slots=True)
class Part:
    """A part of an upload; `modified` in µs since 1970."""

    number: int
    body: int
    size: int
    etag: str
    modified: int


class Multipart(Holdings):
    """The verbs of multipart uploads: 1 to 10 000 parts of at most 5 GB, each but the last of 100 KB or more."""

    @verb
    def initiate_multipart_upload(
        self, bucket: str, key: str, *, content_type: str | None = None, meta: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Begin an upload; returns `{"upload_id": ..., "request_id": ...}`. Event: ObjectCreated:InitiateMultipartUpload."""
        held = Held(bucket, object_key(key), "Multipart", None, 0, "", "0", type_of(key, content_type), metadata(meta))
        with self.hub.change() as change:
            self._need(bucket)
            request = self._request()
            upload = hashlib.sha256(request.encode()).hexdigest()[:32].upper()
            self.store.run(
                "INSERT INTO object_uploads VALUES (?, ?, ?, ?, ?, ?)",
                upload, bucket, key, held.content_type, json.dumps(held.meta), self.hub.unix(),
            )  # fmt: skip
            self._tell(change, "ObjectCreated:InitiateMultipartUpload", held, 0, request)
        return {"upload_id": upload, "request_id": request}

    @verb
    def upload_part(self, bucket: str, key: str, upload_id: str, number: int, data: bytes | str) -> dict[str, Any]:
        """Put a part, in place of one of that number; returns `{"number", "etag", "crc64", "size", "request_id"}`.

        Event: ObjectCreated:UploadPart, with the part's size and ETag. Errors: NoSuchUpload, EntityTooLarge, InvalidArgument.
        """
        self._upload(bucket, key, upload_id)
        part_number(number)
        body = content(data)
        with self.bodies.draft() as draft:
            draft.write(body)
            return self.store_part(bucket, key, upload_id, number, draft)

    @verb
    def upload_part_copy(
        self, bucket: str, key: str, upload_id: str, number: int, source_bucket: str, source_key: str,
        *, byte_range: tuple[int | None, int | None] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Put a part out of an object, all of it or a range as `get` takes it; returns as `upload_part`.

        Event: ObjectCreated:UploadPartCopy.
        """
        self._upload(bucket, key, upload_id)
        source = self._followed(source_bucket, source_key)
        start, stop = span(byte_range, source.size)
        check_size(stop - start)
        with self.bodies.draft() as draft:
            draft.write_all(self.bodies.chunks(source.body or 0, start, stop))
            return self.store_part(bucket, key, upload_id, number, draft, "ObjectCreated:UploadPartCopy")

    def store_part(
        self, bucket: str, key: str, upload_id: str, number: int, draft: Draft, event: str = "ObjectCreated:UploadPart"
    ) -> dict[str, Any]:
        """`upload_part` with a body that was written piece by piece (`bodies.draft()`), by the one who calls."""
        part_number(number)
        with self.hub.change() as change:
            held = self._upload(bucket, key, upload_id)
            request = self._request()
            before = self.store.one("SELECT body FROM object_parts WHERE upload = ? AND number = ?", upload_id, number)
            if before is not None:
                self._release(change, before[0])
            held.size, held.etag, held.crc64 = draft.size, draft.etag, draft.crc64
            self.store.run(
                "INSERT OR REPLACE INTO object_parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                upload_id, number, self._hold(draft), held.size, held.etag, held.crc64, self.hub.unix(),
            )  # fmt: skip
            self._tell(change, event, held, 0, request)
        return {"number": number, "etag": held.etag, "crc64": held.crc64, "size": held.size, "request_id": request}

    @verb
    def complete_multipart_upload(self, bucket: str, key: str, upload_id: str, parts: list[Any] | None = None) -> dict[str, Any]:
        """Make one object of the parts, and end the upload; returns `{"etag", "crc64", "size", "request_id"}`.

        parts   `[[1, etag], [2, etag]]`, or mappings with "number" and "etag", with rising numbers; None: all that were put
        The ETag is the MD5 of the parts' MD5s and "-" and their count. The parts are copied into one body, about 0.3 GB a second.
        Event: ObjectCreated:CompleteMultipartUpload. Errors: NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, InvalidArgument.
        """
        with self.bodies.draft() as draft:
            chosen = self.chosen_parts(bucket, key, upload_id, parts)
            self.write_parts(chosen, draft)
            return self.store_completed(bucket, key, upload_id, chosen, draft)

    def chosen_parts(self, bucket: str, key: str, upload_id: str, parts: list[Any] | None) -> list[Part]:
        """The parts that an upload is to be completed from, for `write_parts`. Raises `SourceError` unless they can become one object."""
        self._upload(bucket, key, upload_id)
        return _chosen(self._parts(upload_id), parts)

    def write_parts(self, chosen: list[Part], draft: Draft) -> None:
        """Copy parts into one body; any thread may."""
        for part in chosen:
            draft.write_all(self.bodies.chunks(part.body, 0, part.size))

    def store_completed(self, bucket: str, key: str, upload_id: str, chosen: list[Part], draft: Draft) -> dict[str, Any]:
        """`complete_multipart_upload` out of a draft that `write_parts` filled. InvalidPart if the parts are others by now."""
        with self.hub.change() as change:
            held = self._upload(bucket, key, upload_id)
            there = self._parts(upload_id)
            if {part.body for part in chosen} - {part.body for part in there}:
                raise SourceError("InvalidPart", "The parts have changed meanwhile.", hint="complete it again")
            request = self._request()
            held.body, held.size, held.crc64 = self._hold(draft), draft.size, draft.crc64
            held.etag = f"{md5(bytes.fromhex(''.join(part.etag for part in chosen)))}-{len(chosen)}"
            for part in there:
                self._release(change, part.body)
            self._end(upload_id)
            self._set(change, held, "ObjectCreated:CompleteMultipartUpload", request)
        return {"etag": held.etag, "crc64": held.crc64, "size": held.size, "request_id": request}

    @verb
    def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """End an upload without an object. Event: ObjectRemoved:AbortMultipartUpload. Errors: NoSuchUpload."""
        with self.hub.change() as change:
            held = self._upload(bucket, key, upload_id)
            for part in self._parts(upload_id):
                self._release(change, part.body)
            self._end(upload_id)
            self._tell(change, "ObjectRemoved:AbortMultipartUpload", held, 0, self._request())

    @verb
    def list_parts(self, bucket: str, key: str, upload_id: str) -> list[dict[str, Any]]:
        """The parts so far, by number: `[{"number", "size", "etag", "last_modified"}]`. Errors: NoSuchUpload."""
        self._upload(bucket, key, upload_id)
        return [
            {"number": part.number, "size": part.size, "etag": part.etag, "last_modified": stamp_ms(part.modified)}
            for part in self._parts(upload_id)
        ]

    @verb
    def list_multipart_uploads(self, bucket: str, prefix: str = "") -> list[dict[str, Any]]:
        """Uploads that were begun and not ended, by key: `[{"key", "upload_id", "initiated"}]`. Errors: NoSuchBucket."""
        self._bucket(bucket)
        if not isinstance(prefix, str):
            raise UsageError(f"prefix is a text, not {prefix!r:.99}.", hint='"" is none')
        rows = self.store.all("SELECT key, id, started FROM object_uploads WHERE bucket = ? ORDER BY key, started", bucket)
        return [{"key": key, "upload_id": upload, "initiated": stamp_ms(began)} for key, upload, began in rows if key.startswith(prefix)]

    def _upload(self, bucket: str, key: str, upload_id: str) -> Held:
        self._bucket(bucket)
        row = self.store.one(
            "SELECT content_type, meta FROM object_uploads WHERE id = ? AND bucket = ? AND key = ?", upload_id, bucket, object_key(key)
        )
        if row is None:
            hint = "it was completed or aborted, or is of another key"
            raise SourceError("NoSuchUpload", f"There is no upload {upload_id!r:.99} of {key!r}.", hint=hint)
        return Held(bucket, key, "Multipart", None, 0, "", "0", row[0], json.loads(row[1]))

    def _parts(self, upload_id: str) -> list[Part]:
        rows = self.store.all("SELECT number, body, size, etag, modified FROM object_parts WHERE upload = ? ORDER BY number", upload_id)
        return [Part(*row) for row in rows]

    def _end(self, upload_id: str) -> None:
        self.store.run("DELETE FROM object_parts WHERE upload = ?", upload_id)
        self.store.run("DELETE FROM object_uploads WHERE id = ?", upload_id)


def _chosen(there: list[Part], asked: list[Any] | None) -> list[Part]:
    """The parts that are asked for. Raises `SourceError` unless they can become one object."""
    chosen = there
    if asked is not None:
        by_number = {part.number: part for part in there}
        chosen, last = [], 0
        for one in asked:
            match one:
                case [int(number), str(etag)] | {"number": int(number), "etag": str(etag)}:
                    part = by_number.get(number)
                case _:
                    raise SourceError("InvalidArgument", f"{one!r:.99} is no part.", hint="[number, etag]")
            if part is None or part.etag != etag.strip('"').upper():
                raise SourceError("InvalidPart", f"Part {number} is not there with that ETag.", hint="list_parts() tells what was put")
            if number <= last:
                raise SourceError("InvalidPartOrder", f"Part {number} comes behind part {last}.", hint="give them with rising numbers")
            last = number
            chosen.append(part)
    if not chosen:
        raise SourceError("InvalidArgument", "An upload without parts makes no object.", hint="put a part, or abort it")
    for part in chosen[:-1]:
        if part.size < SMALLEST_PART:
            raise SourceError(
                "EntityTooSmall", f"Part {part.number} has {part.size} bytes.", hint=f"each but the last has at least {SMALLEST_PART}"
            )
    return chosen
