"""The hub: the lab's sources together, the triggers between them and functions, and the changes that set those off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from fclab.clock import Order
from fclab.engine.depths import DEEPEST
from fclab.errors import FclabError, SourceError
from fclab.observe import events as e
from fclab.sources.deliveries import SCHEMA, Failure, Outbox
from fclab.sources.lines import Line
from fclab.sources.registry import Registry
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.backends.base import Served
    from fclab.clock import Timer
    from fclab.engine.platform import Platform
    from fclab.engine.rows import Attempt
    from fclab.model import Mode, Response
    from fclab.sources.base import Binding, Source
    from fclab.sources.store import Store

__all__ = ["Change", "Hub", "LoopDetected"]


class LoopDetected(FclabError):
    """A chain of triggers leads back to itself: a function sets off the trigger that called it."""


class Change:
    """What one change sets off: told to it inside the transaction, started when that is committed."""

    def __init__(self, hub: Hub, cause: int, depth: int, instance: int) -> None:
        self.hub = hub
        self.cause = cause
        """The request whose handler makes the change, or 0."""
        self.depth = depth
        """Triggers in the chain behind that request."""
        self.instance = instance
        self._told: list[tuple[int, str, str]] = []
        self._then: list[Callable[[], object]] = []

    def happened(self, label: str, what: str) -> None:
        """For the recording: at `label` ("objects photos") happened `what` ("ObjectCreated:PutObject in/a.jpg")."""
        self._told.append((e.SourceChanged.KIND, label, what))

    def was_time(self, label: str, what: str) -> None:
        """The same where it was the source's own doing: a timer went off, an alarm changed, a task is done."""
        self._told.append((e.SourceActed.KIND, label, what))

    def send(self, binding: Binding, payload: bytes, delay: int = 0) -> None:
        """A trigger's function is to get this event, in `delay` µs."""
        self._then.append(self.hub.outbox.put(binding, payload, self.cause, self.depth, delay))

    def then(self, fn: Callable[[], object]) -> None:
        """Call `fn` once the change is committed."""
        self._then.append(fn)

    def publish(self, source: str, kind: str, subject: str, data: dict[str, Any]) -> None:
        """The event bus learns of it: CloudEvents attributes source, type and subject, and the data."""
        bus = self.hub.bus
        if bus is not None:
            bus.take(self, source, kind, subject, data)

    def committed(self) -> None:
        """Record what happened, then start what it set off."""
        platform = self.hub.platform
        for kind, label, what in self._told:
            text = platform.recording.text
            platform.record(platform.clock.time, kind, self.cause, 0, self.instance, 0, text(label), text(what))
        for fn in self._then:
            fn()


