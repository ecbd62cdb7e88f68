"""The bill: meters in, money out. Pure functions of plain data; no clock, no recording, no rounding but the documented one.

How a sum comes about (Function Compute's pay-as-you-go pages, dates on the card):

1. Every usage is turned into CU by a coefficient: vCPU-seconds, GB-seconds of memory and of disk, calls.
2. The CU of one function in one hour are added up and rounded up to a whole number.
3. Packs are used up first, hour by hour; the rest costs the month's tier price, and a function-hour with a rest at least the minimum.
4. A month is 30 days of lab time from 0. Tiers count what was charged, not what a pack covered. (Both are the lab's reading.)
5. With idle mode (the console's default) a reserved instance pays for memory and disk while idle, and for vCPUs only while busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import cast

from fclab.engine.coins import Coins, coin_bill
from fclab.engine.invoice import Bill, Bills, Line
from fclab.engine.prices import TRIAL, Pack, PriceCard, exact
from fclab.engine.tariffs import TARIFFS, Tariff, TariffName
from fclab.errors import UsageError
from fclab.units import SECOND
from fclab.usage import HOUR, Meters, Usage

__all__ = ["TARIFFS", "Bill", "Bills", "Coins", "Line", "Tariff", "bill", "compare"]

MONTH_HOURS = 720
_GB = 1024 * SECOND
_ORDER = ("vCPU", "memory", "disk", "calls", "rounding up", "minimum")


def bill(meters: Meters | Iterable[Usage], tariff: TariffName | Tariff | Coins = "pay-as-you-go", **options: object) -> Bill:
    """What `meters` cost under `tariff`: a name with options of `Tariff` (of `Coins` for "coins"), or one of these ready made.

    Raises `UsageError` for unknown names and options, and where a prepaid tariff's packs do not cover the usage.
    """
    readings = meters if isinstance(meters, Meters) else _readings(meters)
    chosen = _tariff(tariff, options)
    if isinstance(chosen, Coins):
        return coin_bill(readings, chosen)
    return _server_bill(readings, chosen) if chosen.name == "server" else _platform_bill(readings, chosen)


def compare(meters: Meters | Iterable[Usage], tariffs: Sequence[TariffName | Tariff | Coins] = TARIFFS[:4]) -> Bills:
    """The same usage under several tariffs, side by side."""
    readings = meters if isinstance(meters, Meters) else _readings(meters)
    return Bills(tuple(bill(readings, tariff) for tariff in tariffs))


def _readings(meters: object) -> Meters:
    rows = tuple(meters) if isinstance(meters, Iterable) else (None,)
    if not all(isinstance(row, Usage) for row in rows):
        raise UsageError(f"A bill is made from meters, not {meters!r:.60}.", hint="give Meters, or a list of Usage")
    usages = cast(tuple[Usage, ...], rows)
    return Meters(usages, max((row.hour + 1 for row in usages), default=0) * HOUR)


def _tariff(tariff: object, options: dict[str, object]) -> Tariff | Coins:
    if isinstance(tariff, (Tariff, Coins)):
        if options:
            hint = f"write {type(tariff).__name__}({', '.join(options)}=...)"
            raise UsageError("A ready-made tariff takes no further options.", hint=hint)
        return tariff
    make: Callable[..., Tariff | Coins] = Coins if tariff == "coins" else Tariff
    known = [field.name for field in fields(Coins if tariff == "coins" else Tariff) if field.name != "name"]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise UsageError(f"The tariff {tariff!r} has no option {unknown[0]!r}.", hint=f"it has {', '.join(known)}")
    return make(**options) if tariff == "coins" else make(tariff, **options)


def _server_bill(meters: Meters, tariff: Tariff) -> Bill:
    days = max(1, -(-meters.end_us // (24 * HOUR)))
    hours = Fraction(24 * days * tariff.servers)
    server = tariff.server
    line = Line("", f"server {server.name}", hours, "h", amount=hours * exact(server.hourly, "hourly"))
    rate = f"{server.hourly} {tariff.prices.currency} an hour"
    note = f"{tariff.servers} x {server.name} at {rate} ({server.source}), all day, {days} day{'s' if days > 1 else ''}."
    return Bill("server", tariff.prices.currency, (line,), notes=(note,))


# ---- the platform's tariffs


@dataclass(frozen=True, slots=True)
class _FunctionHour:
    """One function's usage in one hour: (quantity, unit, CU) by meter, and the whole CU it comes to."""

    function: str
    hour: int
    parts: dict[str, tuple[Fraction, str, Fraction]]
    cu: int


