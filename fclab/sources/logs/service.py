"""The log service: projects, logstores with shards, and the logs in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fclab.errors import SourceError
from fclab.sources.base import Binding, utf8, verb
from fclab.sources.logs.cursors import cursor, position
from fclab.sources.logs.job import Job
from fclab.sources.logs.query import parse
from fclab.sources.logs.stores import Logstore, Logstores, plain_text, whole
from fclab.sources.logs.trigger import LogTrigger, logstore_name, project_name
from fclab.units import SECOND, to_us

if TYPE_CHECKING:
    from fclab.sources.hub import Change, Hub

__all__ = ["Logs"]

_UNIX = 1_000_000_000
"""Seconds from which on a time is since 1970, and below which it is lab time."""
_MOST_LOGS, _MOST_BYTES = 4096, 10 * 1024 * 1024


class Logs(Logstores):
    """1. Every log has a number, larger than that of each log before it, and a time of arrival that is never earlier. So a number cuts
    each shard into what came before and what came after, and a time does too.
    2. The logs of one `append` go to one shard, and lie there one after the other.
    3. Logs older than the logstore's ttl are gone: nobody sees one, whether or not a job has read it.
    4. Logs hold texts. A value that is none is kept as its JSON.
    """

    NAME = "logs"
    TITLE = "log service"
    TRIGGERS = (LogTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.jobs: dict[int, Job] = {}

    # ---- triggers

    def bind(self, binding: Binding) -> None:
        """Start its job, and make what it watches."""
        trigger = binding.trigger
        assert isinstance(trigger, LogTrigger)
        with self.hub.change() as change:
            store = self.made(change, trigger.project, trigger.logstore)
            if trigger.log_project:
                self.made(change, trigger.log_project, trigger.log_logstore)
            first = 0 if trigger.start == "begin" else self.last() + 1
            if isinstance(trigger.start, (int, float)):
                first = self._since(store, self._moment(trigger.start, "start"))
            for number in [number for number in self.jobs if number not in self.hub.registry.by_number]:
                del self.jobs[number]
            self.jobs.setdefault(binding.number, Job(self, binding)).start(store, first)

    def unbind(self, binding: Binding) -> None:
        """Its job rests; what it has read stays known."""
        if binding.number in self.jobs:
            self.jobs[binding.number].stop()

    def woken(self, binding: Binding) -> None:
        """Its function is there."""
        if binding.number in self.jobs:
            self.jobs[binding.number].wake()

    def reopened(self) -> None:
        """Look again for what jobs have not read."""
        for job in self.jobs.values():
            job.wake()

    # ---- logs

    @verb
    def append(
        self, project: str, logstore: str, logs: list[Any], key: str | None = None, topic: str = "", source: str = ""
    ) -> dict[str, Any]:
        """Add logs, all to one shard; project and logstore are made if they are not there.

        logs   a list of mappings of fields, or of texts (a text becomes the field "content"); up to 4096, and 10 MB. Fields that begin with
               __ are the service's own
        key    logs with the same key go to the same shard; left out, the shards take turns
        topic, source   kept with each log, as __topic__ and __source__
        Returns {"shard", "count", "cursor" (just after them)}. Raises `SourceError` ("ParameterInvalid", "PostBodyTooLarge").
        """
        rows = [_fields(log) for log in logs] if isinstance(logs, (list, tuple)) else None
        if rows is None:
            raise SourceError("ParameterInvalid", f"logs is a list, not {logs!r}.", hint='such as [{"status": 200}]')
        project_name(project)
        logstore_name(logstore)
        if len(rows) > _MOST_LOGS or sum(len(row.encode()) for row in rows) > _MOST_BYTES:
            hint = "give at most 4096 logs of 10 MB together"
            raise SourceError("PostBodyTooLarge", f"{len(rows)} logs are too much at once.", hint=hint)
        if key is not None:
            plain_text(key, "key")
        with self.hub.change() as change:
            return self.put(change, (project, logstore), rows, (plain_text(topic, "topic"), plain_text(source, "source")), key=key)

    @verb
    def query(
        self, project: str, logstore: str, query: str = "", from_: float | None = None, to: float | None = None, lines: int = 100,
        offset: int = 0, reverse: bool = False,
    ) -> list[dict[str, str]]:  # fmt: skip
        """The logs that arrived in [from_, to) and meet `query`, oldest first.

        query      words, field:word, field > number, and, or, not, ( ): see `fclab.sources.logs.query`; "" for all
        from_, to  seconds of lab time, or, from 1e9 on, since 1970; left out: from the first, to the last
        lines      most logs to return, 1 to 1000; offset: how many to skip first; reverse: newest first
        Returns [{"__time__" (s since 1970, a text), "__topic__", "__source__", and the fields}].
        Raises `SourceError` ("ProjectNotExist", "LogStoreNotExist", "ParameterInvalid").
        """
        store = self.logstore(project, logstore)
        condition = parse(plain_text(query, "query"))
        first = 0 if from_ is None else self._moment(from_, "from_")
        last = None if to is None else self._moment(to, "to")
        if last is not None and last < first:
            raise SourceError("ParameterInvalid", "from_ is after to.", hint="give the earlier time as from_")
        whole(lines, "lines", 1, 1000)
        whole(offset, "offset", 0, 1 << 62)
        self._expire(store)
        order = "DESC" if reverse else "ASC"
        rows = self.store.run(
            "SELECT number, time, topic, source, fields FROM logs WHERE store = ? AND time >= ? AND time < ? "
            f"ORDER BY time {order}, number {order}",
            store.number, first, (1 << 62) if last is None else last,
        )  # fmt: skip
        found: list[dict[str, str]] = []
        for row in rows:
            log = _log(row)
            if condition.meets(log):
                if offset:
                    offset -= 1
                    continue
                found.append(log)
                if len(found) == lines:
                    break
        return found

    @verb
    def get_cursor(self, project: str, logstore: str, shard: int, at: str | float = "end") -> str:
        """A place in a shard: "begin" (before the oldest log that is kept), "end" (after the newest), or a time.

        A time, as `query` has it, is the place before the first log that arrived then or later.
        Raises `SourceError` ("ShardNotExist", "ParameterInvalid", and as `query`).
        """
        store = self._shard(project, logstore, shard)
        self._expire(store)
        if at == "end":
            return cursor(store.number, shard, self.last() + 1)
        if isinstance(at, str) and at != "begin":
            raise SourceError("ParameterInvalid", f'at is "begin", "end" or a time, not {at!r}.', hint="give a time as a number of seconds")
        return cursor(store.number, shard, self._since(store, 0 if at == "begin" else self._moment(at, "at")))

    @verb
    def pull(
        self, project: str, logstore: str, shard: int, begin_cursor: str, end_cursor: str | None = None, count: int = 100
    ) -> dict[str, Any]:
        """Up to `count` (1 to 1000) logs of a shard in the order in which they came, from one cursor up to, but not at, another.

        Returns {"logs" (as `query` has them), "count", "next_cursor" (where to go on)}; with count 0 there are no more.
        Raises `SourceError` ("InvalidCursor", "ShardNotExist", and as `query`).
        """
        store = self._shard(project, logstore, shard)
        whole(count, "count", 1, 1000)
        begin = position(begin_cursor, store.number, shard, "begin_cursor")
        end = self.last() + 1 if end_cursor is None else position(end_cursor, store.number, shard, "end_cursor")
        self._expire(store)
        rows = self.store.all(
            "SELECT number, time, topic, source, fields FROM logs WHERE store = ? AND shard = ? AND number >= ? AND number < ? "
            "ORDER BY number LIMIT ?", store.number, shard, begin, end, count,
        )  # fmt: skip
        after = rows[-1][0] + 1 if len(rows) == count else max(begin, end)
        return {"logs": [_log(row) for row in rows], "count": len(rows), "next_cursor": cursor(store.number, shard, after)}

    # ---- for jobs

    def put(
        self, change: Change, where: tuple[str, str], rows: list[str], tags: tuple[str, str], *, key: str | None = None,
        cause: int | None = None, depth: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Store logs (fields as JSON) inside a change, and let jobs know. cause, depth: as `Change` has them, if they are others."""
        store = self.made(change, *where)
        self._expire(store)
        number, shard = self.last(), 0
        if key is not None:
            shard = int.from_bytes(hashlib.md5(utf8(key, "key"), usedforsecurity=False).digest()) * store.shards >> 128
        elif rows:
            ((turn,),) = self.store.all("UPDATE logstores SET turn = (turn + 1) % shards WHERE number = ? RETURNING turn", store.number)
            shard = (turn - 1) % store.shards
        if rows:
            newest = self.store.one("SELECT max(time) FROM logs WHERE store = ?", store.number)
            now = max(self.hub.unix(), newest[0] if newest and newest[0] is not None else 0)
            cause, depth = change.cause if cause is None else cause, change.depth if depth is None else depth
            self.store.many(
                "INSERT INTO logs (store, shard, time, cause, depth, topic, source, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((store.number, shard, now, cause, depth, *tags, row) for row in rows),
            )
            number = self.last()
            change.happened(self.named(store), f"PutLogs {len(rows)} shard {shard}")
            for job in self.jobs.values():
                if job.watches(store):
                    change.then(job.wake)
        return {"shard": shard, "count": len(rows), "cursor": cursor(store.number, shard, number + 1)}

    def news(self, store: int, shard: int, after: int) -> tuple[int, int, int, int] | None:
        """(number, time, cause, depth) of the newest log of a shard, if its number is `after` or more."""
        row = self.store.one(
            "SELECT number, time, cause, depth FROM logs WHERE store = ? AND shard = ? AND number >= ? ORDER BY number DESC LIMIT 1",
            store, shard, after,
        )  # fmt: skip
        return None if row is None else (row[0], row[1], row[2], row[3])

    def find(self, project: str, logstore: str) -> Logstore | None:
        """A logstore, with what has passed its time gone from it; None if there is none."""
        store = self._find(project, logstore)
        if store is not None:
            self._expire(store)
        return store

    def last(self) -> int:
        """The number of the newest log there ever was."""
        row = self.store.one("SELECT seq FROM sqlite_sequence WHERE name = 'logs'")
        return int(row[0]) if row else 0

    # ---- inside

    def _since(self, store: Logstore, time: int) -> int:
        """The number of the first log that arrived at `time` or later; one more than the newest if there is none (clause 1)."""
        row = self.store.one("SELECT number FROM logs WHERE store = ? AND time >= ? ORDER BY time, number LIMIT 1", store.number, time)
        return int(row[0]) if row else self.last() + 1

    def _moment(self, value: object, name: str) -> int:
        us = to_us(value, name)
        return us if us >= _UNIX * SECOND else self.hub.unix(us)


def _log(row: tuple[Any, ...]) -> dict[str, str]:
    _, time, topic, source, fields = row
    return {"__time__": str(time // SECOND), "__topic__": topic, "__source__": source, **json.loads(fields)}


def _fields(log: object) -> str:
    """A log's fields as JSON (clause 4)."""
    if isinstance(log, str):
        log = {"content": log}
    if not isinstance(log, Mapping) or not all(isinstance(name, str) and name for name in log):
        raise SourceError("ParameterInvalid", f"A log is a mapping of fields, or a text, not {log!r}.", hint='such as {"status": 200}')
    if own := [name for name in log if name.startswith("__")]:
        raise SourceError("ParameterInvalid", f"{own[0]!r} is no name for a field.", hint="__ is for the service's own fields")
    try:
        texts = {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in log.items()}
        return json.dumps(texts, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        hint = "give texts and numbers"
        raise SourceError("ParameterInvalid", f"A field of {log!r} is neither text nor JSON: {error}.", hint=hint) from None
