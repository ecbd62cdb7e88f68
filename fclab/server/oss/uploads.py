"""What is asked of uploads in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from fclab.errors import SourceError
from fclab.server.oss import answers
from fclab.server.oss.conditions import changed, copy_range
from fclab.server.oss.containers import encoding
from fclab.server.oss.things import copy_source, meta, written
from fclab.server.oss.work import Work, document
from fclab.sources.objects.limits import MAX_PARTS, check_size, part_number, span
from fclab.sources.objects.service import Objects

__all__ = ["abort", "begin", "complete", "parts", "put_part"]


async def begin(work: Work) -> Response:
    """InitiateMultipartUpload."""
    asked = work.asked
    made = await work.store(
        lambda objects: objects.initiate_multipart_upload(
            asked.bucket, asked.key, content_type=asked.header("content-type") or None, meta=meta(asked)
        )
    )
    headers = {"x-oss-request-id": made["request_id"]}
    return document(answers.initiated(asked.bucket, asked.key, made["upload_id"], encoding(asked)), headers)


def _which(work: Work) -> tuple[str, str, str]:
    return work.asked.bucket, work.asked.key, work.asked.option("uploadId") or ""


async def put_part(work: Work) -> Response:
    """UploadPart, and UploadPartCopy where the request names a source."""
    asked = work.asked
    number = part_number(asked.number("partNumber", 0, 0, MAX_PARTS))
    if asked.header("x-oss-copy-source"):
        return await _copy_part(work, number)
    which = _which(work)
    await work.store(lambda objects: objects.list_parts(*which))
    async with work.draft() as (_, draft):
        await work.receive(draft)
        done = await work.store(lambda objects: objects.store_part(*which, number, draft))
    return Response(headers=written(done))


async def _copy_part(work: Work, number: int) -> Response:
    asked, which = work.asked, _which(work)
    source, wanted = copy_source(asked), copy_range(asked)

    def begun(objects: Objects) -> Iterator[bytes] | None:
        objects.list_parts(*which)
        facts = objects.head(*source)
        if not changed(asked, facts, "x-oss-copy-source-"):
            return None
        start, stop = span(wanted, facts["size"])
        check_size(stop - start)
        return objects.stream(*source, wanted)[1]

    chunks = await work.store(begun)
    if chunks is None:
        return Response(status_code=304)
    async with work.draft() as (_, draft):
        await asyncio.to_thread(draft.write_all, chunks)

        def stored(objects: Objects) -> tuple[dict[str, Any], str]:
            done = objects.store_part(*which, number, draft, "ObjectCreated:UploadPartCopy")
            return done, next(one["last_modified"] for one in objects.list_parts(*which) if one["number"] == number)

        done, modified = await work.store(stored)
    return document(answers.part_copied(done["etag"], modified), written(done))


async def complete(work: Work) -> Response:
    """CompleteMultipartUpload: of the parts that are named, or with x-oss-complete-all: yes, of all."""
    asked, which = work.asked, _which(work)
    wanted: list[Any] | None = None
    if asked.header("x-oss-complete-all").lower() != "yes":
        root = await work.xml("CompleteMultipartUpload")
        wanted = [[_number(one.findtext("PartNumber")), one.findtext("ETag") or ""] for one in root.findall("Part")]
    chosen = await work.store(lambda objects: objects.chosen_parts(*which, wanted))
    async with work.draft() as (objects, draft):
        await asyncio.to_thread(objects.write_parts, chosen, draft)
        done = await work.store(lambda objects: objects.store_completed(*which, chosen, draft))
    return document(answers.completed(asked.bucket, asked.key, done["etag"], work.host, encoding(asked)), written(done))


def _number(text: str | None) -> int:
    text = (text or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise SourceError("MalformedXML", "A Part has a PartNumber and an ETag.")
    return int(text)


async def abort(work: Work) -> Response:
    """AbortMultipartUpload."""
    await work.store(lambda objects: objects.abort_multipart_upload(*_which(work)))
    return Response(status_code=204)


async def parts(work: Work) -> Response:
    """ListParts."""
    asked, which = work.asked, _which(work)
    most, marker = asked.number("max-parts", 1000, 1, 1000), asked.number("part-number-marker", 0, 0, MAX_PARTS)
    found = [one for one in await work.store(lambda objects: objects.list_parts(*which)) if one["number"] > marker]
    return document(answers.parts(*which, found[:most], marker, most, len(found) > most, encoding(asked)))