@dataclass(frozen=True, slots=True)
class _Charge:
    """What one function-hour costs: CU taken from packs, the price of the rest, and what the minimum adds."""

    of: _FunctionHour
    covered: int
    price: Fraction
    minimum: Fraction


def _function_hours(meters: Meters, tariff: Tariff) -> list[_FunctionHour]:
    """Clauses 1, 2 and 5, in the order in which the hours are charged."""
    card = tariff.prices
    sums: dict[tuple[int, str], dict[str, Fraction]] = {}
    for row in meters.rows:
        held = row.active_us + row.reserved_us
        busy = row.busy_us if tariff.idle_mode else row.active_us + max(row.reserved_us, row.reserved_active_us)
        used = sums.setdefault((row.hour, row.function), dict.fromkeys(("vCPU", "memory", "disk", "calls"), Fraction()))
        used["vCPU"] += row.cores * busy / SECOND
        used["memory"] += Fraction(row.memory_mb * held, _GB)
        used["disk"] += Fraction(max(0, row.disk_mb - card.free_disk_mb) * held, _GB)
        used["calls"] += row.requests
    rates = {
        "vCPU": Fraction(card.vcpu),
        "memory": Fraction(card.memory),
        "disk": Fraction(card.disk),
        "calls": Fraction(card.calls) / 10_000,
    }
    units = {"vCPU": "vCPU·s", "memory": "GB·s", "disk": "GB·s", "calls": "calls"}
    found = []
    for (hour, function), used in sorted(sums.items()):
        share = Fraction(1, 2) if (tariff.first_hour + hour) % 24 < card.night else Fraction(1)
        parts = {meter: (used[meter], units[meter], used[meter] * rates[meter] * share) for meter in used}
        total = sum((cu for _, _, cu in parts.values()), Fraction())
        found.append(_FunctionHour(function, hour, parts, -(-total.numerator // total.denominator)))
    return found


def _tier_price(card: PriceCard, discount: Fraction, start: int, count: int) -> Fraction:
    """Price of `count` CU after `start` were charged in the month."""
    price, below = Fraction(), 0
    for tier in card.tiers:
        end = start + count if tier.upto is None else min(tier.upto, start + count)
        price += max(0, end - max(below, start)) * Fraction(tier.price) * (1 - discount)
        if tier.upto is None or tier.upto >= start + count:
            break
        below = tier.upto
    return price


def _charge(hours: Sequence[_FunctionHour], tariff: Tariff, balance: int) -> list[_Charge]:
    """Clause 3 for the function-hours of one month, with `balance` CU in packs."""
    card = tariff.prices
    discount = Fraction(card.discount) if tariff.promotion else Fraction()
    done, charged = [], 0
    for one in hours:
        covered = min(balance, one.cu)
        rest = one.cu - covered
        balance -= covered
        price = _tier_price(card, discount, charged, rest)
        charged += rest
        done.append(_Charge(one, covered, price, max(Fraction(), Fraction(card.minimum) - price) if rest else Fraction()))
    return done


def _plans(need: int, packs: Sequence[Pack]) -> Iterator[list[tuple[Pack, int]]]:
    """Ways to buy about `need` CU: of each size, largest first, as many as fit or one more."""
    if need <= 0 or not packs:
        yield []
        return
    fit = need // packs[0].cu
    for count in (fit, fit + 1):
        for rest in _plans(need - count * packs[0].cu, packs[1:]):
            yield [(packs[0], count), *rest] if count else rest


def _cheapest(hours: Sequence[_FunctionHour], tariff: Tariff, balance: int) -> list[tuple[Pack, int]]:
    """The plan of monthly packs with the smallest bill for one month; the fewest packs among equals."""
    need = sum(one.cu for one in hours) - balance
    packs = sorted((pack for pack in tariff.prices.packs if pack.months == 1), key=lambda pack: (-pack.cu, pack.price))

    def cost(plan: list[tuple[Pack, int]]) -> tuple[Fraction, int]:
        held = balance + sum(pack.cu * count for pack, count in plan)
        spent = sum((exact(pack.price, "price") * count for pack, count in plan), Fraction())
        return spent + sum((one.price + one.minimum for one in _charge(hours, tariff, held)), Fraction()), sum(count for _, count in plan)

    plans = [plan for plan in _plans(need, packs) if tariff.name == "both" or sum(pack.cu * count for pack, count in plan) >= need]
    if tariff.name == "both":
        plans.append([])
    if not plans:
        raise UsageError(f"{tariff.prices.name} has no monthly packs.", hint="give packs=[...]")
    return min(plans, key=cost)


def _platform_bill(meters: Meters, tariff: Tariff) -> Bill:
    by_month: dict[int, list[_FunctionHour]] = {}
    for one in _function_hours(meters, tariff):
        by_month.setdefault(one.hour // MONTH_HOURS, []).append(one)
    charges: list[_Charge] = []
    bought: dict[Pack, int] = {}
    stock: list[list[int]] = []  # [first month in which it is void, CU left]
    last = max([(meters.end_us - 1) // (MONTH_HOURS * HOUR), *by_month, 0])
    for month in range(last + 1):
        if tariff.trial and month < 3:
            stock.append([month + 1, TRIAL.cu])
        hours = by_month.get(month, [])
        plan: list[tuple[Pack, int]] = []
        if tariff.packs is not None:
            plan = [(pack, 1) for pack in tariff.bought() if month % pack.months == 0]
        elif tariff.name != "pay-as-you-go" and hours:
            plan = _cheapest(hours, tariff, sum(left for _, left in stock))
        for pack, count in plan:
            bought[pack] = bought.get(pack, 0) + count
            stock.append([month + pack.months, pack.cu * count])
        stock.sort()
        balance, need = sum(left for _, left in stock), sum(one.cu for one in hours)
        if tariff.name == "prepaid" and balance < need:
            raise UsageError(f"The packs hold {balance} CU in month {month + 1}; {need} are used.", hint="buy more, or take tariff='both'")
        done = _charge(hours, tariff, balance)
        charges += done
        used = sum(one.covered for one in done)
        for pile in stock:
            taken = min(pile[1], used)
            pile[1] -= taken
            used -= taken
        stock = [pile for pile in stock if pile[0] > month + 1]
    lines = _lines(charges)
    lines += [Line("", pack.label, Fraction(count), "bought", amount=exact(pack.price, "price") * count) for pack, count in bought.items()]
    covered = sum(one.covered for one in charges)
    return Bill(tariff.name, tariff.prices.currency, tuple(lines), sum(one.of.cu for one in charges), covered, _notes(tariff, bool(bought)))


def _lines(charges: Sequence[_Charge]) -> list[Line]:
    """Charges as lines: a meter bears its share, by CU, of what each of its function-hours costs."""
    sums: dict[str, dict[str, tuple[Fraction, Fraction, Fraction]]] = {}
    units = dict.fromkeys(_ORDER, "")
    for charge in charges:
        one = charge.of
        lines = sums.setdefault(one.function, {})
        parts = dict(one.parts)
        parts["rounding up"] = (Fraction(), "", one.cu - sum((cu for _, _, cu in parts.values()), Fraction()))
        for meter, (quantity, unit, cu) in parts.items():
            units[meter] = unit
            q, c, amount = lines.get(meter, (Fraction(), Fraction(), Fraction()))
            lines[meter] = (q + quantity, c + cu, amount + (charge.price * cu / one.cu if one.cu else 0))
        lines["minimum"] = (Fraction(), Fraction(), lines.get("minimum", (0, 0, Fraction()))[2] + charge.minimum)
    return [
        Line(function, meter, sums[function][meter][0], units[meter], *sums[function][meter][1:])
        for function in sorted(sums)
        for meter in _ORDER
        if meter in sums[function] and any(sums[function][meter])
    ]


def _notes(tariff: Tariff, packs: bool) -> tuple[str, ...]:
    card = tariff.prices
    notes = [f"Prices: {card.name}, {card.currency}, page of {card.date}; CU rounded up per function and hour."]
    if tariff.promotion:
        notes.append(f"Promotion: {Fraction(card.discount) * 100} % off ({card.promotion}).")
    if packs:
        notes.append(f"Packs: page of {card.packs_date}, before discounts." if card.packs_date else "Packs: as given.")
    if tariff.trial:
        notes.append(f"Trial: {TRIAL.cu} CU free in each of the first three months.")
    return tuple(notes)