class Hub:
    """See `fclab.engine.outside.Sources` for what the platform asks of it. All on the engine's thread.

    1. `owed` counts deliveries under way and due: `run()` waits for them. Ticks and polls are not owed.
    2. Stored times are µs since 1970 (`unix`), in virtual time counted from the lab's epoch, so a home can be opened again.
    """

    def __init__(
        self, platform: Platform, store: Store, epoch: int, kinds: tuple[type[Source], ...], complain: Callable[[Exception], object]
    ) -> None:
        self.platform = platform
        self.clock = platform.clock
        self.store = store
        self.epoch = epoch
        self.complain = complain
        self.owed = 0
        self.when_forgotten: list[Callable[[str], object]] = []
        """Who else keeps something of functions in the store: called with the name of one that was deleted."""
        self.chance = Random(f"{platform.seed}:sources")
        store.schema(SCHEMA)
        self._maker: Attempt | None = None
        """Whose handler uses a source at this moment."""
        self.calling: dict[tuple[int, str], Line] = {}
        """Lines with a call under way, by trigger and name."""
        self.outbox = Outbox(self)
        self.registry = Registry(self)
        self.sources: dict[str, Source] = {}
        for kind in kinds:
            store.schema(kind.SCHEMA)
            self.sources[kind.NAME] = kind(self)
        self.bus: Any = self.sources.get("bus")
        self.registry.reopened()
        for source in self.sources.values():
            source.reopened()

    # ---- time

    def unix(self, us: int | None = None) -> int:
        """Lab time as µs since 1970; now, if not given."""
        return self.epoch + (self.clock.time if us is None else us)

    def lab(self, unix: int) -> int:
        """µs since 1970 as lab time."""
        return unix - self.epoch

    def tick(self, unix: int, fn: Callable[..., object], *args: object) -> Timer:
        """Call `fn` at a time (µs since 1970). No work: `run()` does not wait for it."""
        return self.clock.call_at(self.lab(unix), fn, *args, order=Order.TICK)

    def owe(self, delay: int, fn: Callable[..., object], *args: object) -> None:
        """Call `fn` in `delay` µs; until then something is owed (clause 1)."""
        self.owed += 1
        self.platform.moving += 1
        self.clock.call_at(self.clock.time + delay, self._due, fn, args, order=Order.ARRIVAL)

    def _due(self, fn: Callable[..., object], args: tuple[object, ...]) -> None:
        self.owed -= 1
        self.platform.moving -= 1
        fn(*args)

    # ---- changes

    @contextmanager
    def change(self, cause: int = 0) -> Iterator[Change]:
        """A change of what sources hold, and what it sets off: all or nothing, then started.

        `cause` is the request behind it where that is not the one whose handler runs.
        """
        maker = self._maker
        if cause:
            change = Change(self, cause, self.platform.depths.of(cause), 0)
        elif maker is None:
            change = Change(self, 0, 0, 0)
        else:
            number = maker.request.number
            change = Change(self, number, self.platform.depths.of(number), maker.instance.number if maker.instance is not None else 0)
        with self.store.transaction():
            yield change
            self.store.after(change.committed)

    def use(self, attempt: Attempt | None, service: str, verb: str, args: list[Any], options: dict[str, Any], reply: Served) -> None:
        """See `fclab.engine.outside.Sources`. Whatever a handler gives, it gets an answer."""
        before, self._maker = self._maker, attempt
        try:
            answer = self.verb(service, verb)(*args, **options)
        except SourceError as error:
            reply(None, error)
        except (TypeError, ValueError, OverflowError) as error:
            what, hint = (error.what, error.hint) if isinstance(error, FclabError) else (str(error), f"see help(lab.{service}.{verb})")
            reply(None, SourceError("InvalidArgument", what, hint=hint))
        except Exception as error:
            reply(None, SourceError("InternalError", f"{type(error).__name__}: {error}", hint="the lab says more of it"))
            self.complain(error)
        else:
            reply(answer, None)
        finally:
            self._maker = before

    def verb(self, service: str, verb: str) -> Callable[..., object]:
        """A source's verb by name. Raises `SourceError` if there is none."""
        source = self.sources.get(service)
        if source is None or verb not in source.verbs():
            there = ", ".join(self.sources) if source is None else ", ".join(source.verbs())
            raise SourceError("InvalidAction", f"There is no {service}.{verb}.", hint=f"there is: {there}")
        method: Callable[..., object] = getattr(source, verb)
        return method

    # ---- deliveries

    def ready(self, binding: Binding) -> bool:
        """Events of this trigger may go now."""
        return binding.enabled and binding.function in self.platform.functions and self.exists(binding)

    def exists(self, binding: Binding) -> bool:
        """It was not deleted."""
        return self.registry.by_number.get(binding.number) is binding

    def call(
        self, binding: Binding, payload: bytes, cause: int, depth: int, tries: int, done: Callable[[Failure | None], object]
    ) -> None:
        """One call of a trigger's function; `done` gets None for success: the function's (sync), or that the platform has it (async).

        A source that has waited for its trigger's `PATIENCE` hears of a failure then, and not of what the run comes to.
        """
        p, mode = self.platform, binding.trigger.call_mode
        if depth >= DEEPEST:
            text = p.recording.text
            p.record(p.clock.time, e.LoopStopped.KIND, cause, 0, 0, p.functions[binding.function].number, text(binding.name), depth)
            self.complain(
                LoopDetected(
                    f"Trigger {binding.name!r} of {binding.function!r} would call it for the {depth + 1}th time in one chain.",
                    hint="let the function write where the trigger does not look, such as under another prefix",
                )
            )
            done(Failure(cause, "LoopDetected", True))
            return
        self.owed += 1
        number = p.front_door.requests + 1
        heard = False

        def hear(failure: Failure | None) -> None:
            nonlocal heard
            if not heard:
                heard = True
                self.owed -= 1
                done(failure)

        patience, late = binding.trigger.PATIENCE, None
        if patience is not None:
            silence = Failure(number, f"NoAnswer: none within {patience:g} s", False)
            late = p.clock.call_at(p.clock.time + round(patience * SECOND), hear, silence, order=Order.TIMEOUT)

        def replied(response: Response) -> None:
            if late is not None:
                late.cancel()
            if response.ok:
                hear(None)
                return
            kind = response.error_type or str(response.status)
            final = response.status in (400, 413) and mode == "async"
            hear(Failure(number, f"{kind}: {response.error}", final, response))

        self.request(binding, payload, mode, replied, cause, depth, tries)

    def request(
        self, binding: Binding, payload: bytes, mode: Mode, reply: Callable[[Response], object], cause: int = 0, depth: int = 0,
        tries: int = 1,
    ) -> None:  # fmt: skip
        """A request of a declared function through a trigger, recorded as such; `reply` gets what its caller gets."""
        p = self.platform
        source = self.sources[binding.trigger.SOURCE].label(binding.trigger.watches)
        number, text = p.front_door.requests + 1, p.recording.text
        p.depths.set(number, depth + 1)
        fn = p.functions[binding.function]
        p.record(p.clock.time, e.TriggerFired.KIND, number, tries, 0, fn.number, text(source), text(binding.name))
        p.front_door.accept(binding.function, payload, mode, reply, cause=cause)

    def gave_up(self, binding: Binding, failure: Failure) -> None:
        """Record that an event stays undelivered."""
        p = self.platform
        fn = p.functions.get(binding.function)
        number, text = fn.number if fn is not None else 0, p.recording.text
        p.record(p.clock.time, e.TriggerGaveUp.KIND, failure.request, 0, 0, number, text(binding.name), text(failure.reason))

    # ---- for the platform

    def deliver(self, to: str, body: bytes, request: int) -> None:
        """See `fclab.engine.outside.Sources`."""
        kind, _, name = to.partition(":")
        with self.change(request) as change:
            self.sources[f"{kind}s"].deliver(change, name, body)

    def adopt(self, function: str) -> None:
        """A function was declared: its triggers' events may go."""
        self.registry.wake(function)

    def forget(self, function: str) -> None:
        """A function was deleted, and with it its triggers, and what others keep of it."""
        for binding in self.registry.all(function):
            self.registry.delete(binding)
        for gone in self.when_forgotten:
            gone(function)

    def close(self) -> None:
        """Let go of everything. What calls and timers under way come to is nothing to a trigger any more."""
        self.registry.by_number.clear()
        for source in self.sources.values():
            source.close()
        self.store.close()
