"""Coins: prices round enough for a classroom, so that the choice between tariffs shows without a calculator.

A unit is one busy second. Pay as you go it costs 1.0; out of a pack 0.6, used or not; a reserved instance costs 0.5 a second, busy or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fclab.engine.invoice import Bill, Line
from fclab.engine.prices import exact
from fclab.errors import UsageError
from fclab.units import SECOND
from fclab.usage import Meters

__all__ = ["Coins", "coin_bill"]


@dataclass(frozen=True, slots=True)
class Coins:
    """The classroom's prices, in coins, all from 0 up.

    unit             a busy second, pay as you go
    pack_unit        a busy second paid ahead
    reserved_second  a second of a reserved instance
    pack             units bought ahead
    """

    unit: float = 1.0
    pack_unit: float = 0.6
    reserved_second: float = 0.5
    pack: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            exact(getattr(self, name), name)
        if self.unit == 0:
            raise UsageError("unit must be more than 0 coins.", hint="the classroom's is 1.0")

    def cost(self, demand: float, pack: float | None = None) -> float:
        """Coins for `demand` units when `pack` units (None: this tariff's) were bought ahead."""
        bought = exact(self.pack if pack is None else pack, "pack")
        above = max(Fraction(), exact(demand, "demand") - bought)
        return float(bought * exact(self.pack_unit, "pack_unit") + above * exact(self.unit, "unit"))

    def expected(self, pack: float | None = None, low: float = 60, high: float = 160) -> float:
        """Expected coins when demand is uniform on [low, high] units: with the classroom's prices, 78.0 for a pack of 100."""
        bought = exact(self.pack if pack is None else pack, "pack")
        first, last = _span(low, high)
        if bought >= last:
            above = Fraction()
        elif bought <= first:
            above = (first + last) / 2 - bought
        else:
            above = (last - bought) ** 2 / (2 * (last - first))
        return float(bought * exact(self.pack_unit, "pack_unit") + above * exact(self.unit, "unit"))

    def best_pack(self, low: float = 60, high: float = 160) -> float:
        """The pack with the smallest expected cost for demand uniform on [low, high]: 100.

        One more unit in the pack pays as long as the chance that it is needed is above pack_unit / unit.
        """
        first, last = _span(low, high)
        ratio = exact(self.pack_unit, "pack_unit") / exact(self.unit, "unit")
        return float(last - (last - first) * ratio) if ratio < 1 else 0.0

    @property
    def break_even(self) -> float:
        """The share of its time a reserved instance must be busy to cost no more than pay as you go: 0.5."""
        return float(exact(self.reserved_second, "reserved_second") / exact(self.unit, "unit"))


def coin_bill(meters: Meters, coins: Coins) -> Bill:
    """Busy on-demand seconds by pack and unit price, reserved seconds at theirs; calls, memory and rounding to hours cost nothing."""
    lines: list[Line] = []
    left = bought = exact(coins.pack, "pack")
    covered = Fraction()
    unit, reserved_second = exact(coins.unit, "unit"), exact(coins.reserved_second, "reserved_second")
    busy: dict[str, Fraction] = dict.fromkeys(meters.functions, Fraction())
    held = dict(busy)
    for row in sorted(meters.rows, key=lambda row: (row.hour, row.function)):
        demand = Fraction(row.active_us, SECOND)
        taken = min(left, demand)
        left -= taken
        covered += taken
        busy[row.function] += demand - taken
        held[row.function] += Fraction(row.reserved_us, SECOND)
    for name in meters.functions:
        lines += [Line(name, "busy seconds", busy[name], "s", amount=busy[name] * unit)] if busy[name] else []
        lines += [Line(name, "reserved seconds", held[name], "s", amount=held[name] * reserved_second)] if held[name] else []
    if bought:
        lines.append(Line("", "pack", bought, "units", amount=bought * exact(coins.pack_unit, "pack_unit")))
    note = f"Coins: {coins.unit:g} a busy second, {coins.pack_unit:g} in a pack, {coins.reserved_second:g} a reserved second."
    used = (f"The pack covered {float(covered):g} of {float(bought):g} units.",) if bought else ()
    return Bill("coins", "coins", tuple(lines), notes=(note, *used))


def _span(low: float, high: float) -> tuple[Fraction, Fraction]:
    first, last = exact(low, "low"), exact(high, "high")
    if first > last:
        raise UsageError(f"low must not be above high, but {low!r} is above {high!r}.", hint="such as low=60, high=160")
    return first, last
