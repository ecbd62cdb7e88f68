"""What must hold for the bill of any usage."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from fclab.engine.billing import TARIFFS, Coins, bill
from fclab.engine.prices import FC3
from fclab.engine.tariffs import TariffName
from fclab.usage import Usage

usages = st.lists(
    st.builds(
        Usage,
        function=st.sampled_from("fgh"),
        hour=st.integers(0, 1500),
        memory_mb=st.sampled_from([128, 512, 2048]),
        vcpu=st.sampled_from([0.05, 0.35, 1, 2.5]),
        requests=st.integers(0, 10**9),
        active_us=st.integers(0, 10**13),
        reserved_us=st.integers(0, 10**13),
        reserved_active_us=st.integers(0, 10**9),
    ),
    max_size=6,
)
switches = st.fixed_dictionaries({"idle_mode": st.booleans(), "promotion": st.booleans(), "trial": st.booleans()})


@settings(deadline=None)
@given(usages, switches)
def test_both_is_never_dearer_than_either(rows: list[Usage], options: dict[str, bool]) -> None:
    either = [bill(rows, name, **options).amount for name in TARIFFS[:2]]
    assert bill(rows, "both", **options).amount <= min(either)


@settings(deadline=None)
@given(usages, switches, st.sampled_from(TARIFFS[:3]))
def test_lines_add_up_to_whole_cu_and_to_the_total(rows: list[Usage], options: dict[str, bool], name: TariffName) -> None:
    one = bill(rows, name, **options)
    assert sum((line.cu for line in one.lines), Fraction()) == one.cu
    assert all(line.amount >= 0 and line.cu >= 0 for line in one.lines)
    assert 0 <= one.covered_cu <= one.cu
    assert repr(one) == repr(bill(list(reversed(rows)), name, **options))


@settings(deadline=None)
@given(usages)
def test_rounding_never_undercharges_and_adds_less_than_one_cu_per_function_hour(rows: list[Usage]) -> None:
    one = bill(rows)
    exact = sum((line.cu for line in one.lines if line.meter != "rounding up"), Fraction())
    assert exact <= one.cu <= exact + len({(row.function, row.hour) for row in rows})
    flat = replace(FC3, tiers=FC3.tiers[-1:], minimum=Decimal(0))
    assert bill(rows, card=flat).amount >= exact * Fraction(flat.tiers[0].price)


@settings(deadline=None)
@given(usages, usages)
def test_more_use_never_costs_less(rows: list[Usage], more: list[Usage]) -> None:
    assert bill(rows + more).amount >= bill(rows).amount
    assert bill(rows + more, "prepaid").amount >= bill(rows, "prepaid").amount
    assert bill(rows, idle_mode=False).amount >= bill(rows).amount


@given(st.integers(0, 300), st.integers(1, 100), st.integers(0, 100))
def test_the_best_pack_is_the_best(pack: int, share: int, spread: int) -> None:
    coins = Coins(pack_unit=share / 100)
    assert coins.expected(coins.best_pack(60, 60 + spread), 60, 60 + spread) <= coins.expected(pack, 60, 60 + spread) + 1e-9
