"""How long a run takes where a model stands in for code: a constant, a callable, an iterable or a named distribution."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from random import Random

from fclab.errors import UsageError
from fclab.model import Duration
from fclab.units import all_to_us, to_us

__all__ = ["DISTRIBUTIONS", "Replay", "model"]

DISTRIBUTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "constant": (1, lambda random, value: value),
    "exponential": (1, lambda random, mean: random.expovariate(1 / mean)),
    "uniform": (2, lambda random, low, high: random.uniform(low, high)),
    "normal": (2, lambda random, mean, sd: max(0.0, random.normalvariate(mean, sd))),
    "lognormal": (2, lambda random, median, sigma: median * random.lognormvariate(0, sigma)),
    "pareto": (2, lambda random, least, alpha: least * random.paretovariate(alpha)),
}
"""Name to (number of parameters, draw). Parameters in seconds, written "exponential(0.2)"."""

_NAMED = re.compile(r"\s*([a-z]+)\s*\(([^()]*)\)\s*\Z")


class Replay(Iterable[float]):
    """An iterable that can be read again from its start, also where its source can be read only once."""

    def __init__(self, source: Iterable[float]) -> None:
        self._source = iter(source)
        self._seen: list[float] = []

    def __iter__(self) -> Iterator[float]:
        for at in count():
            if at == len(self._seen):
                try:
                    self._seen.append(next(self._source))
                except StopIteration:
                    return
            yield self._seen[at]


def model(name: str, duration: Duration, random: Random) -> Callable[[], int]:
    """A draw of µs for function `name`. Raises `UsageError` for what is no model, and later for a draw that is no time."""
    what = f"the duration of {name!r}"
    if isinstance(duration, (int, float)):
        fixed = to_us(duration, what)
        return lambda: fixed
    if isinstance(duration, str):
        return _distribution(what, duration, random)
    if callable(duration):
        drawn = duration
        return lambda: to_us(drawn(random), what)
    values = all_to_us(duration, what) if isinstance(duration, (list, tuple)) else (to_us(value, what) for value in duration)

    def run_out() -> int:
        raise UsageError(f"The durations of {name!r} have run out.", hint="give as many seconds as requests")

    return chain(values, iter(run_out, None)).__next__


def _distribution(what: str, text: str, random: Random) -> Callable[[], int]:
    found = _NAMED.match(text)
    known = ", ".join(DISTRIBUTIONS)
    if found is None or found[1] not in DISTRIBUTIONS:
        raise UsageError(f"{what} cannot be {text!r}.", hint=f'write it like "exponential(0.2)"; there are {known}')
    wanted, draw = DISTRIBUTIONS[found[1]]
    try:
        numbers = [float(part) for part in found[2].split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != wanted or any(not number > 0 for number in numbers):
        raise UsageError(f"{what} cannot be {text!r}.", hint=f"{found[1]} takes {wanted} positive number(s) of seconds")
    return lambda: to_us(draw(random, *numbers), what)
