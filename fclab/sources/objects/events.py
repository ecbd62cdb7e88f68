"""What the object store tells of a change: the documented names, and the document that a function gets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fclab.sources.base import ACCOUNT, REGION, document
from fclab.sources.stamps import stamp_ms

__all__ = ["NAMES", "Happening", "bucket_arn", "expand", "happening", "payload"]

_GROUPS = {
    "ObjectCreated": (
        "PutObject", "PostObject", "CopyObject", "AppendObject", "PutSymlink", "InitiateMultipartUpload", "UploadPart", "UploadPartCopy",
        "CompleteMultipartUpload",
    ),
    "ObjectRemoved": ("DeleteObject", "DeleteObjects", "AbortMultipartUpload"),
    "ObjectModified": ("UpdateObjectMeta",),
}  # fmt: skip

NAMES = tuple(f"oss:{group}:{name}" for group, names in _GROUPS.items() for name in names)
"""Every event that a trigger may name one by one."""



def expand(events: Iterable[str]) -> frozenset[str]:
    """The single events that these mean, each without "oss:"; `oss:ObjectCreated:*` means all of its group."""
    found: set[str] = set()
    for event in events:
        _, group, name = event.split(":")
        found.update(f"{group}:{one}" for one in (_GROUPS[group] if name == "*" else (name,)))
    return frozenset(found)


def bucket_arn(bucket: str) -> str:
    """The identity of a bucket."""
    return f"acs:oss:{REGION}:{ACCOUNT}:{bucket}"


@dataclass(frozen=True, slots=True)
class Happening:
    """One change of one object.

    name    "ObjectCreated:PutObject"; `at`: µs since 1970
    size    bytes of what it is about: the object as it is now, or was before it was removed; for a part, the part
    delta   bytes by which what the bucket holds under the key has grown: on overwriting new size less old, on removal less than nothing
    """

    name: str
    bucket: str
    key: str
    size: int
    delta: int
    etag: str
    content_type: str
    at: int
    request_id: str
    meta: dict[str, str] = field(default_factory=dict)


def happening(what: Happening) -> dict[str, Any]:
    """The documented event, without the rule that it is told by. The key stands as it is, not URL-encoded."""
    about: dict[str, Any] = {"mimeType": what.content_type}
    if what.meta:
        about["userMeta"] = what.meta
    return {
        "eventName": what.name,
        "eventSource": "acs:oss",
        "eventTime": stamp_ms(what.at),
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"arn": bucket_arn(what.bucket), "name": what.bucket, "ownerIdentity": ACCOUNT, "virtualBucket": ""},
            "object": {"deltaSize": what.delta, "eTag": what.etag, "key": what.key, "objectMeta": about, "size": what.size},
            "ossSchemaVersion": "1.0",
        },
        "region": REGION,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": what.request_id},
        "userIdentity": {"principalId": ACCOUNT},
    }


def payload(what: Happening, rule: str) -> bytes:
    """What a function gets; `rule` is its trigger's name."""
    event = happening(what)
    event["oss"]["ruleId"] = rule
    return document({"events": [event]})
