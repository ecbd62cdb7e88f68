"""Instances: what became of each. One linear pass over a recording."""

from __future__ import annotations

from dataclasses import dataclass

from fclab.model import PHASES
from fclab.observe import events as e
from fclab.observe.moments import PHASE_KINDS
from fclab.observe.recording import Recording

__all__ = ["InstanceLife", "instances"]


@dataclass(frozen=True, slots=True)
class InstanceLife:
    """One instance, as far as the recording goes. Times in µs of lab time, None while they have not come.

    phases        (name of `model.PHASES`, µs it took) of its boot, in order
    served        executions that began on it
    running       executions on it at the end of the recording
    idle_us       since when it has been idle, or was when it was stopped; None if it never was, or is busy
    expires_us    when it is reclaimed if nothing comes, None for never
    stopping_us   when it took no more requests, and gone_us when nothing was left of it
    reason        why it was stopped: idle, lowered, timeout, exit, memory, killed, boot, closed; "" while it was not
    failure       what went wrong in its boot, "download: CodeDownloadError", or ""
    """

    number: int
    label: str
    function: str
    reserved: bool
    created_us: int
    phases: tuple[tuple[str, int], ...]
    ready_us: int | None
    served: int
    running: int
    idle_us: int | None
    expires_us: int | None
    stopping_us: int | None
    gone_us: int | None
    reason: str
    failure: str


class _Life:
    """An instance being put together."""

    def __init__(self, created: int) -> None:
        self.created = self.since = created
        self.phases: list[tuple[str, int]] = []
        self.ready: int | None = None
        self.served = self.running = 0
        self.idle: int | None = None
        self.expires: int | None = None
        self.stopping: int | None = None
        self.gone: int | None = None
        self.reason = self.failure = ""


def instances(recording: Recording) -> list[InstanceLife]:
    """Every instance of `recording`, oldest first."""
    texts = recording.texts
    lives: dict[int, _Life] = {}
    for time, kind, _, _, instance, _, a, b in recording.rows():
        if kind == e.InstanceCreated.KIND:
            lives[instance] = _Life(time)
            continue
        life = lives.get(instance)
        if life is None:
            continue
        if kind == e.InstanceAssigned.KIND:
            life.idle = life.expires = None
        elif kind == e.ExecutionStarted.KIND:
            life.served += 1
            life.running += 1
        elif kind == e.ExecutionEnded.KIND:
            life.running -= 1
        elif kind == e.InstanceIdled.KIND or (kind == e.InstanceReleased.KIND and not b):
            life.idle, life.expires = time, a or None
        elif kind in PHASE_KINDS:
            life.phases.append((PHASES[PHASE_KINDS.index(kind)], time - life.since))
            life.since = time
        elif kind == e.InstanceReady.KIND:
            life.ready = time
        elif kind == e.BootFailed.KIND:
            life.failure = f"{texts[a]}: {texts[b]}" if texts[b] else texts[a]
        elif kind == e.InstanceStopping.KIND:
            life.stopping, life.reason = time, texts[a]
        elif kind == e.InstanceReclaimed.KIND or kind == e.InstanceDestroyed.KIND:
            life.gone, life.running = time, 0
    return [_view(recording, number, life) for number, life in lives.items()]


def _view(recording: Recording, number: int, life: _Life) -> InstanceLife:
    name = recording.instances[number]
    return InstanceLife(
        number=number,
        label=name.label,
        function=recording.functions[name.function],
        reserved=name.reserved,
        created_us=life.created,
        phases=tuple(life.phases),
        ready_us=life.ready,
        served=life.served,
        running=life.running,
        idle_us=life.idle,
        expires_us=life.expires,
        stopping_us=life.stopping,
        gone_us=life.gone,
        reason=life.reason,
        failure=life.failure,
    )
