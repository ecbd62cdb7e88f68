"""Moments: the events of a recording gathered into what a person would call one thing. One linear pass."""

from __future__ import annotations

from collections.abc import Iterator

from fclab.observe import events as e
from fclab.observe.recording import Recording

__all__ = ["PHASE_KINDS", "Moment", "moments"]

_Row = tuple[int, int, int, int, int, int, int, int]

PHASE_KINDS = (
    e.InstanceScheduled.KIND,
    e.CodeDownloaded.KIND,
    e.CodeUnpacked.KIND,
    e.RuntimeStarted.KIND,
    e.RuntimeForked.KIND,
    e.InstanceInitialized.KIND,
)
"""The events that end a phase of a boot, in the order of `model.PHASES`."""

_OPENERS = frozenset(
    (
        e.RequestAccepted.KIND,
        e.RequestRejected.KIND,
        e.DeliveryStarted.KIND,
        e.ExecutionEnded.KIND,
        e.DestinationCalled.KIND,
        e.FaultInjected.KIND,
        e.SourceChanged.KIND,
        e.SourceActed.KIND,
        e.TriggerFired.KIND,
        e.TriggerGaveUp.KIND,
        e.LoopStopped.KIND,
    )
)
"""Kinds that begin a moment of their own, even where the same request is spoken of at the same instant."""


_ACCEPTED, _ASSIGNED, _STARTED, _RELEASED = (
    made.KIND for made in (e.RequestAccepted, e.InstanceAssigned, e.ExecutionStarted, e.InstanceReleased)
)
_REMEMBERED = frozenset(
    (_ACCEPTED, _ASSIGNED, _STARTED, _RELEASED, e.InstanceCreated.KIND, *PHASE_KINDS, e.InstanceReady.KIND, e.InstanceStopping.KIND)
)
"""Kinds that later moments need to know of."""


class Moment:
    """What happens to one request, or to one instance, at one instant.

    numbers   the numbers of its rows in the recording; rows: the rows by kind (the last of each)
    request   its request's number, or 0; instance: the last instance it speaks of, or 0
    arrived, queued, cold   of its request: when (µs), asynchronous, on an instance that had to boot for it
    why       where an instance is created: why no other would do
    lengths   µs by kind: how long the phase took that ended, the boot that is over, the rest before the stop
    running   requests on its instance, once this moment is over
    waits     its event is due, and is not taken from the queue at this instant
    """

    __slots__ = ("arrived", "cold", "instance", "lengths", "numbers", "queued", "request", "rows", "running", "time", "waits", "why")

    def __init__(self, time: int) -> None:
        self.numbers: list[int] = []
        self.time = time
        self.request = self.instance = self.running = 0
        self.rows: dict[int, _Row] = {}
        self.arrived = time
        self.queued = self.cold = self.waits = False
        self.why = ""
        self.lengths: dict[int, int] = {}

    @property
    def silent(self) -> bool:
        """Part of the setting, not of the story."""
        return e.FunctionDeclared.KIND in self.rows

    @property
    def routine(self) -> bool:
        """Nothing but phases of a boot: the first thing to leave out where there is too much to tell."""
        return all(kind in PHASE_KINDS for kind in self.rows)


class _Asked:
    """What is remembered of a request."""

    __slots__ = ("arrived", "cold", "queued")

    def __init__(self, arrived: int, queued: bool) -> None:
        self.arrived = arrived
        self.queued = queued
        self.cold = False


class _Life:
    """What is remembered of an instance."""

    __slots__ = ("created", "ready", "running", "since")

    def __init__(self, created: int) -> None:
        self.created = self.since = created
        self.ready = False
        self.running = 0


