"""When a timer goes off: six-field cron expressions, seconds first, and intervals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from fclab.errors import UsageError
from fclab.units import SECOND

__all__ = ["Cron", "Every", "Times", "parse"]

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_EVERY = re.compile(r"@every\s+(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?\s*", re.ASCII)
_ZONE = re.compile(r"CRON_TZ=(\S+)\s+(.*)", re.DOTALL)
_TERM = r"(?:\*|{value}(?:-{value})?)"


def _field(value: str, step: bool = True, mark: bool = False) -> re.Pattern[str]:
    """What one field may look like: a list of values, ranges and stars, each with a step where `step`; or a lone ? where `mark`."""
    term = _TERM.format(value=value) + (r"(?:/\d+)?" if step else "")
    return re.compile(rf"{term}(?:,{term})*" + (r"|\?" if mark else ""), re.ASCII)


_FIELDS = (
    ("seconds", re.compile(r"\d+", re.ASCII), "one number of 0-59"),
    ("minutes", _field(r"\d+"), "0-59 with , - * /"),
    ("hours", _field(r"\d+"), "0-23 with , - * /"),
    ("day of month", _field(r"\d+", mark=True), "1-31 with , - * / or ?"),
    ("month", _field(r"(?:\d+|[A-Z]{3})"), "1-12 or JAN-DEC with , - * /"),
    ("day of week", _field(r"(?:[1-7]|[A-Z]{3})", step=False, mark=True), "1-7 or MON-SUN (Monday is 1) with , - * or ?"),
)
"""The product's fields: name, form, and the form in words."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Six fields: seconds, minutes, hours, day of month, month, day of week; in `zone`, UTC unless the expression begins CRON_TZ=.

    1. A time that the clocks skip in spring is skipped: 02:30 does not come that day, and the timer does not go off.
    2. A time that comes twice in autumn comes twice, an hour apart, and the timer goes off twice.
    3. Where the clocks skip midnight itself, as in Santiago, a timer for that date alone may miss the day's first hour: a limit of the
       library.
    4. Day of month and day of week must both match, where one of them is * or ?; otherwise either is enough.
    """

    fields: str
    zone: str = "UTC"

    def after(self, unix: int) -> int:
        """The first time after `unix`; both in µs since 1970."""
        from cronsim import CronSim

        zone = _zone(self.zone)
        return next(
            round(found.timestamp()) * SECOND
            for found in CronSim(self.fields, datetime.fromtimestamp(unix // SECOND, zone))
            if found == found.astimezone(UTC).astimezone(zone)  # else clause 1: a midnight that is skipped
        )


@dataclass(frozen=True, slots=True)
class Every:
    """One time each `period` µs, counted from `start` (µs since 1970), the first a period after it."""

    period: int
    start: int = 0

    def after(self, unix: int) -> int:
        """The first time after `unix`; both in µs since 1970."""
        return self.start + (max(0, unix - self.start) // self.period + 1) * self.period


Times = Cron | Every


def parse(text: object, start: int = 0) -> Times:
    """The times that "0 30 2 * * MON-FRI", "CRON_TZ=Asia/Shanghai 0 0 4 1 * *" or "@every 90m" means.

    start   µs since 1970 from which an interval counts. It takes h, m and s ("@every 1h30m", "@every 10s"): the product is said to know no
            interval shorter than a minute, which is not confirmed; here a second is the shortest.
    Raises `UsageError` for what the product refuses, for a zone that there is not, and for a date that never comes.
    """
    if not isinstance(text, str):
        raise UsageError(f"A cron expression is a text, not {text!r}.", hint='such as "0 0 2 * * *" or "@every 5m"')
    if text.lstrip().startswith("@"):
        return _interval(text.strip(), start)
    zoned = _ZONE.fullmatch(text.strip())
    zone, rest = zoned.groups() if zoned else ("UTC", text)
    return _cron(text, zone, rest.split())


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _interval(text: str, start: int) -> Every:
    found = _EVERY.fullmatch(text)
    period = sum(int(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0
    if not 0 < period <= 366 * 86_400:
        raise UsageError(f"{text!r} is no interval.", hint='such as "@every 5m", "@every 1h30m" or "@every 10s", up to a year')
    return Every(period * SECOND, start)


def _cron(text: str, zone: str, fields: list[str]) -> Cron:
    from cronsim import CronSimError

    if len(fields) != len(_FIELDS):
        order = ", ".join(name for name, _, _ in _FIELDS)
        raise UsageError(f"A cron expression has six fields, {text!r} has {len(fields)}.", hint=f"in this order: {order}")
    fields = [field.upper() for field in fields]
    for field, (name, form, words) in zip(fields, _FIELDS, strict=True):
        if not form.fullmatch(field):
            raise UsageError(f"{field!r} cannot be the {name} of {text!r}.", hint=words)
    try:
        _zone(zone)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"There is no time zone {zone!r}.", hint='such as "Asia/Shanghai" or "Europe/Berlin"') from None
    *first, day, month, week = ["*" if field == "?" else field for field in fields]
    for number, name in enumerate(_DAYS, 1):
        week = week.replace(name, str(number))
    cron = Cron(" ".join([*first, day, month, week]), zone)
    try:
        cron.after(0)
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ").replace("-", " ")
        hint = next((f"{name}: {words}" for name, _, words in _FIELDS if name.startswith(wrong)), "see the form of the fields")
        raise UsageError(f"The {wrong} of {text!r} is out of range, or runs backwards.", hint=hint) from None
    except (StopIteration, RuntimeError):
        raise UsageError(f"{text!r} never comes.", hint="such a date is in no year") from None
    return cron
