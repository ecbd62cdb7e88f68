"""Captions: each moment of a run in one plain sentence, in the present tense."""

from __future__ import annotations

from collections.abc import Callable

from fclab.observe import events as e
from fclab.observe.events import Event
from fclab.observe.moments import PHASE_KINDS, Moment, moments
from fclab.observe.recording import Recording
from fclab.units import text_of_times, to_us

__all__ = ["caption", "tell"]

_Row = tuple[int, int, int, int, int, int, int, int]

_PHASES = {
    e.InstanceScheduled.KIND: ("a place for {} is found", "now its code is downloaded"),
    e.CodeDownloaded.KIND: ("the code of {} is downloaded", "now it is unpacked"),
    e.CodeUnpacked.KIND: ("the code of {} is unpacked", "now the runtime starts"),
    e.RuntimeStarted.KIND: ("the runtime of {} is up", "now the initializer runs"),
    e.RuntimeForked.KIND: ("{} is forked from a warmed interpreter", "now the initializer runs"),
    e.InstanceInitialized.KIND: ("the initializer of {} is over", "now it is ready"),
}
_REFUSALS = {
    "ResourceExhausted": "no instance is free, and none may be created now",
    "FunctionNotFound": "there is no such function",
    "EntityTooLarge": "its payload is too large",
}
_REASONS = {
    "idle": "it has been idle for too long",
    "lowered": "it is reserved no longer",
    "displaced": "another function's events wait for its place",
    "timeout": "its handler has run out of time",
    "exit": "its process has ended",
    "memory": "it has run out of memory",
    "killed": "it was killed",
    "boot": "it could not boot",
    "closed": "the lab is closed",
    "deleted": "its function was deleted",
}


def tell(moment: Moment, recording: Recording) -> str:
    """The sentence for `moment` of `recording`."""
    for kind, say in _BY_KIND.items():
        if kind in moment.rows:
            text = say(_Words(moment, recording), moment.rows[kind])
            return f"{text[0].upper()}{text[1:]}."
    return f"{', '.join(e.EVENT_TYPES[kind].__name__ for kind in moment.rows)}."


def caption(event: Event, recording: Recording) -> str:
    """The sentence for the moment of `recording` that `event` belongs to. Reads the recording from its start; "" if it is not in it."""
    time = to_us(event.time, "event.time")
    for moment in moments(recording):
        row = moment.rows.get(event.KIND) if moment.time == time else None
        if row and row[2] == event.request and recording.instances[row[4]].label == event.instance:
            return tell(moment, recording)
    return ""


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def _join(*clauses: str) -> str:
    return "; ".join(filter(None, clauses))


