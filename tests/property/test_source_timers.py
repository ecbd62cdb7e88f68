"""Cron expressions against a plain reading of their fields, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fclab import Lab
from fclab.sources.cron import Every, parse
from fclab.units import SECOND

START = datetime(2026, 1, 1, tzinfo=UTC)


def unix(at: datetime) -> int:
    return round(at.timestamp()) * SECOND


@st.composite
def fields(draw: st.DrawFn, least: int, most: int) -> tuple[str, set[int]]:
    """A field, and the values that it admits."""
    everything = set(range(least, most + 1))
    kind = draw(st.sampled_from(["*", "one", "list", "range", "step"]))
    if kind == "*":
        return "*", everything
    low, high = sorted(draw(st.tuples(st.integers(least, most), st.integers(least, most))))
    if kind == "one":
        return str(low), {low}
    if kind == "list":
        return f"{low},{high}", {low, high}
    if kind == "range":
        return f"{low}-{high}", set(range(low, high + 1))
    step = draw(st.integers(1, 10))
    return f"*/{step}", set(sorted(everything)[::step])


@given(fields(0, 59), fields(0, 23), st.integers(0, 59), st.integers(0, 3 * 1440))
def test_the_next_time_is_the_first_that_matches(minute: tuple[str, set[int]], hour: tuple[str, set[int]], second: int, start: int) -> None:
    after = START + timedelta(minutes=start)
    at = after.replace(second=second)
    while at <= after or at.minute not in minute[1] or at.hour not in hour[1]:
        at += timedelta(minutes=1)
    assert parse(f"{second} {minute[0]} {hour[0]} * * *").after(unix(after)) == unix(at)


@given(fields(1, 12), st.integers(1, 28), st.integers(0, 700))
def test_dates_too(month: tuple[str, set[int]], day: int, start: int) -> None:
    after = START + timedelta(days=start)
    at = after + timedelta(days=1)
    while at.month not in month[1] or at.day != day:
        at += timedelta(days=1)
    assert parse(f"0 0 0 {day} {month[0]} ?").after(unix(after)) == unix(at)


@given(st.integers(1, 10**9), st.integers(0, 10**15), st.integers(0, 10**15))
def test_intervals(period: int, start: int, now: int) -> None:
    """The next is later than now, at most a period away once begun, and a whole number of periods from the start."""
    found = Every(period, start).after(now)
    assert found > max(now, start)
    assert found - max(now, start) <= period
    assert (found - start) % period == 0


@given(st.integers(1, 40), st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"]))
def test_times_only_grow(n: int, zone: str) -> None:
    found = Lab().timers.next(f"CRON_TZ={zone} 0 15,45 * * * *", n)
    assert found == sorted(set(found))
    assert len(found) == n
