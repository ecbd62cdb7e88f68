"""The vocabulary of a recording: one small class for each thing that can happen.

An event is stored as eight integers (`Row`): time, kind, request, attempt, instance, function, a, b. What `a` and `b` mean differs
by kind and is said by the class: `A` and `B` name the field and its type. Objects of these classes are made only when an
observer or a reader asks for them.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

__all__ = ["EVENT_TYPES", "Event", "Row"]


class Row(NamedTuple):
    """An event as stored. Times in µs of lab time; the rest are numbers, 0 for none."""

    time: int
    kind: int
    request: int
    attempt: int
    instance: int
    function: int
    a: int
    b: int


class Event:
    """Something that happened, at lab time `time` (seconds).

    request is the request's number (R1 is 1) or 0, attempt counts deliveries of that request from 1, instance is the instance's
    name ("hello#1") or "", function the function's name or "".
    """

    KIND: ClassVar[int] = 0
    A: ClassVar[tuple[str, str] | None] = None
    """(field name, "int" | "text" | "time" | "bool") of column a; likewise B."""
    B: ClassVar[tuple[str, str] | None] = None

    __slots__ = ("attempt", "fields", "function", "instance", "request", "time")

    def __init__(
        self, time: float, request: int, attempt: int, instance: str, function: str, fields: dict[str, int | float | str | bool]
    ) -> None:
        self.time = time
        self.request = request
        self.attempt = attempt
        self.instance = instance
        self.function = function
        self.fields = fields

    def __getattr__(self, name: str) -> int | float | str | bool:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; it has {sorted(self.fields)}") from None

    @property
    def kind(self) -> str:
        """The class name."""
        return type(self).__name__

    def _key(self) -> tuple[object, ...]:
        return (self.KIND, self.time, self.request, self.attempt, self.instance, self.function, tuple(self.fields.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        parts = [f"{self.time:.9g}"]
        if self.request:
            parts.append(f"R{self.request}" + (f".{self.attempt}" if self.attempt > 1 else ""))
        parts += [part for part in (self.instance or self.function,) if part]
        parts += [f"{name}={value!r}" for name, value in self.fields.items()]
        return f"{self.kind}({', '.join(parts)})"


EVENT_TYPES: dict[int, type[Event]] = {}
"""Every kind by its number. Numbers are part of the file format: never reuse one."""


def _kind(number: int, name: str, doc: str, a: tuple[str, str] | None = None, b: tuple[str, str] | None = None) -> type[Event]:
    made = type(name, (Event,), {"__slots__": (), "__doc__": doc, "KIND": number, "A": a, "B": b, "__module__": __name__})
    EVENT_TYPES[number] = made
    __all__.append(name)
    return made


# ---- requests
RequestAccepted = _kind(
    1,
    "RequestAccepted",
    "The front door let a request in. cause: the request that made this one, or 0.",
    ("mode", "text"),
    ("cause", "int"),
)
RequestRejected = _kind(2, "RequestRejected", "The front door refused a request.", ("status", "int"), ("error_type", "text"))
EventEnqueued = _kind(
    3, "EventEnqueued", "An async event was stored; the caller's 202 leaves now. due: first delivery.", ("due", "time"), ("task", "text")
)
DeliveryStarted = _kind(4, "DeliveryStarted", "The dispatcher leased a message and offers it: delivery `attempt`.")
DeliveryFailed = _kind(
    5, "DeliveryFailed", "The platform refused or broke a delivery: a system error.", ("status", "int"), ("error_type", "text")
)
InstanceAssigned = _kind(
    6,
    "InstanceAssigned",
    "Placement gave the attempt an instance. cold: it has to boot first. slot: its place on it.",
    ("cold", "bool"),
    ("slot", "int"),
)
ExecutionStarted = _kind(7, "ExecutionStarted", "The handler was entered.", None, ("slot", "int"))
ExecutionEnded = _kind(
    8, "ExecutionEnded", "The handler was left. error_type: '' for success.", ("error_type", "text"), ("memory_kb", "int")
)
RetryScheduled = _kind(
    9,
    "RetryScheduled",
    "The failed delivery will be offered again. cause: 'function' or 'system' error.",
    ("due", "time"),
    ("cause", "text"),
)
RequestSucceeded = _kind(10, "RequestSucceeded", "Answered (sync) or done (async).", ("status", "int"), None)
RequestFailed = _kind(
    11, "RequestFailed", "Given up: the final failure of a request that was accepted.", ("status", "int"), ("error_type", "text")
)
DestinationCalled = _kind(
    12,
    "DestinationCalled",
    "The outcome of an async request went to its destination. caused: the new request, or 0.",
    ("destination", "text"),
    ("caused", "int"),
)
TaskStopped = _kind(13, "TaskStopped", "Somebody asked a task to stop.")

# ---- instances
InstanceCreated = _kind(
    20, "InstanceCreated", "Scheduling of a new instance began; request: the one that caused it, or 0.", ("reserved", "bool"), None
)
InstanceScheduled = _kind(21, "InstanceScheduled", "Phase schedule ended: a place was found.")
CodeDownloaded = _kind(22, "CodeDownloaded", "Phase download ended.")
CodeUnpacked = _kind(23, "CodeUnpacked", "Phase unpack ended.")
RuntimeStarted = _kind(24, "RuntimeStarted", "Phase start ended: the interpreter runs.")
InstanceInitialized = _kind(25, "InstanceInitialized", "Phase initialize ended: the user's initializer ran.")
BootFailed = _kind(26, "BootFailed", "A boot phase failed.", ("phase", "text"), ("error_type", "text"))
InstanceReady = _kind(27, "InstanceReady", "The boot is over.")
InstanceReleased = _kind(
    28,
    "InstanceReleased",
    "An attempt left its instance. expires: when it will be reclaimed if nothing comes, 0 if never "
    "or still busy. running: attempts left on it.",
    ("expires", "time"),
    ("running", "int"),
)
InstanceStopping = _kind(
    29,
    "InstanceStopping",
    "The instance takes no more requests. reason: idle, lowered, timeout, exit, memory, killed, boot, closed.",
    ("reason", "text"),
    None,
)
InstanceReclaimed = _kind(30, "InstanceReclaimed", "Idle for its whole window, and gone.")
InstanceDestroyed = _kind(31, "InstanceDestroyed", "Gone for another reason.", ("reason", "text"), None)
HookFinished = _kind(32, "HookFinished", "A pre-freeze or pre-stop hook ran. began: its start.", ("hook", "text"), ("began", "time"))
InstanceIdled = _kind(
    33, "InstanceIdled", "Idle (frozen, if on demand) without having run anything: just booted.", ("expires", "time"), None
)
RuntimeForked = _kind(34, "RuntimeForked", "Phase fork ended: the instance was forked from a warmed interpreter.")

# ---- settings and faults
FunctionDeclared = _kind(
    40,
    "FunctionDeclared",
    "A function was declared; settings: JSON of what views and bills need.",
    ("memory_mb", "int"),
    ("settings", "text"),
)
ReservedTargetSet = _kind(
    41, "ReservedTargetSet", "The number of reserved instances to keep. by: user, schedule or tracking.", ("target", "int"), ("by", "text")
)
LimitSet = _kind(42, "LimitSet", "The cap on a function's instances; -1 for none.", ("max_instances", "int"), None)
OutageStarted = _kind(43, "OutageStarted", "From now on the platform refuses every dispatch.")
OutageEnded = _kind(44, "OutageEnded", "The platform works again.")
FaultInjected = _kind(
    45,
    "FaultInjected",
    "A fault struck. arrow: where ('queue->dispatcher'), effect: drop, delay or crash.",
    ("arrow", "text"),
    ("effect", "text"),
)
FunctionDeleted = _kind(47, "FunctionDeleted", "A function was deleted: new requests find none, its events were stopped.")

# ---- sources and triggers
SourceChanged = _kind(
    50,
    "SourceChanged",
    "Something happened at an event source. request and instance: the handler whose doing it was, or 0. source: 'objects photos'.",
    ("source", "text"),
    ("what", "text"),
)
TriggerFired = _kind(
    51,
    "TriggerFired",
    "A trigger makes `request`, which the front door sees next. attempt: the source's, from 1.",
    ("source", "text"),
    ("trigger", "text"),
)
TriggerGaveUp = _kind(
    52,
    "TriggerGaveUp",
    "A source has tried often enough, and keeps the event as undelivered. request: its last attempt.",
    ("trigger", "text"),
    ("reason", "text"),
)
TriggerSet = _kind(
    53, "TriggerSet", "A trigger was created, changed, enabled, disabled or deleted.", ("trigger", "text"), ("change", "text")
)
LoopStopped = _kind(
    54,
    "LoopStopped",
    "A chain of triggers led back to itself too often and ends here. request: the one whose handler went on with it.",
    ("trigger", "text"),
    ("depth", "int"),
)

SourceActed = _kind(
    55,
    "SourceActed",
    "An event source did something because it was time: a timer went off, an alarm changed. request: whose handler had asked for it, or 0.",
    ("source", "text"),
    ("what", "text"),
)

FunctionSwitched = _kind(46, "FunctionSwitched", "Invocation of a function was enabled or disabled.", ("enabled", "bool"), None)
