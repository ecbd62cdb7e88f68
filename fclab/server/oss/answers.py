"""The documents that the object store answers with. Times in them are such as "2026-01-05T12:00:00.000Z", ETags in quotes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fclab.server.oss.asked import encode
from fclab.server.oss.markup import Node, flag, plain, write
from fclab.server.oss.moments import whole
from fclab.sources.base import ACCOUNT, REGION

__all__ = [
    "bucket_info", "bucket_stat", "buckets", "completed", "copied", "deleted", "error", "initiated", "location", "objects", "objects_v2",
    "part_copied", "parts", "private", "quoted", "uploads",
]  # fmt: skip

_OWNER: Node = ("Owner", [("ID", ACCOUNT), ("DisplayName", ACCOUNT)])
_PRIVATE: Node = ("AccessControlList", [("Grant", "private")])
_STANDARD: Node = ("StorageClass", "Standard")
_PLACE = f"oss-{REGION}"


class _Names:
    """Keys as they are, or percent-encoded if the client wants that or one of them has what XML cannot say; `tag` tells which."""

    def __init__(self, encoding: str | None, names: Iterable[str]) -> None:
        self._encoded = encoding == "url" or not all(map(plain, names))

    def __call__(self, tag: str, name: str) -> Node:
        return tag, encode(name) if self._encoded else name

    @property
    def tag(self) -> list[Node]:
        return [("EncodingType", "url")] if self._encoded else []


def quoted(etag: str) -> str:
    """An ETag as headers and documents have it."""
    return f'"{etag}"'


def error(code: str, message: str, request: str, host: str) -> bytes:
    """What went wrong."""
    return write(("Error", [("Code", code), ("Message", message), ("RequestId", request), ("HostId", host)]))


def buckets(found: list[dict[str, str]], host: str, prefix: str, marker: str, most: int, follows: bool) -> bytes:
    """A page of buckets; `follows`: there are more."""
    tail: list[Node] = [("NextMarker", found[-1]["name"])] if follows else []
    head: list[Node] = [("Prefix", prefix), ("Marker", marker), ("MaxKeys", str(most)), ("IsTruncated", flag(follows)), *tail]
    each: list[Node] = [("Bucket", _bucket(one["name"], one["created"], host)) for one in found]
    return write(("ListAllMyBucketsResult", [*(head if prefix or marker or follows else []), _OWNER, ("Buckets", each)]))


def _bucket(name: str, created: str, host: str) -> list[Node]:
    return [
        ("Name", name), ("CreationDate", whole(created)), ("Location", _PLACE), ("Region", REGION), ("ExtranetEndpoint", host),
        ("IntranetEndpoint", host), _STANDARD,
    ]  # fmt: skip


def bucket_info(name: str, created: str, host: str) -> bytes:
    """One bucket."""
    return write(("BucketInfo", [("Bucket", [*_bucket(name, created, host), _OWNER, _PRIVATE, ("DataRedundancyType", "LRS")])]))


def bucket_stat(size: int, count: int, uploads: int) -> bytes:
    """What is in a bucket: bytes, objects, unfinished uploads."""
    return write(("BucketStat", [("Storage", str(size)), ("ObjectCount", str(count)), ("MultipartUploadCount", str(uploads))]))


def location() -> bytes:
    """Where a bucket is."""
    return write(("LocationConstraint", _PLACE))


def private() -> bytes:
    """Who may: the owner, for there is nobody else."""
    return write(("AccessControlPolicy", [_OWNER, _PRIVATE]))


def _contents(names: _Names, one: dict[str, Any], owner: bool) -> Node:
    return "Contents", [
        names("Key", one["key"]), ("LastModified", whole(one["last_modified"])), ("ETag", quoted(one["etag"])), ("Type", one["type"]),
        ("Size", str(one["size"])), _STANDARD, *([_OWNER] if owner else []),
    ]  # fmt: skip


def _listed(page: dict[str, Any], names: _Names, owner: bool) -> list[Node]:
    objects = [_contents(names, one, owner) for one in page["objects"]]
    return [*objects, *(("CommonPrefixes", [names("Prefix", one)]) for one in page["common_prefixes"])]


def _names(encoding: str | None, page: dict[str, Any], *others: str) -> _Names:
    return _Names(encoding, [*others, *page["common_prefixes"], *(one["key"] for one in page["objects"])])


def objects(
    bucket: str, page: dict[str, Any], prefix: str, delimiter: str, marker: str, most: int, encoding: str | None, behind: str
) -> bytes:
    """A page of a bucket, by marker. `behind`: the last name on it, which is the marker of the next one."""
    names = _names(encoding, page, prefix, delimiter, marker)
    tail = [names("NextMarker", behind)] if page["is_truncated"] else []
    head: list[Node] = [
        ("Name", bucket), names("Prefix", prefix), names("Marker", marker), ("MaxKeys", str(most)), names("Delimiter", delimiter),
        *names.tag, ("IsTruncated", flag(page["is_truncated"])), *tail,
    ]  # fmt: skip
    return write(("ListBucketResult", [*head, *_listed(page, names, owner=True)]))


def objects_v2(
    bucket: str, page: dict[str, Any], prefix: str, delimiter: str, start_after: str, token: str, most: int, encoding: str | None,
    owner: bool,
) -> bytes:  # fmt: skip
    """A page of a bucket, by token."""
    names = _names(encoding, page, prefix, delimiter, start_after)
    count = len(page["objects"]) + len(page["common_prefixes"])
    head: list[Node] = [
        ("Name", bucket), names("Prefix", prefix), names("StartAfter", start_after), ("MaxKeys", str(most)), names("Delimiter", delimiter),
        *names.tag, ("IsTruncated", flag(page["is_truncated"])), ("KeyCount", str(count)),
        *([("ContinuationToken", token)] if token else []),
        *([("NextContinuationToken", page["next_token"])] if page["is_truncated"] else []),
    ]  # fmt: skip
    return write(("ListBucketResult", [*head, *_listed(page, names, owner)]))


def copied(etag: str, modified: str) -> bytes:
    """A copy was made."""
    return write(("CopyObjectResult", [("LastModified", whole(modified)), ("ETag", quoted(etag))]))


def part_copied(etag: str, modified: str) -> bytes:
    """A part was made out of an object."""
    return write(("CopyPartResult", [("LastModified", whole(modified)), ("ETag", quoted(etag))]))


def deleted(keys: list[str], encoding: str | None) -> bytes:
    """Several objects are not there any more."""
    names = _Names(encoding, keys)
    return write(("DeleteResult", [*names.tag, *(("Deleted", [names("Key", key)]) for key in keys)]))


def initiated(bucket: str, key: str, upload: str, encoding: str | None) -> bytes:
    """An upload began."""
    names = _Names(encoding, [key])
    return write(("InitiateMultipartUploadResult", [*names.tag, ("Bucket", bucket), names("Key", key), ("UploadId", upload)]))


def completed(bucket: str, key: str, etag: str, host: str, encoding: str | None) -> bytes:
    """An upload became an object."""
    names = _Names(encoding, [key])
    place = f"http://{host}/{bucket}/{encode(key)}"
    content = [*names.tag, ("Location", place), ("Bucket", bucket), names("Key", key), ("ETag", quoted(etag))]
    return write(("CompleteMultipartUploadResult", content))


def parts(
    bucket: str, key: str, upload: str, found: list[dict[str, Any]], marker: int, most: int, follows: bool, encoding: str | None
) -> bytes:
    """A page of an upload's parts; `follows`: there are more."""
    names = _Names(encoding, [key])
    last = found[-1]["number"] if found else marker
    each: list[Node] = [
        ("Part", [
            ("PartNumber", str(one["number"])), ("LastModified", whole(one["last_modified"])), ("ETag", quoted(one["etag"])),
            ("Size", str(one["size"])),
        ])
        for one in found
    ]  # fmt: skip
    head = [
        *names.tag, ("Bucket", bucket), names("Key", key), ("UploadId", upload), ("StorageClass", "Standard"),
        ("PartNumberMarker", str(marker)), ("NextPartNumberMarker", str(last)), ("MaxParts", str(most)), ("IsTruncated", flag(follows)),
    ]  # fmt: skip
    return write(("ListPartsResult", [*head, *each]))


def uploads(
    bucket: str, found: list[dict[str, str]], common: list[str], prefix: str, delimiter: str, marker: tuple[str, str],
    behind: tuple[str, str], most: int, follows: bool, encoding: str | None,
) -> bytes:  # fmt: skip
    """A page of a bucket's unfinished uploads. `marker` and `behind`: key and upload id, before its first and of its last one."""
    names = _Names(encoding, [prefix, delimiter, marker[0], behind[0], *common, *(one["key"] for one in found)])
    each: list[Node] = [
        ("Upload", [names("Key", one["key"]), ("UploadId", one["upload_id"]), ("Initiated", whole(one["initiated"])), _STANDARD])
        for one in found
    ]
    head: list[Node] = [
        ("Bucket", bucket), *names.tag, names("KeyMarker", marker[0]), ("UploadIdMarker", marker[1]), names("NextKeyMarker", behind[0]),
        ("NextUploadIdMarker", behind[1]), names("Delimiter", delimiter), names("Prefix", prefix), ("MaxUploads", str(most)),
        ("IsTruncated", flag(follows)),
    ]  # fmt: skip
    return write(("ListMultipartUploadsResult", [*head, *each, *(("CommonPrefixes", [names("Prefix", one)]) for one in common)]))
