"""What was used: the readings that `observe.meters` takes from a recording and that `engine.billing` turns into money.

Plain integers, so sums are exact: times in µs, memory and disk in MB. Nothing here knows a price.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from fclab.errors import UsageError
from fclab.grid import html_grid, number_text, text_grid
from fclab.units import SECOND

__all__ = ["HOUR", "Meters", "Usage"]

HOUR = 3600 * SECOND
"""µs of the period a bill is made for."""

_HEADER = ("function", "size", "requests", "active s", "initializer s", "hooks s", "reserved s", "vCPU·s", "GB·s")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one function of one size used in one hour of lab time.

    function            its name
    hour                0 is the first hour of lab time, [0, 3600) s
    memory_mb, vcpu, disk_mb   the size of its instances: MB (1 GB = 1024 MB), vCPUs, MB
    requests            executions that are charged as calls
    active_us           µs on-demand instances were busy: concurrent requests counted once, each stretch rounded up to 1 ms
    reserved_us         µs reserved instances were held, each instance's whole life rounded up to 10 s
    reserved_active_us  the µs of reserved instances that were busy, rounded as `active_us`
    initializer_us, hooks_us   the parts of the busy time that initializers and hooks took, rounded likewise
    """

    function: str
    hour: int = 0
    memory_mb: int = 512
    vcpu: float = 0.25
    disk_mb: int = 512
    requests: int = 0
    active_us: int = 0
    reserved_us: int = 0
    reserved_active_us: int = 0
    initializer_us: int = 0
    hooks_us: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__[1:]:
            value = getattr(self, name)
            whole = name != "vcpu"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not 0 <= value < 1 << 100:
                kind = "a whole number" if whole else "a finite number"
                raise UsageError(f"Usage.{name} must be {kind} from 0 up, not {value!r}.", hint="times are µs, sizes MB and vCPUs")

    @property
    def cores(self) -> Fraction:
        """vCPUs, exactly as written: 0.35 is 7/20."""
        return Fraction(str(self.vcpu))

    @property
    def busy_us(self) -> int:
        """µs in which a handler, an initializer or a hook ran."""
        return self.active_us + self.reserved_active_us


@dataclass(frozen=True, slots=True, repr=False)
class Meters:
    """The readings of a run, sorted by function, size and hour, up to lab time `end_us` (µs)."""

    rows: tuple[Usage, ...]
    end_us: int = 0

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that used anything, sorted."""
        return tuple(sorted({row.function for row in self.rows}))

    @property
    def requests(self) -> int:
        """Executions charged as calls."""
        return sum(row.requests for row in self.rows)

    @property
    def active_seconds(self) -> float:
        """Busy seconds of on-demand instances, as charged."""
        return sum(row.active_us for row in self.rows) / SECOND

    @property
    def reserved_seconds(self) -> float:
        """Seconds reserved instances were held, as charged."""
        return sum(row.reserved_us for row in self.rows) / SECOND

    @property
    def busy_seconds(self) -> float:
        """Busy seconds of all instances."""
        return sum(row.busy_us for row in self.rows) / SECOND

    @property
    def vcpu_seconds(self) -> float:
        """vCPU times busy seconds, on demand and reserved."""
        return float(sum((row.cores * row.busy_us for row in self.rows), Fraction()) / SECOND)

    @property
    def gb_seconds(self) -> float:
        """GB of memory times seconds held: busy ones on demand, all of them where reserved."""
        return sum(row.memory_mb * (row.active_us + row.reserved_us) for row in self.rows) / (1024 * SECOND)

    @property
    def utilization(self) -> float | None:
        """Share of the reserved time that was busy, 0 to 1; None where nothing was reserved."""
        held = sum(row.reserved_us for row in self.rows)
        return sum(row.reserved_active_us for row in self.rows) / held if held else None

    def only(self, *functions: str) -> Meters:
        """The readings of these functions. Raises `UsageError` for a name that has none."""
        missing = [name for name in functions if name not in self.functions]
        if missing:
            raise UsageError(f"There is no reading for {missing[0]!r}.", hint=f"there are some for {', '.join(self.functions) or 'none'}")
        return Meters(tuple(row for row in self.rows if row.function in functions), self.end_us)

    def table(self) -> str:
        """One line a function and size, its hours summed, as plain text."""
        return text_grid(_HEADER, self._cells(), left=2)

    def _cells(self) -> list[tuple[str, ...]]:
        groups: dict[tuple[str, int, float], list[Usage]] = {}
        for row in self.rows:
            groups.setdefault((row.function, row.memory_mb, row.vcpu), []).append(row)
        found = []
        for (function, memory_mb, vcpu), rows in groups.items():
            one = Meters(tuple(rows))
            times = ("active_us", "initializer_us", "hooks_us", "reserved_us")
            seconds = [_seconds_sum(getattr(row, name) for row in rows) for name in times]
            products = [number_text(value, most=3) for value in (one.vcpu_seconds, one.gb_seconds)]
            found.append((function, f"{vcpu:g} vCPU {memory_mb} MB", str(one.requests), *seconds, *products))
        return found

    def __repr__(self) -> str:
        active, reserved = number_text(self.active_seconds), number_text(self.reserved_seconds)
        return f"Meters({self.requests} requests, {active} s active, {reserved} s reserved)"

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return html_grid(repr(self), _HEADER, self._cells(), left=2)


def _seconds_sum(values: Iterable[int]) -> str:
    return number_text(Fraction(sum(values), SECOND))
