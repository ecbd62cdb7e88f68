"""Projects and the logstores in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fclab.errors import SourceError, UsageError
from fclab.sources.base import Source, verb
from fclab.sources.logs.trigger import logstore_name, project_name
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.sources.hub import Change

__all__ = ["Logstore", "Logstores", "plain_text", "whole"]

SHARDS, DAYS = 2, 30
"""What a logstore has unless it is told otherwise, as in the product's client."""
_FOREVER = 3650


@dataclass(frozen=True, slots=True)
class Logstore:
    """A logstore as stored. number is its own, for ever; ttl in days."""

    number: int
    project: str
    name: str
    shards: int
    ttl: int


class Logstores(Source):
    """The part of the log service that says where logs go. A logstore's number is never given to another."""

    SCHEMA = """
CREATE TABLE IF NOT EXISTS log_projects (name TEXT PRIMARY KEY, description TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logstores (
    number INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, name TEXT NOT NULL, shards INTEGER NOT NULL, ttl INTEGER NOT NULL,
    turn INTEGER NOT NULL DEFAULT 0, UNIQUE (project, name)
);
CREATE TABLE IF NOT EXISTS logs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL, shard INTEGER NOT NULL, time INTEGER NOT NULL,
    cause INTEGER NOT NULL, depth INTEGER NOT NULL, topic TEXT NOT NULL, source TEXT NOT NULL, fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS logs_shard ON logs (store, shard);
CREATE INDEX IF NOT EXISTS logs_time ON logs (store, time);
"""

    # ---- projects and logstores

    @verb
    def create_project(self, project: str, description: str = "") -> None:
        """Make a project. Raises `SourceError` ("ProjectAlreadyExist")."""
        if self._project(project_name(project), must=False):
            raise SourceError("ProjectAlreadyExist", f"There is a project {project!r} already.", hint="use it, or choose another name")
        with self.hub.change() as change:
            self.store.run("INSERT INTO log_projects VALUES (?, ?)", project, plain_text(description, "description"))
            change.happened(self.label(project), "CreateProject")

    @verb
    def delete_project(self, project: str) -> None:
        """Delete a project with all its logstores. Raises `SourceError` ("ProjectNotExist")."""
        self._project(project)
        with self.hub.change() as change:
            for name in self.list_logstores(project):
                self.delete_logstore(project, name)
            self.store.run("DELETE FROM log_projects WHERE name = ?", project)
            change.happened(self.label(project), "DeleteProject")

    @verb
    def list_projects(self) -> list[str]:
        """The names of all projects, sorted."""
        return [name for (name,) in self.store.all("SELECT name FROM log_projects ORDER BY name")]

    @verb
    def create_logstore(self, project: str, logstore: str, shards: int = SHARDS, ttl: int = DAYS) -> None:
        """Make a logstore, and its project if it is not there.

        shards   1 to 10; ttl: days that logs are kept, 1 to 3650, which means for ever
        Raises `SourceError` ("LogStoreAlreadyExist").
        """
        whole(shards, "shards", 1, 10)
        whole(ttl, "ttl", 1, _FOREVER)
        project_name(project)
        logstore_name(logstore)
        if self._find(project, logstore) is not None:
            hint = "use it, or delete it first"
            raise SourceError("LogStoreAlreadyExist", f"{project!r} has a logstore {logstore!r} already.", hint=hint)
        with self.hub.change() as change:
            self.made(change, project, logstore, shards, ttl)

    @verb
    def update_logstore(self, project: str, logstore: str, ttl: int) -> None:
        """Keep logs for `ttl` days, 1 to 3650, from now on."""
        whole(ttl, "ttl", 1, _FOREVER)
        store = self.logstore(project, logstore)
        with self.hub.change() as change:
            self.store.run("UPDATE logstores SET ttl = ? WHERE number = ?", ttl, store.number)
            change.happened(self.named(store), f"UpdateLogStore ttl {ttl}")

    @verb
    def delete_logstore(self, project: str, logstore: str) -> None:
        """Delete a logstore with its logs. Triggers on it stay, and go on with the next of that name. Raises as `query`."""
        store = self.logstore(project, logstore)
        with self.hub.change() as change:
            self.store.run("DELETE FROM logs WHERE store = ?", store.number)
            self.store.run("DELETE FROM logstores WHERE number = ?", store.number)
            change.happened(self.named(store), "DeleteLogStore")

    @verb
    def list_logstores(self, project: str) -> list[str]:
        """The names of a project's logstores, sorted. Raises `SourceError` ("ProjectNotExist")."""
        self._project(project)
        return [name for (name,) in self.store.all("SELECT name FROM logstores WHERE project = ? ORDER BY name", project)]

    @verb
    def get_logstore(self, project: str, logstore: str) -> dict[str, Any]:
        """{"logstoreName", "shardCount", "ttl" (days)}. Raises as `query`."""
        store = self.logstore(project, logstore)
        return {"logstoreName": store.name, "shardCount": store.shards, "ttl": store.ttl}

    @verb
    def list_shards(self, project: str, logstore: str) -> list[dict[str, Any]]:
        """[{"shardID", "status": "readwrite", "inclusiveBeginKey", "exclusiveEndKey"}]: whose MD5 lies in the range goes there."""
        store = self.logstore(project, logstore)
        edges = [f"{min((1 << 128) - 1, -(-(at << 128) // store.shards)):032x}" for at in range(store.shards + 1)]
        return [
            {"shardID": at, "status": "readwrite", "inclusiveBeginKey": edges[at], "exclusiveEndKey": edges[at + 1]}
            for at in range(store.shards)
        ]

    # ---- inside

    def named(self, store: Logstore) -> str:
        return self.label(f"{store.project}/{store.name}")

    def _project(self, project: str, must: bool = True) -> bool:
        there = self.store.one("SELECT 1 FROM log_projects WHERE name = ?", plain_text(project, "project")) is not None
        if must and not there:
            known = ", ".join(self.list_projects()) or "none"
            raise SourceError("ProjectNotExist", f"There is no project {project!r}.", hint=f"there is: {known}")
        return there

    def _find(self, project: str, logstore: str) -> Logstore | None:
        row = self.store.one(
            "SELECT number, project, name, shards, ttl FROM logstores WHERE project = ? AND name = ?",
            plain_text(project, "project"), plain_text(logstore, "logstore"),
        )  # fmt: skip
        return Logstore(*row) if row else None

    def logstore(self, project: str, logstore: str) -> Logstore:
        store = self._find(project, logstore)
        if store is None:
            there = ", ".join(self.list_logstores(project)) or "none"  # says so if there is no such project
            raise SourceError("LogStoreNotExist", f"{project!r} has no logstore {logstore!r}.", hint=f"it has: {there}")
        return store

    def _shard(self, project: str, logstore: str, shard: object) -> Logstore:
        store = self.logstore(project, logstore)
        if isinstance(shard, bool) or not isinstance(shard, int) or not 0 <= shard < store.shards:
            raise SourceError("ShardNotExist", f"{logstore!r} has no shard {shard!r}.", hint=f"it has 0 to {store.shards - 1}")
        return store

    def made(self, change: Change, project: str, logstore: str, shards: int = SHARDS, ttl: int = DAYS) -> Logstore:
        store = self._find(project, logstore)
        if store is not None:
            return store
        if not self._project(project, must=False):
            self.store.run("INSERT INTO log_projects VALUES (?, '')", project)
            change.happened(self.label(project), "CreateProject")
        row = self.store.run("INSERT INTO logstores (project, name, shards, ttl) VALUES (?, ?, ?, ?)", project, logstore, shards, ttl)
        store = Logstore(row.lastrowid or 0, project, logstore, shards, ttl)
        change.happened(self.named(store), f"CreateLogStore {shards} shards")
        return store

    def _expire(self, store: Logstore) -> None:
        if store.ttl < _FOREVER:
            self.store.run("DELETE FROM logs WHERE store = ? AND time < ?", store.number, self.hub.unix() - store.ttl * 86_400 * SECOND)


def plain_text(value: object, what: str) -> str:
    """`value`, if it is a text. Raises `UsageError`."""
    if not isinstance(value, str):
        raise UsageError(f"{what} is a text, not {value!r}.", hint=f"give {what} as a str")
    return value


def whole(value: object, what: str, least: int, most: int) -> None:
    """Refuse what is no whole number in [least, most] with a `SourceError` ("ParameterInvalid")."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SourceError("ParameterInvalid", f"{what} is a whole number from {least} to {most}, not {value!r}.", hint=f"choose {what} so")
