"""Lab time: seconds at the API, an integer number of microseconds inside.

Integers make recordings exact: 0.1 + 0.2 never shows, and two runs can be compared digit by digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import cast

from fclab.errors import UsageError

__all__ = ["FOREVER", "SECOND", "all_to_us", "rounded_text", "seconds", "seconds_text", "text_of_times", "tick_text", "to_us"]

SECOND = 1_000_000
FOREVER = 1 << 61
"""A time no clock reaches: 'no limit', in µs. Any larger number of seconds counts as this."""


def to_us(value: object, name: str, *, least: float = 0.0, most: float = math.inf, endless: bool = False) -> int:
    """Seconds to µs, rounded to the nearest. `endless` admits `math.inf`, which becomes `FOREVER`.

    Raises `UsageError` for what is no number, is not finite, or lies outside [least, most] seconds.
    """
    if type(value) in (float, int) and least <= value <= most and value < 1e12:  # type: ignore[operator]
        return round(value * SECOND)  # type: ignore[operator]
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{name} must be a number of seconds, not {value!r}.", hint=f"give {name} as a number, such as 0.5")
    try:
        number = float(value)
    except OverflowError:
        raise UsageError(f"{name} is too large for a number of seconds.", hint=f"give {name} as a number, such as 0.5") from None
    if math.isnan(number) or (math.isinf(number) and not (endless and number > 0)):
        raise UsageError(f"{name} must be a finite number of seconds, not {value!r}.", hint=f"give {name} as a number, such as 0.5")
    if not least <= number <= most:
        span = f"at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise UsageError(f"{name} must be {span} seconds, not {value!r}.", hint=f"choose {name} {span}")
    return FOREVER if number * SECOND >= FOREVER else round(number * SECOND)


def all_to_us(values: list[object] | tuple[object, ...], name: str) -> list[int]:
    """Every one of many seconds as µs, as `to_us` does with each; a third of the time where all are plain numbers."""
    if values and set(map(type, values)) <= {float, int}:
        numbers = cast("list[float]", values)
        if min(numbers) >= 0 and math.isfinite(sum(numbers)) and max(numbers) < 1e12:
            return [round(number * SECOND) for number in numbers]
    return [to_us(value, name) for value in values]


def seconds(us: int) -> float:
    """µs to seconds; `FOREVER` becomes `math.inf`."""
    return math.inf if us >= FOREVER else us / SECOND


def seconds_text(us: int) -> str:
    """µs as the shortest exact decimal number of seconds: 1_100_000 -> '1.1', 360_100_001 -> '360.100001'."""
    if us >= FOREVER:
        return "inf"
    sign, us = ("-", -us) if us < 0 else ("", us)
    whole, part = divmod(us, SECOND)
    return f"{sign}{whole}.{part:06d}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"


def rounded_text(us: int) -> str:
    """µs as seconds that a wall clock measured: to the millisecond, and a time below 0.1 s to three digits.

    1_303_847 -> '1.304', 15_282 -> '0.0153', 138 -> '0.000138'. The browser's twin is `roundedText` in widgets/src/core/format.js.
    """
    long = abs(us)
    step = 1_000 if long >= 100_000 else 100 if long >= 10_000 else 10 if long >= 1_000 else 1
    return seconds_text(us if us >= FOREVER else _nearest(us, step))


def tick_text(us: int, scale: float) -> str:
    """µs as seconds on an axis of `scale` pixels a µs, with as many digits as a pixel can tell: the place is exact, not the text."""
    digits = min(6, max(0, math.ceil(math.log10(scale * SECOND)))) if scale > 0 else 0
    return seconds_text(_nearest(us, 10 ** (6 - digits)))


def text_of_times(clock: object) -> Callable[[int], str]:
    """How the times (µs) of a recording whose meta["clock"] is `clock` are written: those of "virtual" time exactly, others rounded."""
    return seconds_text if clock == "virtual" else rounded_text


def _nearest(us: int, step: int) -> int:
    return (us + step // 2) // step * step
