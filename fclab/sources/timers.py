"""Timers: functions called at times, by cron expression or at an interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import Binding, Source, Trigger, document, verb
from fclab.sources.cron import parse
from fclab.sources.deliveries import backoff
from fclab.sources.stamps import stamp
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.sources.hub import Hub

__all__ = ["TimerTrigger", "Timers"]

PAYLOAD_LIMIT = 128 * 1024
"""Bytes of a payload: what an asynchronous call may carry."""
MOST_TIMES = 1000
_RETRY = backoff(1, 60, tries=10)


@dataclass(frozen=True, kw_only=True)
class TimerTrigger(Trigger):
    """Call a function at times.

    cron      six fields, seconds first, in UTC: "0 0 2 * * *"; in another zone "CRON_TZ=Asia/Shanghai 0 0 2 * * *"; or "@every 5m"
              (see `fclab.sources.cron.parse`)
    payload   text of at most 128 KB that each event carries
    enabled   the product's own switch, part of its configuration; the trigger's handle has another, and both must be on
    """

    TYPE: ClassVar[str] = "timer"
    SOURCE: ClassVar[str] = "timers"
    MODE: ClassVar[Mode] = "async"
    RETRIES: ClassVar[str] = "9 times, after 1, 2, 4 ... 60 s, while the platform refuses it; then its queue retries"
    cron: str
    payload: str = ""
    enabled: bool = True

    def __post_init__(self) -> None:
        parse(self.cron)
        if not isinstance(self.payload, str):
            raise UsageError(f"A timer's payload is a text, not {self.payload!r}.", hint="encode it, such as with json.dumps")
        if (size := len(self.payload.encode())) > PAYLOAD_LIMIT:
            raise UsageError(f"A timer's payload has at most {PAYLOAD_LIMIT} bytes, this one {size}.", hint="store it, and send its name")
        if not isinstance(self.enabled, bool):
            raise UsageError(f"enabled is True or False, not {self.enabled!r}.", hint="True lets the timer go off")

    @property
    def watches(self) -> str:
        return self.cron

    def config(self) -> dict[str, Any]:
        return {"cronExpression": self.cron, "enable": self.enabled, "payload": self.payload}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> TimerTrigger:
        names = {"cronExpression": "cron", "enable": "enabled", "payload": "payload"}
        if unknown := [name for name in config if name not in names]:
            raise UsageError(f"A timer's configuration has no {unknown[0]!r}.", hint=f"it has: {', '.join(names)}")
        if "cronExpression" not in config:
            raise UsageError("A timer's configuration needs cronExpression.", hint='such as "0 0 2 * * *"')
        return cls(**{names[name]: value for name, value in config.items()})

    @classmethod
    def example(cls) -> bytes:
        return event(1_659_088_978 * SECOND, "TestTimer", "TestPayload")


def event(unix: int, name: str, payload: str) -> bytes:
    """What a function gets when the trigger `name` goes off at `unix` (µs since 1970)."""
    return document({"triggerTime": stamp(unix), "triggerName": name, "payload": payload})


class Timers(Source):
    """1. A timer that is enabled goes off at each of its times, once; these are no work that `run()` waits for.
    2. A time that passes while the trigger is disabled, its function not declared, or the home closed, is missed and never made up for.
    3. Intervals count from the moment when the trigger was made.
    """

    NAME = "timers"
    TITLE = "timers"
    TRIGGERS = (TimerTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._armed: dict[int, Timer] = {}

    def bind(self, binding: Binding) -> None:
        trigger = binding.trigger
        assert isinstance(trigger, TimerTrigger)
        self.hub.outbox.waits[binding.number] = _RETRY
        if trigger.enabled:
            self._arm(binding, trigger)

    def unbind(self, binding: Binding) -> None:
        armed = self._armed.pop(binding.number, None)
        if armed is not None:
            armed.cancel()

    def close(self) -> None:
        self._armed.clear()

    def _arm(self, binding: Binding, trigger: TimerTrigger) -> None:
        due = parse(trigger.cron, self.hub.unix(binding.created)).after(self.hub.unix())
        self._armed[binding.number] = self.hub.tick(due, self._goes_off, binding, trigger, due)

    def _goes_off(self, binding: Binding, trigger: TimerTrigger, due: int) -> None:
        if self.hub.ready(binding):
            with self.hub.change() as change:
                change.was_time(self.label(), f"{binding.name} at {stamp(due)}")
                change.send(binding, event(due, binding.name, trigger.payload))
        self._arm(binding, trigger)

    @verb
    def next(self, cron: str, n: int = 5, after: str | None = None) -> list[str]:
        """The next `n` times (1 to 1000) of an expression, in UTC: ["2026-01-01T02:00:00Z", ...]. Raises `UsageError` for a wrong one.

        after   a time in the same form, left out: now. Intervals count from it
        """
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_TIMES:
            raise UsageError(f"n is a number of times from 1 to {MOST_TIMES}, not {n!r}.", hint="such as 5")
        at = self.hub.unix() if after is None else _unix(after)
        times, found = parse(cron, at), []
        try:
            for _ in range(n):
                at = times.after(at)
                found.append(stamp(at))
        except (OverflowError, ValueError):
            raise UsageError(f"Times end with the year 9999, and {cron!r} comes no {n} times until then.", hint="ask for fewer") from None
        return found

    @verb
    def list(self) -> list[dict[str, Any]]:
        """The timers: [{"function", "trigger", "cron", "next"}], in the order in which they were made; next is None while it is off."""
        rows = []
        for one in self.hub.registry.all():
            if isinstance(one.trigger, TimerTrigger):
                armed = self._armed.get(one.number)
                due = None if armed is None else stamp(self.hub.unix(armed.when))
                rows.append({"function": one.function, "trigger": one.name, "cron": one.trigger.cron, "next": due})
        return rows


def _unix(text: object) -> int:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise UsageError(f"{text!r} is no time.", hint='such as "2026-03-29T00:00:00Z"') from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) * SECOND
