"""The CDN: domains, a cache for each, tasks that change it, and log files of what was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fclab.errors import SourceError, UsageError
from fclab.sources.base import Binding, Source, verb
from fclab.sources.cdn.trigger import CDNTrigger, cdn_event, domain_check, log_path
from fclab.sources.deliveries import backoff
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.sources.hub import Change, Hub

__all__ = ["INTERVAL", "Cdn"]

INTERVAL = 300
"""Seconds of requests in one log file; it is created at their end, counted from the full hour."""
TAKES = {"refresh": 2.0, "push": 3.0, "block": 2.0}
"""Seconds that a task takes here. The product's take minutes."""
MOST_PATHS = 1000
_DONE = {"refresh": "CachedObjectsRefreshed", "push": "CachedObjectsPushed", "block": "CachedObjectsBlocked"}
_RETRY = backoff(1, 4, tries=4)


class Cdn(Source):
    """1. A domain is online or offline. What is asked of an online one is a hit if it is in the cache, else a miss, and then it is there.
    2. A task changes the cache when it completes, which `run()` waits for, also after a home was opened again.
    3. Each interval in which a domain was asked for anything makes one log file, at its end. These ends are no work that `run()` waits for;
       those that pass while a home is closed come when it is opened again.
    """

    NAME = "cdn"
    TITLE = "content delivery network"
    SCHEMA = """
    CREATE TABLE IF NOT EXISTS cdn_domains (name TEXT PRIMARY KEY, online INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cdn_cache (
        domain TEXT NOT NULL, path TEXT NOT NULL, blocked INTEGER NOT NULL, PRIMARY KEY (domain, path)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cdn_tasks (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, domain TEXT NOT NULL, type TEXT NOT NULL, paths TEXT NOT NULL,
        created INTEGER NOT NULL, due INTEGER NOT NULL, done INTEGER, cause INTEGER NOT NULL, depth INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS cdn_requests (
        domain TEXT NOT NULL, slot INTEGER NOT NULL, number INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (domain, slot, number)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cdn_slots (
        domain TEXT NOT NULL, slot INTEGER NOT NULL, lines INTEGER NOT NULL, size INTEGER NOT NULL, filed INTEGER NOT NULL,
        PRIMARY KEY (domain, slot)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS cdn_unfiled ON cdn_slots (filed, slot);
    """
    TRIGGERS = (CDNTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._traces = 0
        self._next: Timer | None = None
        """The end of the interval that is next to be filed."""

    def bind(self, binding: Binding) -> None:
        self.hub.outbox.waits[binding.number] = _RETRY

    def reopened(self) -> None:
        """Clauses 2 and 3."""
        now = self.hub.unix()
        for task, due in self.store.all("SELECT id, due FROM cdn_tasks WHERE done IS NULL ORDER BY id"):
            self.hub.owe(max(0, due - now), self._complete, task)
        self._arm()

    # ---- domains

    @verb
    def add(self, domain: str) -> None:
        """Make a domain, online. Raises `SourceError` ("DomainAlreadyExist")."""
        domain_check(domain)
        if self._online(domain) is not None:
            raise SourceError("DomainAlreadyExist", f"The domain {domain!r} is there already.", hint="use it, or delete it first")
        with self.hub.change() as change:
            self.store.run("INSERT INTO cdn_domains VALUES (?, 1, ?)", domain, self.hub.unix())
            self._tell(change, "CdnDomainAdded", domain, {"domain": domain, "status": "online"})

    @verb
    def start(self, domain: str) -> None:
        """Bring a domain online; nothing happens to one that is. Raises `SourceError` ("InvalidDomain.NotFound")."""
        self._switch(domain, True)

    @verb
    def stop(self, domain: str) -> None:
        """Take a domain offline; nothing happens to one that is. Raises `SourceError` ("InvalidDomain.NotFound")."""
        self._switch(domain, False)

    @verb
    def delete(self, domain: str) -> None:
        """Delete a domain that is offline, with its cache; its log files stay.

        Raises `SourceError`: "InvalidDomain.NotFound", or "DomainInService" for one that is online.
        """
        if self._known(domain):
            raise SourceError("DomainInService", f"The domain {domain!r} is online.", hint="stop it first")
        with self.hub.change() as change:
            self.store.run("DELETE FROM cdn_domains WHERE name = ?", domain)
            self.store.run("DELETE FROM cdn_cache WHERE domain = ?", domain)
            self._tell(change, "CdnDomainDeleted", domain, {"domain": domain, "status": "offline"})

    @verb
    def domains(self) -> list[dict[str, Any]]:
        """The domains by name: [{"domain", "status": "online" or "offline"}]."""
        rows = self.store.all("SELECT name, online FROM cdn_domains ORDER BY name")
        return [{"domain": name, "status": "online" if online else "offline"} for name, online in rows]

    # ---- requests

    @verb
    def request(self, domain: str, path: str, size: int = 1024) -> dict[str, Any]:
        """What a visitor asks the CDN for: {"status": 200, "cache": "HIT" or "MISS", "bytes": size}; 403 without bytes for a blocked path.

        size   bytes of the answer, which the log tells. Raises `SourceError`: "InvalidDomain.NotFound", "InvalidDomain.Offline".
        """
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise UsageError(f"size is a number of bytes from 0, not {size!r}.", hint="such as 1024")
        (path,) = _paths([path])
        if not self._known(domain):
            raise SourceError("InvalidDomain.Offline", f"The domain {domain!r} is offline.", hint="start it")
        row = self.store.one("SELECT blocked FROM cdn_cache WHERE domain = ? AND path = ?", domain, path)
        blocked, cache = row is not None and bool(row[0]), "MISS" if row is None else "HIT"
        status, sent = (403, 0) if blocked else (200, size)
        now = self.hub.unix()
        stamp = datetime.fromtimestamp(now // SECOND, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        line = f'[{stamp}] 127.0.0.1 "GET https://{domain}{path}" {status} {sent} {cache}'
        slot = now // (INTERVAL * SECOND)
        with self.hub.change() as change:
            if row is None:
                self.store.run("INSERT INTO cdn_cache VALUES (?, ?, 0)", domain, path)
            self.store.run(
                "INSERT INTO cdn_slots VALUES (?, ?, 1, ?, 0) ON CONFLICT DO UPDATE SET lines = lines + 1, size = size + excluded.size",
                domain, slot, len(line.encode()) + 1,
            )  # fmt: skip
            self.store.run(
                "INSERT INTO cdn_requests SELECT domain, slot, lines, ? FROM cdn_slots WHERE domain = ? AND slot = ?", line, domain, slot
            )
            change.then(self._arm)
        return {"status": status, "cache": cache, "bytes": sent}

    @verb
    def log_files(self, domain: str) -> list[dict[str, Any]]:
        """The log files of a domain, oldest first: [{"filePath", "startTime", "endTime" (s since 1970), "fileSize" (bytes)}]."""
        rows = self.store.all("SELECT slot, size FROM cdn_slots WHERE domain = ? AND filed = 1 ORDER BY slot", domain_check(domain))
        return [{key: value for key, value in self._file(domain, *row).items() if key != "domain"} for row in rows]

    @verb
    def read_log(self, path: str) -> str:
        """The text of a log file: a line for each request. Raises `SourceError` ("NoSuchKey")."""
        domain = str(path).partition("/")[0]
        for (slot,) in self.store.all("SELECT slot FROM cdn_slots WHERE domain = ? AND filed = 1 ORDER BY slot", domain):
            if log_path(domain, slot * INTERVAL, (slot + 1) * INTERVAL) == path:
                lines = self.store.all("SELECT line FROM cdn_requests WHERE domain = ? AND slot = ? ORDER BY number", domain, slot)
                return "".join(f"{line}\n" for (line,) in lines)
        raise SourceError("NoSuchKey", f"There is no log file {path!r}.", hint="see lab.cdn.log_files(domain)")

    # ---- tasks

    @verb
    def refresh(self, domain: str, paths: str | Sequence[str], kind: str = "File") -> int:
        """Have paths fetched anew when they are asked for next; the task's number.

        paths   one, or up to 1000; kind: "File", or "Directory" for all below paths that end in /
        Raises `SourceError` ("InvalidDomain.NotFound").
        """
        return self._task("refresh", domain, paths, kind)

    @verb
    def push(self, domain: str, paths: str | Sequence[str]) -> int:
        """Have paths fetched before anybody asks; the task's number. Arguments and errors as for `refresh`."""
        return self._task("push", domain, paths, "File")

    @verb
    def block(self, domain: str, paths: str | Sequence[str]) -> int:
        """Have paths refused (403) until they are refreshed or pushed; the task's number. Arguments and errors as for `refresh`."""
        return self._task("block", domain, paths, "File")

    @verb
    def tasks(self, task: int | None = None) -> list[dict[str, Any]]:
        """Tasks by number, or one: [{"task", "kind", "domain", "paths", "status": "Refreshing" or "Complete"}]."""
        rows = self.store.all("SELECT id, kind, domain, paths, done FROM cdn_tasks WHERE ? IN (id, 0) ORDER BY id", task or 0)
        return [{"task": number, "kind": kind, "domain": domain, "paths": json.loads(paths), "status": "Complete" if done else "Refreshing"}
                for number, kind, domain, paths, done in rows]  # fmt: skip

    def _task(self, kind: str, domain: str, paths: str | Sequence[str], type_: str) -> int:
        if type_ not in ("File", "Directory"):
            raise UsageError(f"kind is File or Directory, not {type_!r}.", hint="Directory takes all below a path")
        given = _paths([paths] if isinstance(paths, str) else paths)
        if type_ == "Directory" and (wrong := [path for path in given if not path.endswith("/")]):
            raise UsageError(f"A directory ends in /, unlike {wrong[0]!r}.", hint="or refresh it as a File")
        self._known(domain)
        now, takes = self.hub.unix(), round(TAKES[kind] * SECOND)
        with self.hub.change() as change:
            row = self.store.run(
                "INSERT INTO cdn_tasks (kind, domain, type, paths, created, due, cause, depth) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                kind, domain, type_, json.dumps(given), now, now + takes, change.cause, change.depth,
            )  # fmt: skip
            number = row.lastrowid or 0
            change.happened(self.label(domain), f"{kind} {number}")
            change.then(lambda: self.hub.owe(takes, self._complete, number))
        return number

    def _complete(self, number: int) -> None:
        row = self.store.one("SELECT kind, domain, type, paths, created, cause, depth FROM cdn_tasks WHERE id = ?", number)
        assert row is not None
        kind, domain, type_, text, created, cause, depth = row
        paths, now = json.loads(text), self.hub.unix()
        with self.hub.change() as change:
            change.cause, change.depth = cause, depth
            self.store.run("UPDATE cdn_tasks SET done = ? WHERE id = ?", now, number)
            if self._online(domain) is None:
                return
            for path in paths:
                if type_ == "Directory":
                    self.store.run("DELETE FROM cdn_cache WHERE domain = ? AND path >= ? AND path < ?", domain, path, path[:-1] + "0")
                elif kind == "refresh":
                    self.store.run("DELETE FROM cdn_cache WHERE domain = ? AND path = ?", domain, path)
                else:
                    self.store.run("INSERT OR REPLACE INTO cdn_cache VALUES (?, ?, ?)", domain, path, kind == "block")
            told = {"objectPath": paths, "createTime": created // SECOND, "completeTime": now // SECOND, "domain": domain}
            change.was_time(self.label(domain), _DONE[kind])
            self._send(change, _DONE[kind], domain, {**told, "objectType": type_, "taskId": number})

    # ---- within

    def _online(self, domain: object) -> bool | None:
        row = self.store.one("SELECT online FROM cdn_domains WHERE name = ?", domain_check(domain))
        return None if row is None else bool(row[0])

    def _known(self, domain: object) -> bool:
        online = self._online(domain)
        if online is None:
            raise SourceError("InvalidDomain.NotFound", f"There is no domain {domain!r}.", hint="add it first")
        return online

    def _switch(self, domain: str, online: bool) -> None:
        if self._known(domain) == online:
            return
        with self.hub.change() as change:
            self.store.run("UPDATE cdn_domains SET online = ? WHERE name = ?", online, domain)
            name, status = ("CdnDomainStarted", "online") if online else ("CdnDomainStopped", "offline")
            self._tell(change, name, domain, {"domain": domain, "status": status})

    def _tell(self, change: Change, name: str, domain: str, parameter: dict[str, Any]) -> None:
        """Record what somebody did, and send it to the triggers that look for it."""
        change.happened(self.label(domain), name)
        self._send(change, name, domain, parameter)

    def _send(self, change: Change, name: str, domain: str, parameter: dict[str, Any]) -> None:
        """To the triggers that look for it."""
        self._traces += 1
        now = self.hub.unix()
        trace = str(UUID(bytes=sha256(f"{self.hub.platform.seed}:cdn:{now}:{self._traces}".encode()).digest()[:16]))
        for binding in self.hub.registry.of(self.NAME):
            trigger = binding.trigger
            if isinstance(trigger, CDNTrigger) and trigger.event == name and domain in trigger.domains:
                change.send(binding, cdn_event(name, domain, now, trace, parameter))

    def _file(self, domain: str, slot: int, size: int) -> dict[str, Any]:
        start, end = slot * INTERVAL, (slot + 1) * INTERVAL
        return {"domain": domain, "startTime": start, "endTime": end, "fileSize": size, "filePath": log_path(domain, start, end)}

    def _arm(self) -> None:
        """See to it that the oldest interval that has no file yet gets one at its end."""
        if self._next is None:
            row = self.store.one("SELECT min(slot) FROM cdn_slots WHERE filed = 0")
            if row is not None and row[0] is not None:
                self._next = self.hub.tick((row[0] + 1) * INTERVAL * SECOND, self._close_interval)

    def _close_interval(self) -> None:
        self._next = None
        over = self.hub.unix() // (INTERVAL * SECOND)
        rows = self.store.all("SELECT domain, slot, size FROM cdn_slots WHERE filed = 0 AND slot < ? ORDER BY slot, domain", over)
        with self.hub.change() as change:
            for domain, slot, size in rows:
                self.store.run("UPDATE cdn_slots SET filed = 1 WHERE domain = ? AND slot = ?", domain, slot)
                change.was_time(self.label(domain), "LogFileCreated")
                self._send(change, "LogFileCreated", domain, self._file(domain, slot, size))
        self._arm()


def _paths(paths: object) -> list[str]:
    if not isinstance(paths, (list, tuple)) or not 1 <= len(paths) <= MOST_PATHS:
        raise UsageError(f"paths are 1 to {MOST_PATHS}, in a list.", hint='such as ["/a.jpg", "/b.jpg"]')
    if wrong := [path for path in paths if not isinstance(path, str) or not path.startswith("/") or not path.isprintable()]:
        raise UsageError(f"A path begins with /, unlike {wrong[0]!r}.", hint='such as "/photos/a.jpg"')
    return list(paths)