class _Words:
    """The clauses that one moment gives rise to."""

    def __init__(self, moment: Moment, recording: Recording) -> None:
        self.moment = moment
        self.rows = moment.rows
        self.recording = recording
        self.who = f"R{moment.request}"
        self.say = text_of_times(recording.meta["clock"])

    def name(self, row: _Row) -> str:
        """The row's instance, inside a sentence."""
        return self.recording.instances[row[4]].label

    def instance(self, row: _Row) -> str:
        """The row's instance, at the beginning of a sentence: names keep their small letter."""
        return f"instance {self.name(row)}"

    def function(self, row: _Row) -> str:
        """The row's function, likewise."""
        return f"function {self.recording.functions[row[5]]}"

    def text(self, number: int) -> str:
        return self.recording.texts[number]

    def placed(self) -> str:
        """What placement did for the request, or ""."""
        row = self.rows.get(e.InstanceAssigned.KIND)
        if row is None:
            return ""
        if row[6]:
            return f"{self.moment.why}, so {self.name(row)} is scheduled"
        then = "so the handler starts at once" if e.ExecutionStarted.KIND in self.rows else "so it is the place"
        if self.moment.running > 1:
            return f"{self.name(row)} has a place left, {then}"
        reserved = "the reserved " if self.recording.instances[row[4]].reserved else ""
        return f"{reserved}{self.name(row)} is idle, {then}"

    def outcome(self) -> str:
        """What became of the request or of its delivery, or ""."""
        moment = self.moment
        took = self.say(moment.time - moment.arrived)
        if e.RequestSucceeded.KIND in self.rows:
            if moment.queued:
                return f"{self.who} is completed, {took} s after it arrived"
            return f"{self.who} is answered after {took} s, {'cold' if moment.cold else 'warm'}"
        if (row := self.rows.get(e.RequestFailed.KIND)) is not None:
            error = self.text(row[7])
            if error == "EventExpired":
                return f"{self.who} has waited too long and expires, {took} s after it arrived"
            if error == "TaskStopped":
                return f"{self.who} is stopped, {took} s after it arrived"
            return f"{self.who} fails{' for good' if moment.queued else ''} after {took} s: {error or row[6]}"
        if (row := self.rows.get(e.RetryScheduled.KIND)) is not None:
            return f"delivery {row[3]} of {self.who} fails{self.error()}, and the next is due at {self.say(row[6])} s"
        if e.ExecutionEnded.KIND in self.rows or e.DeliveryFailed.KIND in self.rows:
            return f"the handler of {self.who} ends{self.error()}"
        return ""

    def error(self) -> str:
        """The kind of failure in brackets, or ""."""
        for kind, column in ((e.DeliveryFailed.KIND, 7), (e.BootFailed.KIND, 7), (e.ExecutionEnded.KIND, 6)):
            if kind in self.rows and self.rows[kind][column]:
                return f" ({self.text(self.rows[kind][column])})"
        return ""

    def rest(self) -> str:
        """What becomes of the instance that the request leaves, or ""."""
        if (row := self.rows.get(e.InstanceStopping.KIND)) is not None:
            return f"{self.name(row)} is taken down"
        row = self.rows.get(e.InstanceReleased.KIND)
        if row is None or row[7]:
            return ""
        return f"{self.name(row)} is frozen and kept until {self.say(row[6])} s" if row[6] else f"{self.name(row)} stays ready"

    # ---- requests

    def rejected(self, row: _Row) -> str:
        error = self.text(row[7])
        return f"{self.who} is refused with {row[6]} {error}" + (f": {_REFUSALS[error]}" if error in _REFUSALS else "")

    def accepted(self, row: _Row) -> str:
        caused = f"R{row[7]} causes {self.who}, a call of {self.recording.functions[row[5]]}"
        what = caused if row[7] else f"{self.who} arrives"
        stored = self.rows.get(e.EventEnqueued.KIND)
        if stored is None:
            return _join(what, self.placed() or self.outcome())
        later = f"it is due at {self.say(stored[6])} s" if stored[6] > row[0] else ""
        if self.moment.waits:
            later = "nothing is free for it, so it waits"
        return _join(what, "it is accepted: the queue stores it, and the caller has a 202 before anything runs", later)

    def delivered(self, row: _Row) -> str:
        what = f"the dispatcher takes {self.who} from the queue" + (f" for delivery {row[3]}" if row[3] > 1 else "")
        again = self.rows.get(e.RetryScheduled.KIND)
        if again is not None:
            return f"{what}, but it fails{self.error()}; the next delivery is due at {self.say(again[6])} s"
        return _join(what, self.placed() or self.outcome())

    def left(self, row: _Row) -> str:
        outcome = self.outcome()
        return _join(outcome, self.rest()) if outcome else f"instance {self.rest() or f'{self.name(row)} has a place left'}"

    def started(self, row: _Row) -> str:
        return f"the handler of {self.who} starts on {self.name(row)}"

    def destination(self, row: _Row) -> str:
        return f"the outcome of {self.who} goes to {self.text(row[6])}" + (f" as R{row[7]}" if row[7] else "")

    def stop_asked(self, _: _Row) -> str:
        return f"somebody asks to stop {self.who}"

    # ---- instances

    def created(self, row: _Row) -> str:
        return f"{self.instance(row)} is scheduled" + (" and will be kept reserved" if row[6] else "")

    def ready(self, row: _Row) -> str:
        started = self.rows.get(e.ExecutionStarted.KIND)
        then = f"the handler of R{started[2]} starts" if started else "it waits for requests"
        return f"{self.instance(row)} is ready after {self.say(self.moment.lengths[row[1]])} s; {then}"

    def phase(self, row: _Row) -> str:
        kind = [kind for kind in PHASE_KINDS if kind in self.rows][-1]
        what, then = _PHASES[kind]
        return f"{what.format(self.name(row))} after {self.say(self.moment.lengths.get(kind, 0))} s; {then}"

    def boot_failed(self, row: _Row) -> str:
        return _join(f"{self.instance(row)} fails to boot, in its phase {self.text(row[6])}{self.error()}", self.outcome())

    def stopping(self, row: _Row) -> str:
        return f"{self.instance(row)} takes no more requests: {_REASONS.get(self.text(row[6]), self.text(row[6]))}"

    def reclaimed(self, row: _Row) -> str:
        idle = self.moment.lengths.get(e.InstanceStopping.KIND)
        return f"{self.instance(row)} " + ("" if idle is None else f"has been idle for {self.say(idle)} s and ") + "is reclaimed"

    def destroyed(self, row: _Row) -> str:
        return f"{self.instance(row)} is gone: {_REASONS.get(self.text(row[6]), self.text(row[6]))}"

    def hook(self, row: _Row) -> str:
        what = f"the {self.text(row[6]).replace('_', '-')} hook of {self.name(row)} is over after {self.say(row[0] - row[7])} s"
        return _join(what, self.rest())

    # ---- settings and faults

    def declared(self, row: _Row) -> str:
        return f"{self.function(row)} is declared with {row[6]} MB"

    def target(self, row: _Row) -> str:
        kept = f"{row[6]} reserved instance{' is' if row[6] == 1 else 's are'} kept"
        return f"from now on {kept} for {self.recording.functions[row[5]]}"

    def limit(self, row: _Row) -> str:
        many = f"at most {row[6]} instance{'' if row[6] == 1 else 's'}"
        return f"{self.function(row)} may have {'any number of instances' if row[6] < 0 else many}"

    def outage(self, row: _Row) -> str:
        return "the platform is down: it refuses every dispatch" if row[1] == e.OutageStarted.KIND else "the platform works again"

    def fault(self, row: _Row) -> str:
        what = f"a fault strikes {self.text(row[6])}: {self.text(row[7])}" + (f" of {self.who}" if row[2] else "")
        broken = self.rows.get(e.BootFailed.KIND)
        return _join(what, self.boot_failed(broken) if broken else self.outcome())

    def deleted(self, row: _Row) -> str:
        return f"{self.function(row)} is deleted"

    # ---- sources and triggers

    def changed(self, row: _Row) -> str:
        led = f"{self.who} leads to a change of" if row[2] else "somebody changes"
        who = f"the handler of {self.who} changes" if row[4] else led
        return f"{who} {self.text(row[6])}: {self.text(row[7])}"

    def acted(self, row: _Row) -> str:
        asked = f", which the handler of {self.who} asked for" if row[2] else ""
        return f"it is time for {self.text(row[6])}: {self.text(row[7])}{asked}"

    def fired(self, row: _Row) -> str:
        again = f", for the {_nth(row[3])} time" if row[3] > 1 else ""
        made = f"it makes {self.who} for {self.recording.functions[row[5]]}"
        return f"{self.text(row[6])} sets off trigger {self.text(row[7])}{again}: {made}"

    def gave_up(self, row: _Row) -> str:
        return f"trigger {self.text(row[6])} gives an event up and keeps it as undelivered: {self.text(row[7])}"

    def looped(self, row: _Row) -> str:
        return f"trigger {self.text(row[6])} is stopped: its function sets it off again and again, {row[7]} times in one chain"

    def bound(self, row: _Row) -> str:
        return f"trigger {self.text(row[6])} of {self.recording.functions[row[5]]}: {self.text(row[7])}"

    def switched(self, row: _Row) -> str:
        return f"{self.function(row)} is {'enabled' if row[6] else 'disabled'}"


