"""CDN triggers: which events of which domains a function gets, and what it gets of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import ACCOUNT, REGION, Trigger, document, name_check
from fclab.units import SECOND

__all__ = ["EVENTS", "CDNTrigger", "cdn_event", "domain_check"]

EVENTS = (
    "LogFileCreated", "CachedObjectsRefreshed", "CachedObjectsPushed", "CachedObjectsBlocked", "CdnDomainStarted", "CdnDomainStopped",
    "CdnDomainAdded", "CdnDomainDeleted",
)  # fmt: skip
VERSION = "1.0.0"
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_CHINA = timezone(timedelta(hours=8))


def domain_check(domain: object) -> str:
    """A domain's name. Raises `UsageError`."""
    return name_check(domain, "A domain", _DOMAIN, 'lower-case labels with dots between, such as "img.example.com"')


@dataclass(frozen=True, kw_only=True)
class CDNTrigger(Trigger):
    """Call a function when something happens to domains of the CDN.

    event     LogFileCreated, CachedObjectsRefreshed, CachedObjectsPushed, CachedObjectsBlocked, CdnDomainStarted, CdnDomainStopped,
              CdnDomainAdded or CdnDomainDeleted; with `version` ("1.0.0") it is fixed once the trigger is made
    domains   whose events: at least one name, to the letter. They need not be there yet
    notes     for people
    """

    TYPE: ClassVar[str] = "cdn_events"
    SOURCE: ClassVar[str] = "cdn"
    MODE: ClassVar[Mode] = "sync"
    FIXED: ClassVar[tuple[str, ...]] = ("event", "version")
    RETRIES: ClassVar[str] = "3 times, after 1, 2 and 4 s (assumed); then it is kept as undelivered"
    event: str = "LogFileCreated"
    version: str = VERSION
    domains: Sequence[str]
    notes: str = ""

    def __post_init__(self) -> None:
        if self.event not in EVENTS:
            raise UsageError(f"The CDN has no event {self.event!r}.", hint=f"it has: {', '.join(EVENTS)}")
        if self.version != VERSION:
            raise UsageError(f"The events are of version {VERSION}, not {self.version!r}.", hint="leave version out")
        if isinstance(self.domains, str) or not isinstance(self.domains, Sequence) or not self.domains:
            raise UsageError(f"domains is a list of at least one domain, not {self.domains!r}.", hint='such as ["img.example.com"]')
        object.__setattr__(self, "domains", tuple(dict.fromkeys(map(domain_check, self.domains))))
        if not isinstance(self.notes, str):
            raise UsageError(f"notes is a text, not {self.notes!r}.", hint='such as "log files to the archive"')

    @property
    def arn(self) -> str:
        return f"acs:cdn:*:{ACCOUNT}"

    @property
    def watches(self) -> str:
        return ", ".join(self.domains)

    def config(self) -> dict[str, Any]:
        return {"eventName": self.event, "eventVersion": self.version, "notes": self.notes, "filter": {"domain": list(self.domains)}}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> CDNTrigger:
        names = ("eventName", "eventVersion", "notes", "filter")
        if unknown := [name for name in config if name not in names]:
            raise UsageError(f"A CDN trigger's configuration has no {unknown[0]!r}.", hint=f"it has: {', '.join(names)}")
        if missing := [name for name in ("eventName", "filter") if name not in config]:
            raise UsageError(f"A CDN trigger's configuration needs {missing[0]}.", hint='{"eventName": ..., "filter": {"domain": [...]}}')
        chosen = config["filter"]
        if not isinstance(chosen, dict) or [*chosen] != ["domain"]:
            raise UsageError(f"The filter of a CDN trigger names domains, unlike {chosen!r}.", hint='{"domain": ["img.example.com"]}')
        return cls(
            event=config["eventName"], version=config.get("eventVersion", VERSION), domains=chosen["domain"], notes=config.get("notes", "")
        )

    @classmethod
    def example(cls) -> bytes:
        path = log_path("img.example.com", 1_767_225_600, 1_767_225_900)
        told = {"domain": "img.example.com", "startTime": 1_767_225_600, "endTime": 1_767_225_900, "fileSize": 2048, "filePath": path}
        return cdn_event("LogFileCreated", "img.example.com", 1_767_225_900 * SECOND, "c6459282-6a4d-4413-894c-e4ea39686738", told)


def cdn_event(name: str, domain: str, unix: int, trace: str, parameter: dict[str, Any]) -> bytes:
    """What a function gets when `name` happens to `domain` at `unix` (µs since 1970, told in Chinese time)."""
    stamp = datetime.fromtimestamp(unix // SECOND, _CHINA).isoformat()
    return document({"events": [{
        "eventName": name, "eventVersion": VERSION, "eventSource": "cdn", "region": REGION, "eventTime": stamp, "traceId": trace,
        "resource": {"domain": domain}, "eventParameter": parameter, "userIdentity": {"aliUid": ACCOUNT},
    }]})  # fmt: skip


def log_path(domain: str, start: int, end: int) -> str:
    """Where the log file of a domain lies, for the interval from `start` to `end` in seconds since 1970."""
    first, last = (datetime.fromtimestamp(at, _CHINA) for at in (start, end))
    return f"{domain}/{first:%Y_%m_%d}/{domain}_{first:%Y_%m_%d_%H%M%S}_{last:%H%M%S}.log"
