"""Spans: what each lane of the timeline shows, and when. One linear pass over a recording."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

from fclab.observe.events import (
    BootFailed,
    CodeDownloaded,
    CodeUnpacked,
    DeliveryStarted,
    EventEnqueued,
    ExecutionEnded,
    ExecutionStarted,
    HookFinished,
    InstanceAssigned,
    InstanceCreated,
    InstanceDestroyed,
    InstanceIdled,
    InstanceInitialized,
    InstanceReady,
    InstanceReclaimed,
    InstanceReleased,
    InstanceScheduled,
    InstanceStopping,
    RequestFailed,
    RetryScheduled,
    RuntimeForked,
    RuntimeStarted,
)
from fclab.observe.recording import Recording

__all__ = ["SPAN_KINDS", "Lane", "Spans", "spans"]

SPAN_KINDS = ("schedule", "download", "unpack", "start", "initialize", "run", "error", "idle", "drain", "stop", "wait", "retry", "fork")
"""Names of the span kinds; the column `Spans.kind` holds indices into this.

schedule … initialize   the phases of a boot; fork in place of start (it stands last: numbers of kinds do not change)
run, error   a handler runs, and ended well (or still runs); it failed, or a boot phase did
idle         ready and waiting for a request (frozen, if on demand)
drain        busy after the reply: the pre-freeze hook, or the last requests of an instance that takes no more
stop         taken down: the pre-stop hook
wait, retry  an async event in its queue: until its due time or for capacity; for the end of a back-off
"""

_INITIALIZE, _RUN, _ERROR, _IDLE, _DRAIN, _STOP, _WAIT, _RETRY = range(4, 12)
_PHASE_OF = {
    InstanceScheduled.KIND: 0,
    CodeDownloaded.KIND: 1,
    CodeUnpacked.KIND: 2,
    RuntimeStarted.KIND: 3,
    InstanceInitialized.KIND: 4,
    RuntimeForked.KIND: 12,
}
_LAST_ATTEMPT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the timeline.

    key     unique: the instance's name, "hello#1"; further slots of it "hello#1/2" …; a queue's "hello queue"
    label   what to print: the key, but "hello#1/1" where an instance has several lanes
    """

    key: str
    label: str
    function: str
    group: Literal["instance", "queue"]
    reserved: bool


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans as columns of equal length, sorted by start, then lane; times in µs.

    `request` and `attempt` are 0 for none; for `wait` and `retry` the attempt is the delivery waited for. Spans of one instance lane
    do not overlap; those of a queue's lane do. Only `run` and `error` may take no time at all.
    """

    lanes: tuple[Lane, ...]
    lane: array[int]
    kind: array[int]
    start: array[int]
    end: array[int]
    request: array[int]
    attempt: array[int]

    def __len__(self) -> int:
        return len(self.start)


class _Life:
    """What is open on one instance: its phase, rest or end since `since`, and its running handlers."""

    __slots__ = ("code", "doing", "request", "running", "since")

    def __init__(self, code: int, since: int, request: int) -> None:
        self.code = code
        self.doing = 0
        """The kind of the span that is open on its first lane (while it boots, the phase under way), or -1 for none."""
        self.since = since
        self.request = request
        self.running: dict[int, tuple[int, int, int]] = {}
        """By request: slot, start, attempt."""


_Row = tuple[int, int, int, int, int, int, int, int]
_Found = tuple[int, int, int, int, int, int]
"""start, lane code, end, kind, request, attempt. A lane's code is function << 32 | instance << 8 | slot; a queue is instance 0."""


