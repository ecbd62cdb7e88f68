"""Monitoring: what the lab measures of itself, and the alarms on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fclab.errors import UsageError
from fclab.observe.series import METRICS, Series
from fclab.sources.base import Binding, Source, verb
from fclab.sources.deliveries import backoff
from fclab.sources.monitor.alarm import ALARM, OK, Standing, after
from fclab.sources.monitor.trigger import EVENT_SOURCE, EVENT_TYPE, AlarmTrigger, alarm_data, alarm_event, measure, subject
from fclab.units import SECOND, seconds, to_us

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.sources.hub import Hub

__all__ = ["Monitor"]

_MOST = 44_640
"""Periods in one answer: a month of minutes."""
_KEPT_DAYS = 31


class Monitor(Source):
    """1. Metrics are computed from the recording, each event once, when somebody asks or an alarm looks. A lab that keeps no record
    has none, and says so.
    2. A period is [k·period, (k+1)·period) of lab time. An alarm looks at each when it is over; that is no work of a run.
    3. How alarms stand is stored, with their changes, and goes on in a home that is opened again. What was measured is not: metrics begin
       with the recording of the present run.
    """

    NAME = "monitor"
    TITLE = "monitoring"
    SCHEMA = """
CREATE TABLE IF NOT EXISTS alarms (
    trigger INTEGER PRIMARY KEY, state TEXT NOT NULL, streak INTEGER NOT NULL, raised INTEGER NOT NULL, since INTEGER NOT NULL,
    changes INTEGER NOT NULL, value REAL
);
CREATE TABLE IF NOT EXISTS alarm_changes (
    number INTEGER PRIMARY KEY, trigger INTEGER NOT NULL, time INTEGER NOT NULL, previous TEXT NOT NULL, state TEXT NOT NULL, value REAL
);
CREATE INDEX IF NOT EXISTS alarm_changes_time ON alarm_changes (time);
"""
    TRIGGERS = (AlarmTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._series: Series | None = None
        self._watches: dict[int, Watch] = {}

    def bind(self, binding: Binding) -> None:
        """Look at the end of each period. Refuses a lab that keeps no record with `UsageError`."""
        self.series()
        self.hub.outbox.waits[binding.number] = backoff(1, 300, age=86_400)
        for table in ("alarms", "alarm_changes"):
            self.store.run(f"DELETE FROM {table} WHERE trigger NOT IN (SELECT number FROM triggers)")
        self.unbind(binding)
        self._watches[binding.number] = Watch(self, binding)

    def unbind(self, binding: Binding) -> None:
        """Look no more; how it stands stays."""
        watch = self._watches.pop(binding.number, None)
        if watch is not None:
            watch.end()

    def series(self) -> Series:
        """The metrics, up to date (clause 1)."""
        if self._series is None:
            self._series = Series(self.hub.platform.recording.kept())
        self._series.catch_up()
        return self._series

    @verb
    def metrics(self) -> list[dict[str, Any]]:
        """What is measured: [{"name", "about", "statistics" (the first is the default), "documented" (the product's names)}]."""
        return [
            {
                "name": one.name, "about": one.about, "statistics": list(one.statistics),
                "documented": [name for names in one.documented.values() for name in names],
            }
            for one in METRICS.values()
        ]  # fmt: skip

    @verb
    def metric(
        self, name: str, function: str | None = None, statistic: str | None = None, period: float = 60, start: float = 0.0,
        end: float | None = None,
    ) -> list[dict[str, float | None]]:  # fmt: skip
        """A metric, period by period: [{"time" (s of lab time at which it begins), "value"}]; the last is the one that goes on now.

        name        ours or the product's, see `metrics()`; function: whose, None for all together
        statistic   "sum", "average", "maximum" or "p99", what the metric has
        period      seconds, above 0; start, end: seconds of lab time, up to now if not said. Those periods come that begin in [start, end)
        value       a count, a number of things, or seconds; None where a time was asked for and nothing ended
        Raises `UsageError` for unknown names, and in a lab that keeps no record.
        """
        metric, found = measure(name, statistic)
        step, now = to_us(period, "period", least=0.000001), self.hub.clock.time + 1  # this instant included
        first, last = to_us(start, "start"), now if end is None else min(now, to_us(end, "end"))
        series = self.series()
        known = {*self.hub.platform.functions, *series.functions} - {""}
        if function is not None and function not in known:
            raise UsageError(f"There is no function {function!r}.", hint=f"there is: {', '.join(sorted(known)) or 'none'}")
        begin = -(-first // step) * step
        if (last - begin) // step > _MOST:
            raise UsageError(f"That is more than {_MOST} periods.", hint="ask for longer periods, or for less time")
        return [
            {"time": seconds(at), "value": series.value(metric.name, function, found, at, min(at + step, now))}
            for at in range(begin, last, step)
        ]

    @verb
    def alarms(self) -> list[dict[str, Any]]:
        """How alarms stand: [{"name", "calls" (its function), "metric", "function", "statistic", "state", "since", "value"}].

        since   seconds of lab time; state: "OK", "ALARM" or "INSUFFICIENT_DATA"; value: of the period that made it so
        """
        found = []
        for binding in self.hub.registry.all():
            trigger = binding.trigger
            if isinstance(trigger, AlarmTrigger):
                standing, since, _, value = self.standing(binding)
                found.append(
                    {
                        "name": binding.name, "calls": binding.function, "metric": trigger.metric, "function": trigger.function,
                        "statistic": trigger.statistic, "state": standing.state, "since": seconds(self.hub.lab(since)), "value": value,
                    }
                )  # fmt: skip
        return found

    @verb
    def history(self, name: str | None = None) -> list[dict[str, Any]]:
        """Changes of alarms in the last 31 days, oldest first: [{"time" (s of lab time), "name", "calls", "previous", "state", "value"}].

        name   of the trigger; None for all
        """
        by_number = self.hub.registry.by_number
        rows = self.store.all("SELECT trigger, time, previous, state, value FROM alarm_changes ORDER BY number")
        return [
            {
                "time": seconds(self.hub.lab(time)), "name": by_number[number].name, "calls": by_number[number].function,
                "previous": previous, "state": state, "value": value,
            }
            for number, time, previous, state, value in rows
            if number in by_number and name in (None, by_number[number].name)
        ]  # fmt: skip

    def standing(self, binding: Binding) -> tuple[Standing, int, int, float | None]:
        """How an alarm stands, since when (µs since 1970), its changes so far, and the value that made it so."""
        row = self.store.one("SELECT state, streak, raised, since, changes, value FROM alarms WHERE trigger = ?", binding.number)
        if row is None:
            return Standing(), self.hub.unix(binding.created), 0, None
        return Standing(row[0], row[1], bool(row[2])), row[3], row[4], row[5]

    def judge(self, binding: Binding, value: float | None) -> None:
        """A period is over: change how an alarm stands, and tell its function of a change that is for it."""
        trigger = binding.trigger
        assert isinstance(trigger, AlarmTrigger)
        before, since, changes, old = self.standing(binding)
        now = after(before, trigger.breach(value), trigger.consecutive)
        if now == before:
            return
        time, changed = self.hub.unix(), now.state != before.state
        serial = changes + changed
        with self.hub.change() as change:
            self.store.run(
                "INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?, ?, ?, ?)", binding.number, now.state, now.streak, now.raised,
                time if changed else since, serial, value if changed else old,
            )  # fmt: skip
            if not changed:
                return
            self.store.run(
                "INSERT INTO alarm_changes (trigger, time, previous, state, value) VALUES (?, ?, ?, ?, ?)",
                binding.number, time, before.state, now.state, value,
            )  # fmt: skip
            self.store.run("DELETE FROM alarm_changes WHERE time < ?", time - _KEPT_DAYS * 86_400 * SECOND)
            change.was_time(self.label(trigger.watches), f"{binding.name} {before.state} -> {now.state}")
            data = alarm_data(binding.id, binding.name, trigger, serial, before.state, now.state, value, time, time - since)
            if now.state == ALARM or (now.state == OK and before.raised):
                change.publish(EVENT_SOURCE, EVENT_TYPE, subject(binding.id), data)
                if now.state == ALARM or trigger.recovery:
                    change.send(binding, alarm_event(serial, trigger, time, data))


class Watch:
    """Looks at one alarm's metric at the end of each period, until it is ended."""

    def __init__(self, monitor: Monitor, binding: Binding) -> None:
        self.monitor = monitor
        self.binding = binding
        self._timer = self._next()

    def _next(self) -> Timer:
        hub, trigger = self.monitor.hub, self.binding.trigger
        assert isinstance(trigger, AlarmTrigger)
        period = trigger.period * SECOND
        end = (hub.clock.time // period + 1) * period
        return hub.tick(hub.unix(end), self._look, trigger, end - period, end)

    def _look(self, trigger: AlarmTrigger, start: int, end: int) -> None:
        self._timer = self._next()
        value = self.monitor.series().value(trigger.metric, trigger.function, trigger.statistic or "", start, end)
        self.monitor.judge(self.binding, value)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()
