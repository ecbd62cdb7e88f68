"""What the object store holds, and how a change of it becomes events: the ground that its verbs stand on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from fclab.errors import SourceError
from fclab.sources.base import Binding, Source
from fclab.sources.deliveries import backoff
from fclab.sources.hub import Change, Hub
from fclab.sources.objects.bodies import Bodies, Draft, Files, Memory
from fclab.sources.objects.events import Happening, bucket_arn, happening, payload
from fclab.sources.objects.limits import MAX_BUCKETS, bucket_name, object_key
from fclab.sources.objects.trigger import OSSTrigger, explain
from fclab.sources.stamps import stamp_ms

__all__ = ["COLUMNS", "Held", "Holdings"]

MOST_TRIGGERS = 10
"""Enabled triggers on one bucket, as the product has it."""

_RETRY = backoff(1, 60, tries=10)
"""An assumption: how the store repeats a hand-over that the platform refused is not documented. `OSSTrigger.RETRIES` tells it."""

COLUMNS = "bucket, key, kind, body, size, etag, crc64, content_type, meta, target, modified"


@dataclass(slots=True)
class Held:
    """An object: its row. kind is Normal, Multipart, Appendable or Symlink; `modified` in µs since 1970; a symlink has no body."""

    bucket: str
    key: str
    kind: str
    body: int | None
    size: int
    etag: str
    crc64: str
    content_type: str
    meta: dict[str, str] = field(default_factory=dict)
    target: str = ""
    modified: int = 0

    def facts(self) -> dict[str, Any]:
        """As verbs tell it."""
        facts: dict[str, Any] = {
            "key": self.key, "size": self.size, "etag": self.etag, "crc64": self.crc64, "content_type": self.content_type,
            "type": self.kind, "last_modified": stamp_ms(self.modified), "meta": self.meta,
        }  # fmt: skip
        return facts | {"target": self.target} if self.kind == "Symlink" else facts


class Holdings(Source):
    """1. A row refers to a body that is there, whole: the body is kept before the row is committed, and removed after no row refers to it.
    2. Bodies that no row refers to, left by an end in between, are removed when the home is opened again.
    3. Copies share a body; `holders` counts. What is appended to grows behind what its copies know of.
    4. No two enabled triggers on a bucket can be set off by one event.
    """

    NAME = "objects"
    TITLE = "object store"
    TRIGGERS = (OSSTrigger,)
    SCHEMA = """
    CREATE TABLE IF NOT EXISTS object_buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS object_bodies (number INTEGER PRIMARY KEY AUTOINCREMENT, holders INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS objects (
        bucket TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, body INTEGER, size INTEGER NOT NULL, etag TEXT NOT NULL,
        crc64 TEXT NOT NULL, content_type TEXT NOT NULL, meta TEXT NOT NULL, target TEXT NOT NULL, modified INTEGER NOT NULL,
        PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS object_uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, content_type TEXT NOT NULL, meta TEXT NOT NULL,
        started INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS object_uploads_of ON object_uploads (bucket, key);
    CREATE TABLE IF NOT EXISTS object_parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, body INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        crc64 TEXT NOT NULL, modified INTEGER NOT NULL, PRIMARY KEY (upload, number)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS object_requests (one INTEGER PRIMARY KEY CHECK (one = 1), made INTEGER NOT NULL);
    INSERT OR IGNORE INTO object_requests VALUES (1, 0);
    """

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        folder = self.store.folder
        full = self.store.one("PRAGMA synchronous") == (2,)
        self.bodies: Bodies = Memory() if folder is None else Files(folder / "objects", full)
        self._rules: dict[str, list[Binding]] = {}

    # ---- triggers

    def bind(self, binding: Binding) -> None:
        trigger = binding.trigger
        assert isinstance(trigger, OSSTrigger)
        rules = self._rules.setdefault(trigger.bucket, [])
        for other in rules:
            assert isinstance(other.trigger, OSSTrigger)
            if error := explain(trigger, other.name, other.trigger):
                raise error
        if len(rules) >= MOST_TRIGGERS:
            raise SourceError(
                "InvalidArgument",
                f"Bucket {trigger.bucket!r} has {MOST_TRIGGERS} triggers already.",
                hint="delete one, or use another bucket",
            )
        self._need(trigger.bucket)
        self.hub.outbox.waits[binding.number] = _RETRY
        rules.append(binding)

    def unbind(self, binding: Binding) -> None:
        rules = self._rules.get(binding.trigger.watches, [])
        if binding in rules:
            rules.remove(binding)

    def reopened(self) -> None:
        self.bodies.sweep({number for (number,) in self.store.all("SELECT number FROM object_bodies")})

    # ---- for verbs

    def _bucket(self, bucket: str) -> None:
        """It must be there."""
        if self.store.one("SELECT 1 FROM object_buckets WHERE name = ?", bucket_name(bucket)) is None:
            raise SourceError("NoSuchBucket", f"There is no bucket {bucket!r}.", hint="a first put makes it, or create_bucket")

    def _need(self, bucket: str) -> None:
        """It must be there, and is made if it is not."""
        if self.store.one("SELECT 1 FROM object_buckets WHERE name = ?", bucket_name(bucket)) is not None:
            return
        if self.store.one("SELECT count(*) FROM object_buckets") == (MAX_BUCKETS,):
            raise SourceError("TooManyBuckets", f"There are {MAX_BUCKETS} buckets already.", hint="delete one that is not needed")
        self.store.run("INSERT INTO object_buckets VALUES (?, ?)", bucket, self.hub.unix())

    def _find(self, bucket: str, key: str) -> Held | None:
        row = self.store.one(f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key = ?", bucket, object_key(key))
        return None if row is None else self._of(row)

    @staticmethod
    def _of(row: tuple[Any, ...]) -> Held:
        held = Held(*row)
        held.meta = json.loads(row[8]) if row[8] != "{}" else {}
        return held

    def _held(self, bucket: str, key: str) -> Held:
        """The object, a symlink as such. Raises `SourceError` if it is not there."""
        self._bucket(bucket)
        held = self._find(bucket, key)
        if held is None:
            raise SourceError("NoSuchKey", f"There is no object {key!r} in bucket {bucket!r}.", hint="list() tells what there is")
        return held

    def _followed(self, bucket: str, key: str) -> Held:
        """The object, or what a symlink points at."""
        held = self._held(bucket, key)
        if held.kind != "Symlink":
            return held
        target = self._find(bucket, held.target)
        if target is None:
            raise SourceError("SymlinkTargetNotExist", f"{key!r} points at {held.target!r}, which is not there.", hint="put that first")
        if target.kind == "Symlink":
            raise SourceError("InvalidTargetType", f"{key!r} points at {held.target!r}, a symlink too.", hint="point at an object")
        return target

    def _request(self) -> str:
        """The id of a request that changes something: 24 hex digits, the same in every run with this seed."""
        self.store.run("UPDATE object_requests SET made = made + 1")
        (made,) = self.store.one("SELECT made FROM object_requests") or (0,)
        return hashlib.sha256(f"{self.hub.platform.seed}:objects:{made}".encode()).hexdigest()[:24].upper()

    def _hold(self, draft: Draft) -> int:
        """A draft becomes a body, inside a change."""
        number = self.store.run("INSERT INTO object_bodies (holders) VALUES (1)").lastrowid or 0
        self.bodies.keep(number, draft)
        return number

    def _release(self, change: Change, body: int | None) -> None:
        """One row less refers to a body."""
        if body is None:
            return
        self.store.run("UPDATE object_bodies SET holders = holders - 1 WHERE number = ?", body)
        if self.store.run("DELETE FROM object_bodies WHERE number = ? AND holders = 0", body).rowcount:
            change.then(lambda: self.bodies.remove(body))

    def _set(self, change: Change, held: Held, event: str, request_id: str) -> None:
        """Put a row in, in place of one that may be there, and tell it. Its body is held already."""
        before = self._find(held.bucket, held.key)
        if before is not None:
            self._release(change, before.body)
        held.modified = self.hub.unix()
        self.store.run(
            f"INSERT OR REPLACE INTO objects ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            held.bucket, held.key, held.kind, held.body, held.size, held.etag, held.crc64, held.content_type,
            json.dumps(held.meta), held.target, held.modified,
        )  # fmt: skip
        self._tell(change, event, held, held.size - (0 if before is None else before.size), request_id)

    def _drop(self, change: Change, held: Held, event: str, request_id: str) -> None:
        """Take a row out, and tell it."""
        self.store.run("DELETE FROM objects WHERE bucket = ? AND key = ?", held.bucket, held.key)
        self._release(change, held.body)
        self._tell(change, event, held, -held.size, request_id)

    def _tell(self, change: Change, event: str, held: Held, delta: int, request_id: str) -> None:
        """A change happened: to the recording, to the triggers that match, to the event bus."""
        change.happened(self.label(held.bucket), f"{event} {held.key}")
        what = Happening(
            event, held.bucket, held.key, held.size, delta, held.etag, held.content_type, self.hub.unix(), request_id, held.meta
        )
        for binding in self._rules.get(held.bucket, ()):
            if isinstance(binding.trigger, OSSTrigger) and binding.trigger.matches(event, held.key):
                change.send(binding, payload(what, binding.name))
        if self.hub.bus is not None:
            change.publish("acs.oss", f"oss:{event}", f"{bucket_arn(held.bucket)}/{held.key}", happening(what))
