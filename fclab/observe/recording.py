"""The record of what happened: append-only, exact, the single source of every picture, table, bill and metric."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, NamedTuple

from fclab.errors import UsageError
from fclab.observe.event_list import Events
from fclab.observe.events import EVENT_TYPES, Event, ExecutionEnded, Row
from fclab.observe.hooks import Hooks
from fclab.units import rounded_text, seconds, to_us

if TYPE_CHECKING:
    import networkx as nx

    from fclab.observe.hops import Hops
    from fclab.observe.spans import Spans

__all__ = ["Difference", "InstanceName", "PayloadNote", "Recording"]

WIDTH, PREVIEW = 8, 1024
_SPILL, _BLOCK = WIDTH * 512, WIDTH * 65_536
"""Numbers that gather before they are packed (few enough to stay in the processor's cache), and numbers in a block."""


@dataclass(frozen=True, slots=True)
class PayloadNote:
    """What a recording keeps of a payload: its size in bytes, SHA-256 and first 1 KiB."""

    size: int
    sha256: str
    preview: bytes

    @classmethod
    def of(cls, payload: bytes) -> PayloadNote:
        """The note of a payload."""
        return cls(len(payload), hashlib.sha256(payload).hexdigest(), payload[:PREVIEW])


class InstanceName(NamedTuple):
    """Instance number n of a recording: the `ordinal`-th instance of function number `function`; `reserved` or on demand."""

    function: int
    ordinal: int
    reserved: bool
    label: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Two recordings part at event `index`: `ours` and `theirs` (None where one has ended)."""

    index: int
    ours: Event | None
    theirs: Event | None


class Recording:
    """Events as columns of integers, with the tables of names they refer to.

    1. Append-only: `emit` and `put` are the ways in; nothing is changed or removed.
    2. Numbers for functions, instances and texts count from 1; 0 means none.
    3. The digest covers every event, name and payload, but no memory reading, and no time where the clock was a wall clock.
    4. Rows lie in one flat list that spills into typed arrays, so keeping everything costs 64 bytes an event.
    """

    def __init__(self, meta: dict[str, str | int] | None = None, *, keep: bool = True) -> None:
        self.meta: dict[str, str | int] = {"clock": "virtual", "backend": "virtual", "profile": "classroom", "seed": 0, **(meta or {})}
        self.keep = keep
        self.hooks = Hooks(self._wire)
        self.functions: list[str] = [""]
        self.instances: list[InstanceName] = [InstanceName(0, 0, False, "")]
        self.texts: list[str] = [""]
        self.payloads: dict[tuple[int, str], bytes | PayloadNote] = {}
        """By request and 'event' or 'result': up to 1 KiB the payload itself, of a longer one a note. `notes` speaks of all alike."""
        self.start_us = 0
        """Lab time in µs from which on it speaks: not 0 where a home goes on."""
        self.until_us = 0
        """Lab time up to which the recording speaks, in µs; the lab moves it on."""
        self._text_numbers: dict[str, int] = {"": 0}
        self._blocks: list[array[int]] = []
        self._tail: list[int] = []
        self.put: Callable[[tuple[int, int, int, int, int, int, int, int]], object]
        """Append one event, given as its eight integers: the engine's way in, a list's own method while nobody listens. Where it is
        called for every request it is fetched into a local name first: Python 3.11 is slow to call what an attribute holds."""
        self._wire()

    # ---- writing

    def _wire(self) -> None:
        """Choose what `put` does."""
        if self.hooks.by_kind:
            self.put = self._put_watched
        elif self.keep:
            self.put = self._tail.extend
        else:
            self.put = lambda row: None

    def _put_watched(self, row: tuple[int, int, int, int, int, int, int, int]) -> None:
        if self.keep:
            self._tail.extend(row)
        if row[1] in self.hooks.by_kind:
            self.hooks.notify(self.event_of(Row(*row)))

    def pack(self) -> None:
        """Move what has gathered into typed arrays, if it is much; to be called now and then."""
        if len(self._tail) >= _SPILL:
            if not self._blocks or len(self._blocks[-1]) >= _BLOCK:
                self._blocks.append(array("q"))
            self._blocks[-1].frombytes(pack(f"{len(self._tail)}q", *self._tail))  # array.extend takes three times as long
            self._tail.clear()

    def emit(
        self, time: int, kind: int, request: int = 0, attempt: int = 0, instance: int = 0, function: int = 0, a: int = 0, b: int = 0
    ) -> None:
        """Append one event; times in µs, everything else numbers as in `Row`."""
        self.put((time, kind, request, attempt, instance, function, a, b))
        self.pack()

    def text(self, text: str) -> int:
        """The number of `text` in this recording's table of texts."""
        number = self._text_numbers.get(text)
        if number is None:
            number = self._text_numbers[text] = len(self.texts)
            self.texts.append(text)
        return number

    def add_function(self, name: str) -> int:
        """The number of a newly declared function."""
        self.functions.append(name)
        return len(self.functions) - 1

    def add_instance(self, function: int, ordinal: int, reserved: bool) -> int:
        """The number of a new instance."""
        self.instances.append(InstanceName(function, ordinal, reserved, f"{self.functions[function]}#{ordinal}"))
        return len(self.instances) - 1

    def note_payload(self, request: int, which: str, payload: bytes) -> None:
        """Keep size, hash and beginning of a request's 'event' or 'result'; an empty one needs no note."""
        if payload and self.keep:
            self.payloads[request, which] = payload if len(payload) <= PREVIEW else PayloadNote.of(payload)

    # ---- reading

    def __len__(self) -> int:
        return (sum(map(len, self._blocks)) + len(self._tail)) // WIDTH

    def __repr__(self) -> str:
        end = f"{seconds(self.end_us):g}" if self.meta["clock"] == "virtual" else rounded_text(self.end_us)
        return f"Recording({len(self)} events, {len(self.instances) - 1} instances, to {end} s)"

    @property
    def end_us(self) -> int:
        """The end of the recorded time in µs."""
        last = self._tail[-WIDTH] if self._tail else self._blocks[-1][-WIDTH] if self._blocks else 0
        return max(last, self.until_us)

    def rows(self, kinds: Iterable[int] | None = None, first: int = 0) -> Iterator[tuple[int, int, int, int, int, int, int, int]]:
        """Events from number `first` on as eight integers (see `Row`), in order; those of `kinds` alone if given."""
        wanted = bytes(map(frozenset(kinds or ()).__contains__, range(256)))
        for block in (*self._blocks, self._tail):
            part = block[first * WIDTH :] if first else block
            first = max(0, first - len(block) // WIDTH)
            rows = zip(*[iter(part)] * WIDTH, strict=True)
            yield from rows if kinds is None else compress(rows, bytes([*part[1::WIDTH]]).translate(wanted))

    def row(self, index: int) -> Row:
        """Event number `index` as stored."""
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        for block in (*self._blocks, self._tail):
            if index * WIDTH < len(block):
                return Row(*block[index * WIDTH : (index + 1) * WIDTH])
            index -= len(block) // WIDTH
        raise IndexError(index)

    def notes(self) -> Iterator[tuple[int, str, PayloadNote]]:
        """(request, 'event' or 'result', note) of every payload, in the order in which they came."""
        for (request, which), kept in self.payloads.items():
            yield request, which, kept if isinstance(kept, PayloadNote) else PayloadNote.of(kept)

    @property
    def events(self) -> Events:
        """The events as objects, made when read."""
        return Events(self)

    def select(self, *kinds: type[Event], start: float = 0.0, end: float | None = None, request: int | None = None) -> list[Event]:
        """Events of `kinds` (all if none) with start <= time < end (seconds), of one request if given."""
        first = to_us(start, "start")
        last = None if end is None else to_us(end, "end", endless=True)
        return [
            self.event_of(Row(*row))
            for row in self.rows({kind.KIND for kind in kinds} or None)
            if row[0] >= first and (last is None or row[0] < last) and (request is None or row[2] == request)
        ]

    def event_of(self, row: Row) -> Event:
        """The event of a row, as an object."""
        made = EVENT_TYPES[row.kind]
        fields: dict[str, int | float | str | bool] = {}
        for spec, value in ((made.A, row.a), (made.B, row.b)):
            if spec is not None:
                name, what = spec
                fields[name] = (
                    self.texts[value] if what == "text" else seconds(value) if what == "time" else bool(value) if what == "bool" else value
                )
        return made(seconds(row.time), row.request, row.attempt, self.instances[row.instance].label, self.functions[row.function], fields)

    def copy(self) -> Recording:
        """A recording of what has happened so far, to which nothing will be added."""
        made = Recording(self.meta, keep=self.keep)
        made.hooks = self.hooks
        made.functions, made.instances, made.texts = self.functions[:], self.instances[:], self.texts[:]
        made.payloads = dict(self.payloads)
        made.start_us, made.until_us = self.start_us, self.until_us
        made._blocks = [*self._blocks[:-1], *(block[:] for block in self._blocks[-1:])]  # the last one still grows
        made._tail = self._tail[:]
        return made

    def kept(self) -> Recording:
        """This recording, if it keeps events; `UsageError` if it was told not to."""
        if not self.keep:
            raise UsageError("This lab keeps no record: there is nothing to show.", hint="make it with record=True, the default")
        return self

    def spans(self) -> Spans:
        """What every instance and queue did when, as columns."""
        from fclab.observe.spans import spans

        return spans(self.kept())

    def hops(self) -> Hops:
        """Every step of every request between components, as columns."""
        from fclab.observe.hops import hops

        return hops(self.kept())

    def chain(self, request: int | str | None = None) -> nx.DiGraph[str]:
        """The components and hops of one request (number, "R1" or id), or of all, as a graph."""
        from fclab.observe.chain import chain

        return chain(self.kept(), request)

    # ---- comparing and keeping

    @property
    def digest(self) -> str:
        """SHA-256 of what happened; in virtual time equal seeds give equal digests, in any process (clause 3)."""
        wall = self.meta["clock"] != "virtual"
        masks: dict[int, list[int]] = {}
        for number, made in EVENT_TYPES.items():
            hidden = [column for column, spec in ((6, made.A), (7, made.B)) if spec and wall and spec[1] == "time"]
            masks[number] = hidden + ([7] if made is ExecutionEnded else [])
        done = hashlib.sha256()
        for block in (*self._blocks, self._tail):
            copy = array("q", block)
            for at in range(0, len(copy), WIDTH):
                if wall:
                    copy[at] = 0
                for column in masks[copy[at + 1]]:
                    copy[at + column] = 0
            done.update(copy.tobytes())
        done.update(repr((self.functions, self.texts, self.instances)).encode())
        for request, which, note in self.notes():
            done.update(f"{request} {which} {note.size} {note.sha256}\n".encode())
        return done.hexdigest()

    def diff(self, other: Recording, most: int = 10) -> list[Difference]:
        """Where two recordings differ, event by event, the first `most` places; empty if they are equal."""
        found: list[Difference] = []
        for index in range(max(len(self), len(other))):
            ours = self.events[index] if index < len(self) else None
            theirs = other.events[index] if index < len(other) else None
            if ours != theirs:
                found.append(Difference(index, ours, theirs))
                if len(found) == most:
                    break
        return found

    def save(self, path: str | Path) -> Path:
        """Write the recording as versioned JSON lines and return the path."""
        from fclab.observe import storage

        return storage.save(self.kept(), Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read what `save` wrote. Raises `RecordingError` for anything else."""
        from fclab.observe import storage

        return storage.load(Path(path))