_BY_KIND: dict[int, Callable[[_Words, _Row], str]] = {
    e.FaultInjected.KIND: _Words.fault,
    e.SourceChanged.KIND: _Words.changed,
    e.SourceActed.KIND: _Words.acted,
    e.TriggerFired.KIND: _Words.fired,
    e.TriggerGaveUp.KIND: _Words.gave_up,
    e.LoopStopped.KIND: _Words.looped,
    e.TriggerSet.KIND: _Words.bound,
    e.RequestRejected.KIND: _Words.rejected,
    e.RequestAccepted.KIND: _Words.accepted,
    e.DestinationCalled.KIND: _Words.destination,
    e.DeliveryStarted.KIND: _Words.delivered,
    e.BootFailed.KIND: _Words.boot_failed,
    **dict.fromkeys((e.ExecutionEnded.KIND, e.RequestSucceeded.KIND, e.RequestFailed.KIND, e.RetryScheduled.KIND), _Words.left),
    e.TaskStopped.KIND: _Words.stop_asked,
    e.InstanceReclaimed.KIND: _Words.reclaimed,
    e.InstanceDestroyed.KIND: _Words.destroyed,
    e.InstanceStopping.KIND: _Words.stopping,
    e.HookFinished.KIND: _Words.hook,
    e.InstanceReleased.KIND: _Words.left,
    e.InstanceReady.KIND: _Words.ready,
    e.ExecutionStarted.KIND: _Words.started,
    **dict.fromkeys(PHASE_KINDS, _Words.phase),
    e.InstanceCreated.KIND: _Words.created,
    e.ReservedTargetSet.KIND: _Words.target,
    e.LimitSet.KIND: _Words.limit,
    **dict.fromkeys((e.OutageStarted.KIND, e.OutageEnded.KIND), _Words.outage),
    e.FunctionSwitched.KIND: _Words.switched,
    e.FunctionDeleted.KIND: _Words.deleted,
    e.FunctionDeclared.KIND: _Words.declared,
}
"""How to say a moment, by the most telling kind of event in it; the first that is present decides."""
