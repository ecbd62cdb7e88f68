"""Who runs what: finds a place for an attempt, creates instances within the limits, keeps them warm, lets them go."""

from __future__ import annotations

from enum import Enum
from functools import partial
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from fclab.clock import Order
from fclab.engine.instance import BOOTING, Instance, Signal, State
from fclab.observe import events as e
from fclab.units import FOREVER, SECOND

if TYPE_CHECKING:
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Attempt, Function

__all__ = ["HOOK_LIMIT", "Pool", "Refusal"]

_INSTANCE_ASSIGNED = e.InstanceAssigned.KIND
_INSTANCE_CREATED = e.InstanceCreated.KIND
_INSTANCE_DESTROYED = e.InstanceDestroyed.KIND
_INSTANCE_IDLED = e.InstanceIdled.KIND
_INSTANCE_READY = e.InstanceReady.KIND
_INSTANCE_RECLAIMED = e.InstanceReclaimed.KIND
_INSTANCE_RELEASED = e.InstanceReleased.KIND
_INSTANCE_STOPPING = e.InstanceStopping.KIND
_ASSIGNED, _RELEASED = Signal.ASSIGNED, Signal.RELEASED  # an enum's members are slow to reach

HOOK_LIMIT = 90 * SECOND
"""µs a pre-freeze or pre-stop hook may take (quota page 2026-02-04 for pre-stop; assumed for pre-freeze)."""


class Refusal(Enum):
    """Why no instance is free: NEW says that one may be created."""

    NEW = "a new instance may be created"
    FULL = "the limit on instances is reached"
    GROWTH = "instances are being created too fast"


