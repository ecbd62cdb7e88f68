"""What is asked of buckets, and of all of them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from fclab.errors import SourceError
from fclab.server.oss import answers, markup
from fclab.server.oss.asked import Asked
from fclab.server.oss.work import Work, document
from fclab.sources.objects.buckets import behind, token_of
from fclab.sources.objects.limits import MAX_LISTED
from fclab.sources.objects.service import Objects

__all__ = [
    "acl", "create", "delete", "delete_objects", "encoding", "info", "list_buckets", "list_objects", "location", "stat", "uploads",
]  # fmt: skip

_LISTED = 100
"""Entries on a page if the client does not say."""


async def list_buckets(work: Work) -> Response:
    """GetService: all buckets by name; prefix, marker, max-keys."""
    asked = work.asked
    prefix, marker = asked.option("prefix") or "", asked.option("marker") or ""
    most = asked.number("max-keys", _LISTED, 1, MAX_LISTED)
    found = [one for one in await work.store(Objects.buckets) if one["name"].startswith(prefix) and one["name"] > marker]
    return document(answers.buckets(found[:most], work.host, prefix, marker, most, len(found) > most))


async def create(work: Work) -> Response:
    """PutBucket. There is one owner, so a bucket cannot be for others."""
    asked = work.asked
    if asked.header("x-oss-acl") not in ("", "private", "default"):
        raise SourceError("NotImplemented", "Buckets are private here: there is nobody else to give access to.")
    if data := await work.body():
        markup.read(data, "CreateBucketConfiguration")
    await work.store(lambda objects: objects.create_bucket(asked.bucket))
    return Response(headers={"location": f"/{asked.bucket}"})


async def delete(work: Work) -> Response:
    """DeleteBucket."""
    await work.store(lambda objects: objects.delete_bucket(work.asked.bucket))
    return Response(status_code=204)


async def _facts(work: Work) -> dict[str, Any]:
    found: dict[str, Any] | None = await work.store(
        lambda objects: next((one for one in objects.buckets() if one["name"] == work.asked.bucket), None)
    )
    if found is None:
        raise SourceError("NoSuchBucket", "The specified bucket does not exist.")
    return found


async def info(work: Work) -> Response:
    """GetBucketInfo."""
    found = await _facts(work)
    return document(answers.bucket_info(found["name"], found["created"], work.host))


async def location(work: Work) -> Response:
    """GetBucketLocation."""
    await _facts(work)
    return document(answers.location())


async def acl(work: Work) -> Response:
    """GetBucketAcl."""
    await _facts(work)
    return document(answers.private())


async def stat(work: Work) -> Response:
    """GetBucketStat."""

    def count(objects: Objects) -> tuple[int, int, int]:
        size = number = 0
        token = None
        while True:
            page = objects.list(work.asked.bucket, token=token)
            number += len(page["objects"])
            size += sum(one["size"] for one in page["objects"])
            token = page["next_token"]
            if token is None:
                return size, number, len(objects.list_multipart_uploads(work.asked.bucket))

    return document(answers.bucket_stat(*await work.store(count)))


async def list_objects(work: Work) -> Response:
    """GetBucket and GetBucketV2 (list-type=2)."""
    asked, bucket = work.asked, work.asked.bucket
    prefix, delimiter = asked.option("prefix") or "", asked.option("delimiter") or ""
    most = asked.number("max-keys", _LISTED, 1, MAX_LISTED)
    if asked.option("list-type") == "2":
        after, token = asked.option("start-after") or "", asked.option("continuation-token") or ""
        owner = (asked.option("fetch-owner") or "").lower() == "true"
        page = await work.store(
            lambda objects: objects.list(bucket, prefix, delimiter=delimiter, start_after=after, max_keys=most, token=token)
        )
        return document(answers.objects_v2(bucket, page, prefix, delimiter, after, token, most, encoding(asked), owner))
    marker = asked.option("marker") or ""
    where = after_marker(prefix, delimiter, marker)
    page = await work.store(lambda objects: objects.list(bucket, prefix, delimiter=delimiter, max_keys=most, **where))
    last = max([*(one["key"] for one in page["objects"]), *page["common_prefixes"]], default="")
    return document(answers.objects(bucket, page, prefix, delimiter, marker, most, encoding(asked), last))


def after_marker(prefix: str, delimiter: str, marker: str) -> dict[str, str]:
    """Where the page behind a marker begins: behind the key, or behind all that a common prefix stands for."""
    if delimiter and marker.startswith(prefix) and marker[len(prefix) :].endswith(delimiter):
        following = behind(marker)
        if following is not None:
            return {"token": token_of(following)}
    return {"start_after": marker}


def encoding(asked: Asked) -> str | None:
    """How keys in the answer are to be written: "url", or None. Raises `SourceError` (InvalidArgument)."""
    asks = asked.option("encoding-type")
    if asks not in (None, "", "url"):
        raise SourceError("InvalidArgument", f"encoding-type is url or nothing, not {asks!r:.99}.")
    return asks or None


async def delete_objects(work: Work) -> Response:
    """DeleteMultipleObjects."""
    asked = work.asked
    root = await work.xml("Delete")
    keys = [one.findtext("Key") or "" for one in root.findall("Object")]
    if not keys or any(one.findtext("VersionId") for one in root.findall("Object")):
        raise SourceError("MalformedXML", "A Delete names objects by key, one at least, without versions.")
    await work.store(lambda objects: objects.delete_many(asked.bucket, keys))
    quiet = (root.findtext("Quiet") or "").strip().lower() == "true"
    return Response() if quiet else document(answers.deleted(keys, encoding(asked)))


async def uploads(work: Work) -> Response:
    """ListMultipartUploads: by key, then by the time at which they began."""
    asked, bucket = work.asked, work.asked.bucket
    prefix, delimiter = asked.option("prefix") or "", asked.option("delimiter") or ""
    marker = asked.option("key-marker") or "", asked.option("upload-id-marker") or ""
    most = asked.number("max-uploads", MAX_LISTED, 1, MAX_LISTED)
    there = await work.store(lambda objects: objects.list_multipart_uploads(bucket, prefix))
    page, common, follows = _page(there, prefix, delimiter, marker, most)
    behind = _last(page, common)
    return document(answers.uploads(bucket, page, common, prefix, delimiter, marker, behind, most, follows, encoding(asked)))


def _page(
    there: list[dict[str, Any]], prefix: str, delimiter: str, marker: tuple[str, str], most: int
) -> tuple[list[dict[str, Any]], list[str], bool]:
    """Uploads and common prefixes on the page behind a marker, and whether there are more."""
    key, upload = marker
    at = next((n for n, one in enumerate(there) if one["key"] == key and one["upload_id"] == upload), None) if upload else None
    rest = there[at + 1 :] if at is not None else [one for one in there if one["key"] > key]
    page: list[dict[str, Any]] = []
    common: dict[str, None] = {}
    for one in rest:
        cut = one["key"].find(delimiter, len(prefix)) if delimiter else -1
        name = one["key"][: cut + len(delimiter)] if cut >= 0 else ""
        if name and (name in common or (key.endswith(delimiter) and name == key)):
            continue
        if len(page) + len(common) == most:
            return page, [*common], True
        if name:
            common[name] = None
        else:
            page.append(one)
    return page, [*common], False


def _last(page: list[dict[str, Any]], common: list[str]) -> tuple[str, str]:
    if common and (not page or common[-1] > page[-1]["key"]):
        return common[-1], ""
    return (page[-1]["key"], page[-1]["upload_id"]) if page else ("", "")
