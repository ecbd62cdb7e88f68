"""The life of an instance, as one table, and the instance itself."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from fclab.errors import IllegalTransition
from fclab.units import FOREVER

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.engine.rows import Attempt, Function

__all__ = ["BOOTING", "ON_DEMAND_ONLY", "TRANSITIONS", "Instance", "Signal", "State", "transitions"]


class State(Enum):
    """Where an instance is in its life."""

    SCHEDULING = "scheduling"
    DOWNLOADING = "downloading"
    UNPACKING = "unpacking"
    STARTING = "starting"
    INITIALIZING = "initializing"
    IDLE = "idle"
    BUSY = "busy"
    STOPPING = "stopping"
    GONE = "gone"

    __hash__ = object.__hash__  # the table is read four times a request


class Signal(Enum):
    """What can happen to an instance."""

    SCHEDULED = "scheduled"
    DOWNLOADED = "downloaded"
    UNPACKED = "unpacked"
    STARTED = "started"  # the interpreter runs, and there is an initializer to call
    READY = "ready"  # nothing left to prepare
    FAILED = "failed"  # a boot phase failed
    ASSIGNED = "assigned"  # a request was placed on it
    FINISHED = "finished"  # a request left it, others are still running
    RELEASED = "released"  # the last request left it
    EXPIRED = "expired"  # idle for its whole window
    STOP = "stop"  # lowered, replaced, or its lab is closing
    KILLED = "killed"  # time-out, exit, memory, crash
    STOPPED = "stopped"  # nothing is left of it

    __hash__ = object.__hash__


BOOTING = (State.SCHEDULING, State.DOWNLOADING, State.UNPACKING, State.STARTING, State.INITIALIZING)

TRANSITIONS: dict[tuple[State, Signal], State] = {
    (State.SCHEDULING, Signal.SCHEDULED): State.DOWNLOADING,
    (State.DOWNLOADING, Signal.DOWNLOADED): State.UNPACKING,
    (State.UNPACKING, Signal.UNPACKED): State.STARTING,
    (State.STARTING, Signal.STARTED): State.INITIALIZING,
    (State.STARTING, Signal.READY): State.IDLE,
    (State.INITIALIZING, Signal.READY): State.IDLE,
    **{(state, Signal.FAILED): State.STOPPING for state in BOOTING},
    **{(state, Signal.STOP): State.STOPPING for state in BOOTING},
    **{(state, Signal.KILLED): State.STOPPING for state in BOOTING},
    (State.IDLE, Signal.ASSIGNED): State.BUSY,
    (State.BUSY, Signal.ASSIGNED): State.BUSY,
    (State.BUSY, Signal.FINISHED): State.BUSY,
    (State.BUSY, Signal.RELEASED): State.IDLE,
    (State.BUSY, Signal.KILLED): State.STOPPING,
    (State.IDLE, Signal.EXPIRED): State.STOPPING,
    (State.IDLE, Signal.STOP): State.STOPPING,
    (State.IDLE, Signal.KILLED): State.STOPPING,
    (State.STOPPING, Signal.STOPPED): State.GONE,
}
"""The whole lifecycle. The guard at run time, the random walks of the tests and the diagrams all read this table."""

ON_DEMAND_ONLY = frozenset({Signal.EXPIRED})
"""Signals that a reserved instance does not know: the system never reclaims it."""


def transitions(reserved: bool) -> dict[tuple[State, Signal], State]:
    """The table for a reserved or an on-demand instance."""
    return {key: to for key, to in TRANSITIONS.items() if not (reserved and key[1] in ON_DEMAND_ONLY)}


_TABLES = {
    reserved: {state: {key[1]: to for key, to in transitions(reserved).items() if key[0] is state} for state in State}
    for reserved in (False, True)
}
"""The same tables by state, as the guard at run time reads them."""


class Instance:
    """One execution environment of one function.

    1. `state` changes only through `signal`, only along the table; anything else raises `IllegalTransition`.
    2. BUSY has no EXPIRED: an instance handed to a request cannot be reclaimed under it.
    3. `slots[i]` is the attempt in slot i or None; `running` counts them; a busy instance has at most `concurrency` of them.
    """

    __slots__ = (
        "attempt", "draining", "expires", "function", "label", "mark", "number", "ordinal", "phase_began", "reserved",
        "running", "served", "slots", "state", "stop_reason", "table", "timer", "used", "wakes", "wakeup", "world",
    )  # fmt: skip

    def __init__(self, number: int, ordinal: int, function: Function, reserved: bool, now: int) -> None:
        self.number = number
        self.ordinal = ordinal
        self.function = function
        self.reserved = reserved
        self.label = f"{function.name}#{ordinal}"
        self.state = State.SCHEDULING
        self.table = _TABLES[reserved]
        self.slots: list[Attempt | None] = [None] * function.concurrency
        self.running = 0
        self.served = 0
        """Attempts that were ever on it."""
        self.used = 0
        """Grows with each use of any instance: the larger, the more recently used."""
        self.mark = 0
        """Number of its present entry in the pool's heap of free instances; an entry with another number is stale."""
        self.draining = False
        self.stop_reason = ""
        self.attempt: Attempt | None = None
        """The attempt that waits for this boot."""
        self.phase_began = now
        self.expires = 0
        self.wakeup: Timer | None = None
        self.wakes = FOREVER
        """When the wake-up comes, in µs; FOREVER while none is to come."""
        self.timer: Timer | None = None
        """The time-out of whatever the instance itself is doing: initializer or hook."""
        self.world: object = None
        """The backend's own business."""

    def signal(self, signal: Signal) -> None:
        """Move along the table (clause 1)."""
        try:
            self.state = self.table[self.state][signal]
        except KeyError:
            kind = "reserved" if self.reserved else "on-demand"
            raise IllegalTransition(
                f"Instance {self.label} ({kind}) is {self.state.value}: it cannot take the signal {signal.value!r}.",
                hint="this is a bug in the platform; the table is fclab.engine.instance.TRANSITIONS",
            ) from None

    @property
    def alive(self) -> bool:
        """It counts against limits: not stopping and not gone."""
        return self.state is not State.STOPPING and self.state is not State.GONE

    def __repr__(self) -> str:
        return f"Instance({self.label}, {self.state.value}{', reserved' if self.reserved else ''})"
