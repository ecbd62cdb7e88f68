"""The trigger on a bucket: which events of which keys, and when two of them would get the same one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from fclab.errors import SourceError, UsageError
from fclab.model import Mode
from fclab.sources.base import Trigger
from fclab.sources.objects.events import NAMES, Happening, bucket_arn, expand, payload
from fclab.sources.objects.limits import MAX_KEY, bucket_name

__all__ = ["OSSTrigger", "common_event", "common_key", "explain"]

_ALLOWED = (*NAMES, "oss:ObjectCreated:*", "oss:ObjectRemoved:*", "oss:ObjectModified:*")


@dataclass(frozen=True, kw_only=True)
class OSSTrigger(Trigger):
    """Calls a function, async, for what happens to objects of a bucket: `OSSTrigger(bucket="photos", prefix="in/", suffix=".jpg")`.

    bucket           made if it is not there
    events           such as "oss:ObjectCreated:PutObject"; "oss:ObjectCreated:*" is all of the group, and so has, as documented,
                     InitiateMultipartUpload and each UploadPart in it besides CompleteMultipartUpload
    prefix, suffix   of the keys that it looks at, as they are, without wildcards; "" is any
    Raises `UsageError` for what makes none. Two enabled triggers that one event could set off are refused (`SourceError`), and an
    eleventh on one bucket.
    """

    TYPE: ClassVar[str] = "oss"
    SOURCE: ClassVar[str] = "objects"
    MODE: ClassVar[Mode] = "async"
    RETRIES: ClassVar[str] = "9 times, after 1, 2, 4 ... 60 s (assumed), while the platform refuses it; then its queue retries"

    bucket: str
    events: Sequence[str] = ("oss:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""

    def __post_init__(self) -> None:
        try:
            bucket_name(self.bucket)
        except SourceError as error:
            raise UsageError(error.what, hint=error.hint) from None
        if isinstance(self.events, str) or not isinstance(self.events, Sequence) or not self.events:
            raise UsageError(f"events is a list of at least one event, not {self.events!r}.", hint='such as ["oss:ObjectCreated:*"]')
        for event in self.events:
            if event not in _ALLOWED:
                raise UsageError(f"events: {event!r} is none of this store.", hint=f"there is: {', '.join(_ALLOWED)}")
        object.__setattr__(self, "events", tuple(self.events))
        for name, text in (("prefix", self.prefix), ("suffix", self.suffix)):
            if not isinstance(text, str) or len(text.encode(errors="replace")) > MAX_KEY:
                raise UsageError(f"{name} is a text of at most {MAX_KEY} bytes, not {text!r:.99}.", hint="it is compared as it stands")
        if self.prefix[:1] in ("/", "\\"):
            raise UsageError(f"prefix: no key begins with {self.prefix[0]!r}.", hint=f"perhaps {self.prefix.lstrip('/')!r} is meant")

    @cached_property
    def names(self) -> frozenset[str]:
        """The single events, without "oss:"."""
        return expand(self.events)

    @property
    def arn(self) -> str:
        return bucket_arn(self.bucket)

    @property
    def watches(self) -> str:
        return self.bucket

    def matches(self, name: str, key: str) -> bool:
        """It is set off by the event `name` ("ObjectCreated:PutObject") of `key`."""
        return name in self.names and key.startswith(self.prefix) and key.endswith(self.suffix)

    def config(self) -> dict[str, Any]:
        return {"events": list(self.events), "filter": {"key": {"prefix": self.prefix, "suffix": self.suffix}}}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> OSSTrigger:
        """The filter's names may be capitalised, as the 2.0 tool writes them. Only the bucket of the ARN counts."""
        parts = arn.split(":") if isinstance(arn, str) else []
        if len(parts) != 5 or parts[:2] != ["acs", "oss"]:
            raise UsageError(f"sourceArn: {arn!r} names no bucket.", hint="acs:oss:<region>:<account>:<bucket>")
        fields = _object(config, "triggerConfig", "events", "filter")
        key = _object(_object(fields.get("filter"), "filter", "key").get("key"), "filter.key", "prefix", "suffix")
        if not isinstance(fields.get("events"), list):
            raise UsageError(f"events is a list, not {fields.get('events')!r}.", hint='such as ["oss:ObjectCreated:*"]')
        return cls(bucket=parts[4], events=fields["events"], prefix=key.get("prefix") or "", suffix=key.get("suffix") or "")

    @classmethod
    def example(cls) -> bytes:
        return payload(
            Happening(
                "ObjectCreated:PutObject", "photos", "in/a.jpg", 122_539, 122_539, "688A7BF4F233DC9C88A80BF985AB7329", "image/jpeg",
                1_767_614_400_000_000, "58F9FF2D3DF792092E12044C",
            ),
            "oss",
        )  # fmt: skip


def _object(value: object, name: str, *known: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{name} is an object, not {value!r:.99}.", hint=f"with {' and '.join(known)}")
    found = {field[:1].lower() + field[1:]: one for field, one in value.items() if isinstance(field, str)}
    if wrong := [field for field in found if field not in known]:
        raise UsageError(f"{name} has no {wrong[0]!r}.", hint=f"it has: {', '.join(known)}")
    return found


def common_event(one: OSSTrigger, other: OSSTrigger) -> str | None:
    """An event that both name, or None."""
    return min(one.names & other.names, default=None)


def common_key(one: OSSTrigger, other: OSSTrigger) -> str | None:
    """A key that passes both filters, or None if there is none.

    The longer prefix must begin with the shorter one, and the longer suffix end with it; then the shortest key that has the longer two,
    which may run into each other, passes both.
    """
    prefix, suffix = max(one.prefix, other.prefix, key=len), max(one.suffix, other.suffix, key=len)
    if not (prefix.startswith(one.prefix) and prefix.startswith(other.prefix)):
        return None
    if not (suffix.endswith(one.suffix) and suffix.endswith(other.suffix)):
        return None
    shared = max(n for n in range(min(len(prefix), len(suffix)) + 1) if prefix.endswith(suffix[:n]))
    key = prefix + suffix[shared:]
    if key[:1] in ("", "/", "\\"):
        key = "a" + key  # there is no prefix then: nothing passes but what has one character more
    return key if len(key.encode()) <= MAX_KEY else None


def explain(one: OSSTrigger, name: str, other: OSSTrigger) -> SourceError | None:
    """Why `one` may not stand beside `other`, which is called `name`; None if it may."""
    event, key = common_event(one, other), common_key(one, other)
    if event is None or key is None:
        return None
    return SourceError(
        "InvalidArgument", f"Trigger {name!r} on bucket {one.bucket!r} would get {event} of {key!r} too.",
        hint="let their events, prefixes or suffixes keep them apart, or call the second function from the first",
    )  # fmt: skip
