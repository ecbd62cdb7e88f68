"""Recordings made by hand, event by event, so that pictures can be tested without an engine."""

from __future__ import annotations

from fclab.observe import events as e
from fclab.observe.recording import Recording
from fclab.units import SECOND

BOOT = (
    (e.InstanceScheduled, 100_000),
    (e.CodeDownloaded, 300_000),
    (e.CodeUnpacked, 150_000),
    (e.RuntimeStarted, 250_000),
    (e.InstanceInitialized, 200_000),
)
RUN = 100_000
WINDOW = 300 * SECOND


class Scribe:
    """Writes the events of one function, `hello`, as the engine would."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.function = self.recording.add_function("hello")
        self.note(0, e.FunctionDeclared, a=512, b=self.recording.text('{"timeout":3.0,"concurrency":1,"idle_timeout":300.0,"reserved":0}'))
        self.requests = 0
        self.instances = 0

    def note(self, time: int, kind: type[e.Event], request: int = 0, attempt: int = 0, instance: int = 0, a: int = 0, b: int = 0) -> None:
        """Emit one event of the function."""
        self.recording.emit(time, kind.KIND, request, attempt, instance, self.function, a, b)

    def request(self, time: int, instance: int = 0, *, fails: str = "") -> tuple[int, int]:
        """A sync request at `time` (µs) on instance number `instance`, or on a new one (0). Returns the instance and the end."""
        text = self.recording.text
        self.requests += 1
        number, cold = self.requests, not instance
        self.note(time, e.RequestAccepted, number, a=text("sync"))
        if cold:
            self.instances += 1
            instance = self.recording.add_instance(self.function, self.instances, False)
            self.note(time, e.InstanceCreated, number, 1, instance)
        self.note(time, e.InstanceAssigned, number, 1, instance, a=int(cold))
        if cold:
            for kind, long in BOOT:
                time += long
                self.note(time, kind, number, 1, instance)
            self.note(time, e.InstanceReady, number, 1, instance)
        self.note(time, e.ExecutionStarted, number, 1, instance)
        time += RUN
        self.note(time, e.ExecutionEnded, number, 1, instance, a=text(fails), b=1024)
        self.note(time, e.InstanceReleased, number, 1, instance, a=time + WINDOW)
        if fails:
            self.note(time, e.RequestFailed, number, 1, instance, a=200, b=text(fails))
        else:
            self.note(time, e.RequestSucceeded, number, 1, instance, a=200)
        return instance, time

    def reclaim(self, time: int, instance: int) -> None:
        """The instance has been idle for its window."""
        self.note(time, e.InstanceStopping, instance=instance, a=self.recording.text("idle"))
        self.note(time, e.InstanceReclaimed, instance=instance)


def three_requests() -> Recording:
    """Lesson 00: arrivals at 0, 60 and 600 s; the third is cold again because its instance was reclaimed at 360.1 s."""
    scribe = Scribe()
    first, _ = scribe.request(0)
    _, end = scribe.request(60 * SECOND, first)
    scribe.reclaim(end + WINDOW, first)
    scribe.request(600 * SECOND)
    return scribe.recording


def many_requests(number: int, apart: int = SECOND) -> Recording:
    """`number` sequential requests on one instance, `apart` µs from one another."""
    scribe = Scribe()
    instance, _ = scribe.request(0)
    for index in range(1, number):
        scribe.request(2 * SECOND + index * apart, instance)
    return scribe.recording


def crowd(number: int) -> Recording:
    """`number` requests 1 ms after one another, each on an instance of its own."""
    scribe = Scribe()
    for index in range(number):
        scribe.request(index * 1000)
    rows = sorted(scribe.recording.rows(), key=lambda row: row[0])
    made = Recording()
    made.functions, made.instances, made.texts = scribe.recording.functions, scribe.recording.instances, scribe.recording.texts
    for row in rows:
        made.emit(*row)
    return made