class _Memory:
    """What has happened so far, as far as later moments need it."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.lives: dict[int, dict[int, _Life]] = {}
        """By function, by number: the instances that take requests."""
        self.booting: dict[int, int] = {}
        """By function: how many of them are not ready yet."""
        self.asked: dict[int, _Asked] = {}
        self.alive: dict[int, _Life] = {}
        """By number: the instances of `lives`."""
        self.queued = recording.texts.index("async") if "async" in recording.texts else -1
        self.passed_over = Moment(0)

    def pass_over(self, row: _Row) -> None:
        """Remember what is not told; the kinds of which there are most come first."""
        time, kind, request, _, instance, _, a, b = row
        if kind == _STARTED:
            if (life := self.alive.get(instance)) is not None:
                life.running += 1
        elif kind == _RELEASED:
            if (life := self.alive.get(instance)) is not None:
                life.running, life.since = b, time
        elif kind == _ACCEPTED:
            self.asked[request] = _Asked(time, a == self.queued)
        elif kind == _ASSIGNED:
            if (one := self.asked.get(request)) is not None:
                one.cold = bool(a)
        else:
            self.add(self.passed_over, row)

    def add(self, moment: Moment, row: _Row) -> None:
        """Take the next row into `moment`."""
        time, kind, request, _, instance, function, a, b = row
        moment.rows[kind] = row
        moment.instance = instance or moment.instance
        if request:
            if kind == e.RequestAccepted.KIND:
                self.asked[request] = _Asked(time, a == self.queued)
            one = self.asked.get(request)
            if one is not None:
                if kind == e.InstanceAssigned.KIND:
                    one.cold = bool(a)
                moment.request, moment.arrived, moment.queued, moment.cold = request, one.arrived, one.queued, one.cold
            moment.request = request
        if instance:
            self.live(moment, time, kind, instance, function, b)

    def live(self, moment: Moment, time: int, kind: int, instance: int, function: int, b: int) -> None:
        """The same for the row's instance."""
        lives = self.lives.setdefault(function, {})
        if kind == e.InstanceCreated.KIND:
            moment.why = self.shortage(instance, function, lives)
            lives[instance] = self.alive[instance] = _Life(time)
            self.booting[function] = self.booting.get(function, 0) + 1
            return
        life = lives.get(instance)
        if life is None:
            return
        if kind in PHASE_KINDS:
            moment.lengths[kind] = time - life.since
            life.since = time
        elif kind == e.InstanceReady.KIND:
            moment.lengths[kind] = time - life.created
            life.ready, life.since = True, time
            self.booting[function] -= 1
        elif kind == e.ExecutionStarted.KIND:
            life.running += 1
        elif kind == e.InstanceReleased.KIND:
            life.running, life.since = b, time
        elif kind == e.InstanceStopping.KIND:
            moment.lengths[kind] = time - life.since
            self.booting[function] -= not life.ready
            del lives[instance], self.alive[instance]
        moment.running = life.running

    def shortage(self, instance: int, function: int, lives: dict[int, _Life]) -> str:
        """Why the instance that is created now is needed."""
        if not lives:
            return "there is no instance yet" if self.recording.instances[instance].ordinal == 1 else "no instance is left"
        booting = self.booting[function]
        if len(lives) == 1:
            return f"{self.recording.instances[next(iter(lives))].label} is {'still booting' if booting else 'busy'}"
        state = "still booting" if booting == len(lives) else "busy or booting" if booting else "busy"
        return f"all {len(lives)} instances are {state}"


def moments(recording: Recording, instants: set[int] | None = None) -> Iterator[Moment]:
    """The moments of `recording` in order, or those of some `instants` (µs) alone: the others are only remembered, which is quick.

    A row joins the moment of its request, else that of its instance, at the same instant.
    """
    memory = _Memory(recording)
    pass_over = memory.pass_over
    now: list[Moment] = []
    of_request: dict[int, Moment] = {}
    of_instance: dict[int, Moment] = {}
    for number, row in enumerate(recording.rows()):
        time, kind, request, _, instance, _, _, _ = row
        if instants is not None and time not in instants:
            if kind in _REMEMBERED:
                pass_over(row)
            continue
        if now and now[0].time != time:
            yield from _over(now)
            now = []
            of_request.clear()
            of_instance.clear()
        moment = None
        if kind not in _OPENERS:
            moment = of_request.get(request) if request else None
            if moment is None and instance and (near := of_instance.get(instance)) is not None and 0 in (request, near.request):
                moment = near
        if moment is None:
            moment = Moment(time)
            now.append(moment)
        if request:
            of_request[request] = moment
        if instance:
            of_instance[instance] = moment
        moment.numbers.append(number)
        memory.add(moment, row)
    yield from _over(now)


def _over(now: list[Moment]) -> list[Moment]:
    """The moments of an instant that is over: it is known now which events were not taken from the queue."""
    stored = [moment for moment in now if e.EventEnqueued.KIND in moment.rows]
    if stored:
        taken = {moment.request for moment in now if e.DeliveryStarted.KIND in moment.rows}
        for moment in stored:
            moment.waits = moment.rows[e.EventEnqueued.KIND][6] <= moment.time and moment.request not in taken
    return now
