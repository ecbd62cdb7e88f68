"""What is asked of objects: put, get, head, copy, append, delete, symlinks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.responses import Response, StreamingResponse

from fclab.errors import SourceError
from fclab.server.oss import answers, moments
from fclab.server.oss.asked import Asked, encode
from fclab.server.oss.conditions import byte_range, changed
from fclab.server.oss.work import Work, document
from fclab.sources.objects.limits import span, type_of
from fclab.sources.objects.service import Objects

__all__ = [
    "Misplaced", "acl", "append", "copy", "copy_source", "delete", "get", "get_symlink", "head", "meta", "put", "put_symlink", "written",
]  # fmt: skip

_META = "x-oss-meta-"
_OVERRIDES = ("content-type", "content-language", "expires", "cache-control", "content-disposition", "content-encoding")
"""Headers of the answer that a signed request may set, by response-<name> in its query."""


class Misplaced(SourceError):
    """An append elsewhere than at the end of an object, which has `size` bytes."""

    def __init__(self, what: str, size: int) -> None:
        super().__init__("PositionNotEqualToLength", what)
        self.size = size


def meta(asked: Asked) -> dict[str, str]:
    """User metadata of the request."""
    return {name.removeprefix(_META): asked.text(name) for name in asked.headers if name.startswith(_META)}


def written(done: dict[str, Any]) -> dict[str, str]:
    """The headers that tell of what was stored."""
    headers = {"etag": answers.quoted(done["etag"]), "x-oss-hash-crc64ecma": done["crc64"], "x-oss-request-id": done["request_id"]}
    return headers | ({"x-oss-next-append-position": str(done["next_position"])} if "next_position" in done else {})


def _new(asked: Asked) -> dict[str, Any]:
    """How the store is to keep what the request brings."""
    return {"content_type": asked.header("content-type") or None, "meta": meta(asked)}


def _absent(asked: Asked) -> bool:
    return asked.header("x-oss-forbid-overwrite").lower() == "true"


async def put(work: Work) -> Response:
    """PutObject, and CopyObject where the request names a source."""
    asked = work.asked
    if asked.header("x-oss-copy-source"):
        return await copy(work)
    async with work.draft() as (_, draft):
        await work.receive(draft)
        done = await work.store(
            lambda objects: objects.store_draft(asked.bucket, asked.key, draft, if_absent=_absent(asked), **_new(asked))
        )
    return Response(headers=written(done))


def copy_source(asked: Asked) -> tuple[str, str]:
    """Bucket and key of x-oss-copy-source: "/bucket/key", percent-encoded. Raises `SourceError`."""
    path, question, _ = asked.header("x-oss-copy-source").partition("?")
    if question:
        raise SourceError("NotImplemented", "There are no versions of objects here.")
    try:
        bucket, slash, key = unquote_to_bytes(path.encode("latin-1")).decode().removeprefix("/").partition("/")
    except UnicodeDecodeError:
        raise SourceError("InvalidArgument", "x-oss-copy-source is percent-encoded UTF-8.") from None
    if not (bucket and slash and key):
        raise SourceError("InvalidArgument", "x-oss-copy-source is /bucket/key.")
    return bucket, key


async def copy(work: Work) -> Response:
    """CopyObject; x-oss-metadata-directive: REPLACE takes type and metadata from the request."""
    asked = work.asked
    bucket, key = copy_source(asked)
    directive = asked.header("x-oss-metadata-directive").upper()
    if directive not in ("", "COPY", "REPLACE"):
        raise SourceError("InvalidArgument", "x-oss-metadata-directive is COPY or REPLACE.")
    new: dict[str, Any] = {}
    if directive == "REPLACE":
        new = {"content_type": type_of(asked.key, asked.header("content-type") or None), "meta": meta(asked)}

    def do(objects: Objects) -> tuple[dict[str, Any], dict[str, Any]] | None:
        if not changed(asked, objects.head(bucket, key), "x-oss-copy-source-"):
            return None
        done = objects.copy(bucket, key, asked.bucket, asked.key, if_absent=_absent(asked), **new)
        return done, objects.head(asked.bucket, asked.key)

    made = await work.store(do)
    if made is None:
        return Response(status_code=304)
    done, facts = made
    return document(answers.copied(done["etag"], facts["last_modified"]), written(done))


async def append(work: Work) -> Response:
    """AppendObject: its body is added at `position`, which is the object's size."""
    asked = work.asked
    position = asked.number("position", 0, 0, 1 << 62)
    async with work.draft() as (_, draft):
        await work.receive(draft)

        def do(objects: Objects) -> dict[str, Any]:
            try:
                return objects.append_draft(asked.bucket, asked.key, draft, position=position, **_new(asked))
            except SourceError as error:
                if error.code != "PositionNotEqualToLength":
                    raise
                size = objects.head(asked.bucket, asked.key)["size"] if objects.exists(asked.bucket, asked.key) else 0
                raise Misplaced(error.what, size) from error

        done = await work.store(do)
    return Response(headers=written(done))