class Pool:
    """The placement ladder and the life of instances.

    1. A place is: a free reserved instance, else a free warm one (the placement policy's choice), else a new one within the
       function's cap, the lab's cap and the growth limit, else none.
    2. An instance is free while it is idle, or busy with a slot left; never while it boots, drains, runs a hook or stops.
    3. A booting instance belongs to the request that caused it; nobody else waits for it.
    4. Reserved instances are stopped only by their owner; if one dies it is replaced.
    """

    __slots__ = ("_uses", "alive", "p")

    def __init__(self, platform: Platform) -> None:
        self.p = platform
        self.alive = 0
        self._uses = 0

    # ---- finding a place

    def find(self, fn: Function) -> Instance | Refusal:
        """The place for one more attempt of `fn` (clause 1); nothing is changed yet."""
        free = fn.free
        while free:
            _, _, mark, instance = free[0]
            if instance.mark == mark:
                return instance
            heappop(free)
        if fn.limit is not None and fn.standing() >= fn.limit:
            return Refusal.FULL
        if self.p.cap is not None and self.alive >= self.p.cap:
            return Refusal.FULL
        return Refusal.NEW if self.p.growth.available(self.p.clock.time) else Refusal.GROWTH

    def occupy(self, place: Instance | Refusal, attempt: Attempt) -> None:
        """Give the attempt the place that `find` returned at this instant: start it, or boot an instance for it."""
        p, request = self.p, attempt.request
        fn, now = request.fn, p.clock.time
        if isinstance(place, Instance):
            heappop(fn.free)  # its entry is the first: `find` just returned it
            slot = self._take(place, attempt)
            put = p.recording.put
            put((now, _INSTANCE_ASSIGNED, request.number, attempt.number, place.number, fn.number, 0, slot))
            p.executor.begin(attempt)
            return
        p.growth.take(now)
        instance = self.create(fn, reserved=False, request=request.number, attempt=attempt.number)
        instance.attempt, attempt.instance = attempt, instance
        p.record(now, _INSTANCE_ASSIGNED, request.number, attempt.number, instance.number, fn.number, 1, 0)
        p.backend.boot(instance, p)

    def create(self, fn: Function, *, reserved: bool, request: int = 0, attempt: int = 0) -> Instance:
        """A new instance, in SCHEDULING; the caller boots it."""
        now = self.p.clock.time
        fn.created += 1
        number = self.p.recording.add_instance(fn.number, fn.created, reserved)
        instance = Instance(number, fn.created, fn, reserved, now)
        fn.instances[number] = instance
        self.alive += 1
        self.p.record(now, _INSTANCE_CREATED, request, attempt, number, fn.number, int(reserved))
        return instance

    def _take(self, instance: Instance, attempt: Attempt) -> int:
        """Put the attempt into the instance's first free slot."""
        instance.signal(_ASSIGNED)
        single = instance.function.concurrency == 1
        slot = 0 if single else instance.slots.index(None)
        instance.slots[slot] = attempt
        instance.running += 1
        instance.served += 1
        attempt.instance = instance
        attempt.slot = slot
        self._uses = instance.used = self._uses + 1
        if instance.reserved:
            self._count(instance, 1)
        if single:
            instance.mark = 0
        else:
            self._offer(instance)
        return slot

    def _count(self, instance: Instance, change: int) -> None:
        """Keep count of the attempts on a function's reserved instances, for target tracking."""
        fn = instance.function
        fn.reserved_running += change
        if fn.track is not None:
            fn.track.append((self.p.clock.time, fn.reserved_running))

    def _offer(self, instance: Instance) -> None:
        """Renew the instance's entry among the free ones, or withdraw it (clause 2)."""
        state, fn = instance.state, instance.function
        if not instance.draining and (state is State.IDLE or (state is State.BUSY and 0 < instance.running < fn.concurrency)):
            self._enlist(instance, fn)
            if len(fn.free) > 64 + 2 * len(fn.instances):  # stale entries below the top would pile up, one a request
                fn.free = [entry for entry in fn.free if entry[3].mark == entry[2]]
                heapify(fn.free)
        else:
            instance.mark = 0

    def _enlist(self, instance: Instance, fn: Function) -> None:
        """Give the instance, which has no entry among the free ones that counts, a new one."""
        placement = self.p.placement
        self._uses = instance.mark = self._uses + 1
        heappush(fn.free, (not instance.reserved, -placement(instance), self._uses, instance))

    # ---- booted, released, idle

    def ready(self, instance: Instance) -> None:
        """The boot is over: start the attempt that waited for it, or stand by."""
        p, now = self.p, self.p.clock.time
        instance.signal(Signal.READY)
        attempt, instance.attempt = instance.attempt, None
        fn = instance.function
        request, number = (attempt.request.number, attempt.number) if attempt is not None else (0, 0)
        p.record(now, _INSTANCE_READY, request, number, instance.number, fn.number)
        if attempt is not None:
            self._take(instance, attempt)
            p.executor.begin(attempt)
            if fn.concurrency > 1:
                p.capacity(fn)
            return
        if instance.draining:
            self.stop(instance, "lowered")
            return
        p.reserve.booted(fn)
        expires = self._rest(instance, now)
        p.record(now, _INSTANCE_IDLED, 0, 0, instance.number, fn.number, expires)
        self._offer(instance)
        p.capacity(fn)

    def leave(self, attempt: Attempt, now: int) -> None:
        """The attempt left its instance: free the slot; with the last one, freeze and stand by."""
        instance = attempt.instance
        assert instance is not None
        fn = instance.function
        instance.slots[attempt.slot] = None
        instance.running -= 1
        self._uses = instance.used = self._uses + 1
        if instance.reserved:
            self._count(instance, -1)
        if instance.running:
            instance.signal(Signal.FINISHED)
            self._offer(instance)
            self.p.recording.put((
                now, _INSTANCE_RELEASED, attempt.request.number, attempt.number, instance.number, fn.number, 0, instance.running,
            ))  # fmt: skip
        elif fn.spec.pre_freeze is None or instance.reserved or instance.draining:
            self._released(instance, attempt, now)
            if self.p.backend.freezes and not instance.reserved:
                self.p.backend.freeze(instance, lambda: None)
        else:
            instance.mark = 0  # nobody may have it while the hook runs
            self.p.hook(instance, "pre_freeze", partial(self._hooked, instance, attempt))

    def _hooked(self, instance: Instance, attempt: Attempt) -> None:
        """The pre-freeze hook has run, unless the instance died meanwhile."""
        if instance.state is State.BUSY:
            self._released(instance, attempt, self.p.clock.time)
            self.p.capacity(instance.function)

    def _released(self, instance: Instance, attempt: Attempt, now: int) -> None:
        """The instance runs nothing any more: it waits, or goes if it is to go."""
        fn = instance.function
        instance.signal(_RELEASED)
        expires = self._rest(instance, now)
        put = self.p.recording.put
        put((now, _INSTANCE_RELEASED, attempt.request.number, attempt.number, instance.number, fn.number, expires, 0))
        if instance.draining:
            self.stop(instance, "lowered")
        else:
            self._enlist(instance, fn)

    def _rest(self, instance: Instance, now: int) -> int:
        """Set the idle timer of an on-demand instance; when it expires, or 0 for never.

        One wake-up an instance stays in the clock: if it comes early it goes back to sleep until the real time.
        """
        if instance.reserved or instance.draining:
            return 0
        keep_alive = self.p.keep_alive
        window = keep_alive(instance.function.idle_us, instance.served)
        if window >= FOREVER:
            instance.expires = FOREVER
            return 0
        instance.expires = expires = now + window
        if instance.wakes > expires:
            self._wake(instance, expires)
        return expires

    def _wake(self, instance: Instance, when: int) -> None:
        """Let `_expire` look at the instance at `when`, and no more at the time set before."""
        clock, timer = self.p.clock, instance.wakeup
        instance.wakes = when
        if timer is None:
            instance.wakeup = clock.call_at(when, self._expire, instance, order=Order.IDLE_EXPIRY)
        else:
            timer.cancel()
            clock.call_again(timer, when)

    def _expire(self, instance: Instance) -> None:
        instance.wakes = FOREVER
        if instance.state is not State.IDLE or instance.expires >= FOREVER:
            return
        if instance.expires > self.p.clock.time:
            self._wake(instance, instance.expires)
            return
        self.stop(instance, "idle")

    # ---- letting go

    def stop(self, instance: Instance, reason: str) -> None:
        """Stop an instance that runs nothing: it expired or was lowered. Its pre-stop hook runs if it was ever ready."""
        booted = instance.state not in BOOTING
        instance.signal(Signal.EXPIRED if reason == "idle" else Signal.STOP)
        self._stopping(instance, reason, hook=booted)

    def kill(self, instance: Instance, reason: str) -> list[Attempt]:
        """End an instance at once, whatever it does; the attempts that were on it."""
        if not instance.alive:
            return []
        instance.signal(Signal.FAILED if reason == "boot" else Signal.KILLED)
        lost = [attempt for attempt in instance.slots if attempt is not None]
        if instance.attempt is not None:
            lost.append(instance.attempt)
            instance.attempt = None
        if instance.reserved:
            instance.function.reserved_running -= instance.running
        instance.slots = [None] * len(instance.slots)
        instance.running = 0
        for attempt in lost:
            if not attempt.done:
                self.p.backend.cancel(attempt, reason)
        self._stopping(instance, reason, hook=False)
        return lost

    def _stopping(self, instance: Instance, reason: str, hook: bool) -> None:
        p, fn = self.p, instance.function
        instance.mark = -1
        instance.stop_reason = reason
        for timer in (instance.wakeup, instance.timer):
            if timer is not None:
                timer.cancel()
        instance.wakeup = instance.timer = None
        del fn.instances[instance.number]
        self.alive -= 1
        p.record(p.clock.time, _INSTANCE_STOPPING, 0, 0, instance.number, fn.number, p.recording.text(reason))
        p.hook(instance, "pre_stop" if hook else "", partial(self._gone, instance))
        if instance.reserved and reason not in ("lowered", "closed"):
            p.reserve.replace(fn, failed=reason == "boot")

    def _gone(self, instance: Instance) -> None:
        p, reason = self.p, instance.stop_reason
        instance.signal(Signal.STOPPED)
        if reason == "idle":
            p.record(p.clock.time, _INSTANCE_RECLAIMED, 0, 0, instance.number, instance.function.number)
        else:
            p.record(p.clock.time, _INSTANCE_DESTROYED, 0, 0, instance.number, instance.function.number, p.recording.text(reason))
        if not p.turns.clearing:
            p.capacity(instance.function)
