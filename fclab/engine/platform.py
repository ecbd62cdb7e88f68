"""The platform: its parts put together, and the few things they share. Front door, queue, dispatcher, pool, executor: a request's way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fclab.clock import Clock, Order
from fclab.engine.boots import Boots
from fclab.engine.deadlines import Deadlines
from fclab.engine.declare import settings
from fclab.engine.depths import Depths
from fclab.engine.destinations import Destinations
from fclab.engine.dispatcher import Dispatcher
from fclab.engine.executor import Executor
from fclab.engine.faults import Faults
from fclab.engine.front_door import FrontDoor
from fclab.engine.growth import Growth
from fclab.engine.instance import Instance, State
from fclab.engine.logbook import Logbook
from fclab.engine.outside import no_sources
from fclab.engine.policies import Policies
from fclab.engine.pool import HOOK_LIMIT, Pool
from fclab.engine.presets import Preset, retry_policy
from fclab.engine.reserve import Reserve
from fclab.engine.rows import Attempt, Function, Outcome, Reply, Request
from fclab.engine.settlement import Settlement
from fclab.engine.tasks import Task
from fclab.engine.turns import Turns
from fclab.model import FunctionSpec, Mode
from fclab.observe import events as e
from fclab.observe.recording import Recording
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.backends.base import Backend, Served
    from fclab.engine.outside import Sources
    from fclab.queues.base import Queue

__all__ = ["Platform"]


class Platform:
    """Single-threaded; knows time only through `clock` and the world only through `backend`.

    1. accepted = succeeded + failed + `work` at every instant: `work` counts requests that have not ended.
    2. Every part records what it does through `record`, at the moment it does it.
    """

    __slots__ = (
        "_ids", "backend", "boots", "cap", "clock", "depths", "destinations", "dispatcher", "done", "executor", "faults", "first",
        "front_door", "functions", "growth", "hopeless", "keep_alive", "life", "logbook", "mode_texts", "moving", "next_delay",
        "open_sources", "placement", "pool", "preset", "queue", "record", "recording", "records", "reserve", "seed", "settlement",
        "sources", "tasks", "turns", "work",
    )  # fmt: skip
    # without slots more than 30 attributes are slow to reach in Python 3.11

    def __init__(
        self, clock: Clock, backend: Backend, queue: Queue, recording: Recording, preset: Preset, *, seed: int = 0,
        cap: int | None = None, policies: Policies | None = None,
    ) -> None:  # fmt: skip
        policies = policies or Policies()
        self.clock = clock
        self.backend = backend
        self.queue = queue
        self.recording = recording
        self.record = recording.emit
        self.preset = preset
        self.seed = seed
        self._ids = f"1-{seed & 0xFFFFFFFF:08x}-"
        self.cap = preset.cap if cap is None else cap
        self.placement = policies.placement
        self.keep_alive = policies.keep_alive
        self.next_delay = policies.next_delay
        self.functions: dict[str, Function] = {}
        self.tasks: dict[tuple[str, str], Task] = {}
        """Those with an id of their own, by function and id; when they have ended, only those that leave no record."""
        self.mode_texts = {"sync": recording.text("sync"), "async": recording.text("async")}
        self.life = 0
        """How often the home was opened before."""
        self.records = recording.keep
        """Tasks leave a record in the queue."""
        self.work = 0
        self.first = 0
        """The number of the last request before this run."""
        self.moving = 0
        """What goes on by itself: arrivals to come, hops and retries due, attempts placed, booting for, or running."""
        self.hopeless: set[int] = set()
        """Requests that back off for ever against a fault without end."""
        self.logbook = Logbook()
        self.growth = Growth(preset.burst, preset.growth_count, preset.growth_period)
        self.faults = Faults(seed)
        self.pool = Pool(self)
        self.boots = Boots(self)
        self.executor = Executor(self)
        self.done = self.executor.done
        self.front_door = FrontDoor(self)
        self.dispatcher = Dispatcher(self)
        self.turns = Turns(self)
        self.settlement = Settlement(self)
        self.destinations = Destinations(self)
        self.reserve = Reserve(self)
        self.depths = Depths()
        self.sources: Sources | None = None
        self.open_sources: Callable[[], Sources] = no_sources
        """Makes the sources when they are first needed."""

    def take_up(self, last: int, life: int) -> None:
        """Go on where a home was left: `last` is the highest number on record, `life` how often it was opened before."""
        self.life, self.records = life, True
        self.front_door.requests = self.first = last
        self.forget()
        self.dispatcher.left.keep(self.queue.messages())
        self.destinations.take_up()

    # ---- functions

    def declare(self, spec: FunctionSpec) -> Function:
        """Add a function, or replace the one of that name.

        The old one's instances go, busy ones when they are done; its waiting events meet the new one. What was set by name stays:
        whether it is enabled, what `Lab.limit` said and `Lab.reserve` keeps, unless the new declaration reserves a number itself.
        """
        old = self.functions.get(spec.name)
        number = self.recording.add_function(spec.name)
        fn = Function(spec, number, retry_policy(self.preset, spec.async_config))
        fn.deadlines = Deadlines(self.clock, fn.timeout_us, self.executor.late)
        self.functions[spec.name] = fn
        if old is not None:
            fn.created, fn.enabled, fn.predecessor = old.created, old.enabled, old
            fn.limit = old.limit if spec.max_instances is None and old.spec.max_instances != old.limit else fn.limit
            self.retire(old)
        text = self.recording.text(settings(spec))
        self.record(self.clock.now(), e.FunctionDeclared.KIND, 0, 0, 0, number, spec.memory_mb, text)
        if spec.max_instances is not None:
            self.record(self.clock.now(), e.LimitSet.KIND, 0, 0, 0, number, spec.max_instances)
        if spec.reserved:
            self.reserve.set(fn, spec.reserved, declared=True)
        elif old is not None:
            self.reserve.inherit(fn)
        self.dispatcher.left.adopt(fn)
        self.destinations.adopt(fn)
        self.dispatcher.pump(fn.name)
        if self.sources is not None:
            self.sources.adopt(fn.name)
        return fn

    def retire(self, fn: Function, reason: str = "lowered") -> None:
        """Let a function's instances go: idle ones now, busy ones when they are done."""
        for instance in list(fn.instances.values()):
            instance.draining = True
            instance.mark = -1
            if instance.state is State.IDLE:
                self.pool.stop(instance, reason)

    def request_id(self, number: int) -> str:
        """The id of request `number`: readable, unique in the lab and its home, the same in every run with this seed.

        Numbers of requests that were not stored come again in the home's next life, hence that is in the id too.
        """
        return f"{self._ids}{self.life << 32 | number:012x}"

    # ---- what the parts share

    def capacity(self, fn: Function) -> None:
        """There may be room for one more attempt."""
        if self.dispatcher.hungry:
            self.dispatcher.feed(fn)
        if self.reserve.plans:
            self.reserve.feed()

    def cross(self, arrow: str, request: Request, go: Callable[[], object], broken: Callable[[str], object]) -> None:
        """Carry a request over an arrow of the chain: `go`, later, or `broken(effect)` if a fault strikes."""
        now, fn = self.clock.now(), request.fn
        strike = self.faults.strike(arrow, fn.name, now) if arrow in self.faults.arrows else None
        if strike is None:
            go()
            return
        effect = strike.effect or "delay"
        self.record(now, e.FaultInjected.KIND, request.number, 0, 0, fn.number, self.recording.text(arrow), self.recording.text(effect))
        then = partial(broken, effect) if strike.effect else go
        if strike.delay:
            self.moving += 1
            self.clock.call_at(now + strike.delay, self._late, then)
        else:
            then()

    def _late(self, then: Callable[[], object]) -> None:
        self.moving -= 1
        then()

    def hook(self, instance: Instance, name: str, then: Callable[[], object]) -> None:
        """Freeze ("pre_freeze") or stop ("pre_stop", or "" for no hook) the instance, its hook included, then go on."""
        spec = instance.function.spec
        if name != "pre_freeze" and (not name or spec.pre_stop is None):
            self.backend.stop(instance, False, then)
            return
        began = self.clock.now()

        def finished(late: bool = False) -> None:
            if instance.timer is not timer:
                return
            instance.timer = None
            timer.cancel()
            self.record(
                self.clock.now(), e.HookFinished.KIND, 0, 0, instance.number, instance.function.number, self.recording.text(name), began
            )
            if late:
                self.printed(instance, f"the {name} hook timed out after {HOOK_LIMIT // SECOND} seconds\n")
            if late and name == "pre_freeze":
                self.executor.fail(self.pool.kill(instance, "timeout"))
            elif late:
                self.backend.stop(instance, False, then)
            else:
                then()

        instance.timer = timer = self.clock.call_at(began + HOOK_LIMIT, finished, True, order=Order.TIMEOUT)
        if name == "pre_freeze":
            self.backend.freeze(instance, finished)
        else:
            self.backend.stop(instance, True, finished)

    def forget(self) -> None:
        """Forget the tasks that ended longer ago than they are remembered: whoever asks for records, or for an id, does so first."""
        self.queue.sweep(self.clock.time - self.queue.retention)

    def taken(self, function: str, task_id: str) -> bool:
        """Whether the function has a task of that id, under way or remembered."""
        self.forget()
        task = self.tasks.get((function, task_id))
        if task is not None and task.finished and task.history[-1][0] < self.clock.time - self.queue.retention:
            del self.tasks[function, task_id]
            task = None
        return task is not None or self.queue.known(function, task_id)

    def kill(self, instance: Instance, reason: str = "killed") -> None:
        """An instance dies: what ran on it fails as system errors."""
        self.executor.fail(self.pool.kill(instance, reason))

    # ---- what the backend reports

    def phase_ended(self, instance: Instance, phase: str, proceed: Callable[[], object]) -> None:
        """A boot phase ended."""
        self.boots.phase_ended(instance, phase, proceed)

    def boot_ended(self, instance: Instance, outcome: Outcome | None) -> None:
        """A boot is over, well or not."""
        self.boots.ended(instance, outcome)

    def printed(self, instance: Instance, text: str) -> None:
        """An instance printed something outside of any request."""
        self.logbook.add(instance.function.name, instance.label, text)

    def died(self, instance: Instance, outcome: Outcome) -> None:
        """An instance ended by itself, and with it every attempt that was on it."""
        if instance.alive:
            self.executor.fail(self.pool.kill(instance, outcome.kind), outcome)

    def call(self, attempt: Attempt, function: str, payload: bytes, reply: Reply, task: Task | None = None, delay: int = 0) -> None:
        """A handler calls another function: synchronously, or with a `task` asynchronously."""
        mode: Mode = "sync" if task is None else "async"
        caller = attempt.instance.number if attempt.instance is not None else 0
        self.depths.inherit(self.front_door.requests + 1, attempt.request.number)
        self.front_door.accept(function, payload, mode, reply, cause=attempt.request.number, caller=caller, delay=delay, task=task)

    def use(self, attempt: Attempt, service: str, verb: str, args: list[object], options: dict[str, object], reply: Served) -> None:
        """A handler uses a source of the lab."""
        self.hub.use(attempt, service, verb, args, options, reply)

    @property
    def hub(self) -> Sources:
        """The sources, made now if this is the first that is heard of them."""
        if self.sources is None:
            self.sources = self.open_sources()
        return self.sources

    # ---- for those who drive the clock

    def busy(self) -> bool:
        """Requests have not ended, destinations have not been told, or sources still owe functions events."""
        return bool(self.work or self.dispatcher.coming or self.destinations.pending or (self.sources is not None and self.sources.owed))

    def stop(self) -> None:
        """Run no more handlers, and write what is left. Who waits for that is called; `NotStored` if it is impossible."""
        self.backend.close()
        self.queue.flush()

    def close(self) -> None:
        """Let go of everything, after `stop` and the calls that came of it: an event that the queue has is then no source's any more."""
        if self.sources is not None:
            self.sources.close()
        self.queue.close(self.clock.now())