async def delete(work: Work) -> Response:
    """DeleteObject; also fine where there is none."""
    await work.store(lambda objects: objects.delete(work.asked.bucket, work.asked.key))
    return Response(status_code=204)


async def put_symlink(work: Work) -> Response:
    """PutSymlink; x-oss-symlink-target is percent-encoded."""
    asked = work.asked
    target = unquote_to_bytes(asked.header("x-oss-symlink-target").encode("latin-1")).decode(errors="replace")
    done = await work.store(lambda objects: objects.put_symlink(asked.bucket, asked.key, target, meta=meta(asked)))
    return Response(headers={"etag": answers.quoted(done["etag"]), "x-oss-request-id": done["request_id"]})


async def get_symlink(work: Work) -> Response:
    """GetSymlink."""
    facts = await work.store(lambda objects: objects.head(work.asked.bucket, work.asked.key))
    if facts["type"] != "Symlink":
        raise SourceError("NotSymlink", f"{work.asked.key!r} is no symlink.")
    return Response(headers={"x-oss-symlink-target": encode(facts["target"]), "etag": answers.quoted(facts["etag"])})


async def acl(work: Work) -> Response:
    """GetObjectAcl."""
    await work.store(lambda objects: objects.head(work.asked.bucket, work.asked.key))
    return document(answers.private())


def _headers(facts: dict[str, Any]) -> dict[str, str]:
    told = {f"{_META}{name}": value.encode().decode("latin-1") for name, value in facts["meta"].items()}
    return told | {
        "accept-ranges": "bytes", "content-type": facts["content_type"], "etag": answers.quoted(facts["etag"]),
        "last-modified": moments.rfc1123(moments.from_iso(facts["last_modified"])), "x-oss-hash-crc64ecma": facts["crc64"],
        "x-oss-object-type": facts["type"], "x-oss-storage-class": "Standard",
    }  # fmt: skip


def _overrides(asked: Asked) -> dict[str, str]:
    found = {name: asked.option(f"response-{name}") for name in _OVERRIDES}
    for name, value in found.items():
        if value and not (value.isascii() and value.isprintable()):
            raise SourceError("InvalidArgument", f"response-{name} is no value of a header.")
    return {name: value for name, value in found.items() if value}


async def head(work: Work) -> Response:
    """HeadObject and GetObjectMeta."""
    facts = await work.store(lambda objects: objects.head(work.asked.bucket, work.asked.key))
    if not changed(work.asked, facts):
        return _not_modified(facts)
    return Response(headers=_headers(facts) | {"content-length": str(facts["size"])})


async def get(work: Work) -> Response:
    """GetObject."""
    asked = work.asked
    overrides = _overrides(asked)

    def do(objects: Objects) -> tuple[dict[str, Any], tuple[int, int], bool, Iterator[bytes]]:
        facts = objects.head(asked.bucket, asked.key)
        if not changed(asked, facts):
            return facts, (0, 0), False, iter(())
        wanted = byte_range(asked, facts["size"])
        bounds = span(wanted, facts["size"])
        return facts, bounds, wanted is not None, objects.stream(asked.bucket, asked.key, wanted)[1]

    facts, (start, stop), part, chunks = await work.store(do)
    if not changed(asked, facts):
        return _not_modified(facts)
    headers = _headers(facts) | overrides | {"content-length": str(stop - start)}
    if part:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{facts['size']}"
    return StreamingResponse(_flow(chunks), 206 if part else 200, headers)


async def _flow(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(next, chunks, b""):
            yield chunk
    finally:
        if close := getattr(chunks, "close", None):
            with suppress(ValueError):  # a thread is in it still, for a client that has gone; it is let go with that
                close()


def _not_modified(facts: dict[str, Any]) -> Response:
    headers = _headers(facts)
    return Response(status_code=304, headers={name: headers[name] for name in ("etag", "last-modified")})
