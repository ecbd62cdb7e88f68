"""One request that is being answered: what it asks for, its body, and the way to the store."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from starlette.responses import Response

from fclab.errors import SourceError
from fclab.server.oss import markup
from fclab.server.oss.asked import Asked
from fclab.server.oss.signature_v4 import UNSIGNED, payload
from fclab.sources.objects.bodies import CHUNK, Draft
from fclab.sources.objects.limits import LARGEST

if TYPE_CHECKING:
    from xml.etree import ElementTree

    from fclab.server.intake import Arrived
    from fclab.server.shared import Shared
    from fclab.sources.objects.service import Objects

__all__ = ["Work", "document"]

T = TypeVar("T")


class Work:
    """1. The store is asked on the engine's thread; bodies are written and read on others, at most about `CHUNK` bytes at once.
    2. A body is used only if it is the one that was signed for: Content-MD5, or the SHA-256 that the signature names.
    """

    def __init__(self, shared: Shared, arrived: Arrived, asked: Asked) -> None:
        self._shared = shared
        self._arrived = arrived
        self.asked = asked
        self.host = asked.header("host")

    async def store(self, do: Callable[[Objects], T]) -> T:
        """What `do(store)` returns or raises, on the engine's thread."""
        answer: T = await self._shared.engine(lambda reply: reply(do(self._objects())))
        return answer

    def _objects(self) -> Objects:
        hub = self._shared.driver.platform.hub
        objects: Objects = hub.sources["objects"]  # type: ignore[attr-defined]
        return objects

    @asynccontextmanager
    async def draft(self) -> AsyncIterator[tuple[Objects, Draft]]:
        """The store, and a body to write into, which is gone at the end unless it was kept."""
        objects = await self.store(lambda objects: objects)
        with await asyncio.to_thread(objects.bodies.draft) as draft:
            yield objects, draft

    async def receive(self, draft: Draft) -> None:
        """Write the request's body into a draft (clause 2). Raises `SourceError` (InvalidDigest), `Refused`."""
        digest = _Digest(self.asked)

        def write(data: bytes) -> None:
            draft.write(data)
            digest.update(data)

        pieces: list[bytes] = []
        size = 0
        async for piece in self._arrived.stream(LARGEST):
            pieces.append(piece)
            size += len(piece)
            if size >= CHUNK:
                await asyncio.to_thread(write, b"".join(pieces))
                pieces.clear()
                size = 0
        if pieces:
            await asyncio.to_thread(write, b"".join(pieces))
        digest.check(draft.etag)

    async def xml(self, root: str) -> ElementTree.Element:
        """The request's body as a document (clause 2). Raises `SourceError` (MalformedXML, InvalidDigest), `Refused`."""
        return markup.read(await self.body(), root)

    async def body(self) -> bytes:
        """The request's body where it is small: at most `markup.LARGEST` bytes (clause 2)."""
        data = await self._arrived.body(markup.LARGEST)
        digest = _Digest(self.asked)
        digest.update(data)
        digest.check(hashlib.md5(data, usedforsecurity=False).hexdigest().upper())
        return data


class _Digest:
    """What a request says of its body."""

    def __init__(self, asked: Asked) -> None:
        self._md5 = asked.header("content-md5")
        self._named = payload(asked)
        self._sha256 = None if self._named == UNSIGNED else hashlib.sha256()

    def update(self, data: bytes) -> None:
        """More of the body."""
        if self._sha256 is not None:
            self._sha256.update(data)

    def check(self, etag: str) -> None:
        """`etag`: its MD5 in upper-case hex. Raises `SourceError` if it is another body."""
        if self._md5 and _hex(self._md5) != etag:
            raise SourceError("InvalidDigest", "The Content-MD5 you specified is not valid, or not that of the body.")
        if self._sha256 is not None and self._sha256.hexdigest() != self._named.lower():
            raise SourceError("InvalidDigest", f"x-oss-content-sha256 is neither {UNSIGNED} nor the SHA-256 of the body.")


def _hex(md5: str) -> str:
    try:
        return base64.b64decode(md5, validate=True).hex().upper()
    except (binascii.Error, ValueError):
        return ""


def document(body: bytes, headers: dict[str, str] | None = None) -> Response:
    """An answer in XML."""
    return Response(body, headers=headers, media_type="application/xml")