class _Watch:
    """Follows a recording event by event and collects the spans that are over. One method for each kind of event that matters."""

    def __init__(self, recording: Recording) -> None:
        self.found: list[_Found] = []
        self.codes: set[int] = set()
        self.lives: dict[int, _Life] = {}
        self.waiting: dict[int, tuple[int, int, int, int]] = {}
        """By request: since, due time of a retry (-1 for none), function, the delivery waited for."""
        numbers: dict[str, int] = {}
        self.home = [numbers.setdefault(name, number) for number, name in enumerate(recording.functions)]
        """By function: the first that had its name, for one declared again stays in its place."""
        self.pre_freeze = recording.texts.index("pre_freeze") if "pre_freeze" in recording.texts else -1
        self.methods = {
            InstanceCreated.KIND: self.created,
            **dict.fromkeys(_PHASE_OF, self.phase_ended),
            BootFailed.KIND: self.boot_failed,
            InstanceReady.KIND: self.ready,
            InstanceIdled.KIND: self.rested,
            InstanceAssigned.KIND: self.assigned,
            ExecutionStarted.KIND: self.started,
            ExecutionEnded.KIND: self.ended,
            HookFinished.KIND: self.hook,
            InstanceReleased.KIND: self.rested,
            InstanceStopping.KIND: self.stopping,
            InstanceReclaimed.KIND: self.gone,
            InstanceDestroyed.KIND: self.gone,
            EventEnqueued.KIND: self.enqueued,
            RetryScheduled.KIND: self.put_off,
            DeliveryStarted.KIND: self.taken,
            RequestFailed.KIND: self.taken,
        }

    def close(self, life: _Life, time: int) -> None:
        """What was open on the first lane ends now; spans of no length are left out."""
        if life.doing >= 0 and time > life.since:
            self.found.append((life.since, life.code, time, life.doing, life.request, 0))

    def created(self, row: _Row) -> None:
        time, _, request, _, instance, function, _, _ = row
        self.lives[instance] = life = _Life(self.home[function] << 32 | instance << 8, time, request)
        self.codes.add(life.code)

    def phase_ended(self, row: _Row) -> None:
        time, kind, _, _, instance, _, _, _ = row
        life = self.lives[instance]
        life.doing = _PHASE_OF[kind]
        self.close(life, time)
        life.doing, life.since = _INITIALIZE if kind == RuntimeForked.KIND else life.doing + 1, time

    def boot_failed(self, row: _Row) -> None:
        time, _, _, _, instance, _, _, _ = row
        life = self.lives[instance]
        self.found.append((life.since, life.code, time, _ERROR, life.request, 0))
        life.doing = -1

    def ready(self, row: _Row) -> None:
        self.lives[row[4]].doing = -1

    def rested(self, row: _Row) -> None:
        time, _, _, _, instance, _, _, running = row
        if not running:
            life = self.lives[instance]
            life.doing, life.since, life.request = _IDLE, time, 0

    def assigned(self, row: _Row) -> None:
        time, _, _, _, instance, _, _, _ = row
        life = self.lives[instance]
        if life.doing == _IDLE:
            self.close(life, time)
            life.doing = -1

    def started(self, row: _Row) -> None:
        time, _, request, attempt, instance, _, _, slot = row
        life = self.lives[instance]
        life.running[request] = slot, time, attempt
        self.codes.add(life.code | slot)

    def ended(self, row: _Row) -> None:
        time, _, request, _, instance, _, error, _ = row
        life = self.lives.get(instance)
        if life and request in life.running:
            self.left(life, request, time, _ERROR if error else _RUN)

    def left(self, life: _Life, request: int, time: int, kind: int) -> None:
        """A handler was left; the end of a stopping instance is drawn from its last handler's end."""
        slot, start, attempt = life.running.pop(request)
        self.found.append((start, life.code | slot, time, kind, request, attempt))
        if life.doing == _STOP:
            life.since = time

    def hook(self, row: _Row) -> None:
        time, _, request, attempt, instance, _, which, began = row
        if which == self.pre_freeze and time > began:
            self.found.append((began, self.lives[instance].code, time, _DRAIN, request, attempt))

    def stopping(self, row: _Row) -> None:
        time, _, _, _, instance, _, _, _ = row
        life = self.lives[instance]
        self.close(life, time)
        life.doing, life.since, life.request = _STOP, time, 0

    def gone(self, row: _Row) -> None:
        time, _, _, _, instance, _, _, _ = row
        life = self.lives.pop(instance)
        for one in list(life.running):
            self.left(life, one, time, _ERROR)
        self.close(life, time)

    def enqueued(self, row: _Row) -> None:
        time, _, request, _, _, function, _, _ = row
        self.waiting[request] = time, -1, self.home[function], 1

    def put_off(self, row: _Row) -> None:
        time, _, request, attempt, _, function, due, _ = row
        self.waiting[request] = time, due, self.home[function], attempt + 1

    def taken(self, row: _Row) -> None:
        time, _, request, _, _, _, _, _ = row
        if request not in self.waiting:
            return
        since, due, function, delivery = self.waiting.pop(request)
        if time > since and due > since:
            self.found.append((since, function << 32, min(due, time), _RETRY, request, delivery))
        since = max(since, due)
        if time > since:
            self.found.append((since, function << 32, time, _WAIT, request, delivery))

    def finish(self, end: int) -> None:
        """The recording is over at `end`: whatever is open ends there."""
        for life in self.lives.values():
            for one in list(life.running):
                self.left(life, one, end, _RUN)
            self.close(life, end)
        for request in list(self.waiting):
            self.taken((end, 0, request, 0, 0, 0, 0, 0))


def spans(recording: Recording) -> Spans:
    """All spans of `recording`; what is still open ends at `recording.end_us`."""
    watch = _Watch(recording)
    methods = watch.methods
    for row in recording.rows(methods):
        methods[row[1]](row)
    watch.finish(recording.end_us)
    return _columns(recording, watch.found, watch.codes)


def _columns(recording: Recording, found: list[_Found], codes: set[int]) -> Spans:
    """Sort what was found and number the lanes: by function, a queue before its instances, instances by age, slots in order."""
    codes.update(map(itemgetter(1), found))
    order = sorted(codes)
    number = {code: index for index, code in enumerate(order)}
    split = {code >> 8 for code in order if code & 0xFF}
    found.sort()
    return Spans(
        tuple(_lane(recording, code, code >> 8 in split) for code in order),
        array("I", [number[code] for code in map(itemgetter(1), found)]),
        array("B", map(itemgetter(3), found)),
        array("q", map(itemgetter(0), found)),
        array("q", map(itemgetter(2), found)),
        array("I", map(itemgetter(4), found)),
        array("H", [min(attempt, _LAST_ATTEMPT) for attempt in map(itemgetter(5), found)]),
    )


def _lane(recording: Recording, code: int, split: bool) -> Lane:
    function = recording.functions[code >> 32]
    name = recording.instances[code >> 8 & 0xFFFFFF]
    slot = code & 0xFF
    if not code & 0xFFFFFFFF:
        return Lane(f"{function} queue", f"{function} queue", function, "queue", False)
    key = f"{name.label}/{slot + 1}" if slot else name.label
    return Lane(key, f"{name.label}/{slot + 1}" if split else name.label, function, "instance", name.reserved)
