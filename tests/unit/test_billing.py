"""Bills: the worked examples of the price pages, the rounding rules, packs, tiers, and what must hold for any usage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from fclab.engine.billing import Bill, Coins, Tariff, bill, compare
from fclab.engine.prices import FC2, FC3, TRIAL, Pack, Server
from fclab.errors import UsageError
from fclab.units import SECOND
from fclab.usage import HOUR, Meters, Usage

CALLS = Usage("thumb", 0, memory_mb=2048, vcpu=1, disk_mb=512, requests=1_000_000, active_us=100_000 * SECOND)
"""A million calls of 100 ms on 1 vCPU, 2 GB, 512 MB of disk."""

MONTH = [Usage("kept", hour, memory_mb=2048, vcpu=1, disk_mb=512, reserved_us=HOUR) for hour in range(720)]
"""One reserved instance of that size for 30 days, never called."""


def cu(function: str, amount: int, hour: int = 0) -> Usage:
    """A usage of exactly `amount` CU: vCPU-seconds with no memory and no disk."""
    return Usage(function, hour, memory_mb=0, vcpu=1, disk_mb=0, active_us=amount * SECOND)


def amounts(one: Bill) -> dict[str, Fraction]:
    return {line.meter: line.amount for line in one.lines}


# ---- the worked examples


def test_a_million_calls_cost_15_40() -> None:
    one = bill([CALLS])
    assert {line.meter: line.cu for line in one.lines} == {"vCPU": 100_000, "memory": 30_000, "disk": 2_500, "calls": 7_500}
    assert one.cu == 140_000
    assert one.amount == Fraction("15.40")
    assert repr(one) == "Bill(15.40 CNY, pay-as-you-go)"


def test_free_disk_leaves_137_500_cu() -> None:
    assert bill([CALLS], card=replace(FC3, free_disk_mb=512)).cu == 137_500


def test_a_reserved_month_costs_92_66_idle_and_377_78_always_active() -> None:
    idle, active = bill(MONTH), bill(MONTH, idle_mode=False)
    assert (idle.cu, active.cu) == (842_400, 842_400 + 2_592_000)
    assert (round(idle.total, 2), round(active.total, 2)) == (92.66, 377.78)


def test_the_promotion_takes_a_fifth_off() -> None:
    assert bill([CALLS], promotion=True).amount == Fraction("15.40") * Fraction(4, 5)


def test_fc2_counts_half_at_night() -> None:
    by_day, by_night = bill([CALLS], card="fc2"), bill([CALLS], card=FC2, first_hour=5)
    assert (by_day.cu, by_night.cu) == (140_000, 70_000)
    assert bill([replace(CALLS, hour=1)], card=FC2, first_hour=5).cu == 140_000
    assert by_day.amount == 140_000 * Fraction("0.00012")


# ---- rounding, minimum, tiers


def test_cu_are_rounded_up_per_function_and_hour_not_per_meter() -> None:
    part = Usage("f", 0, memory_mb=512, vcpu=0.5, disk_mb=512, requests=1, active_us=SECOND)  # 0.5 + 0.075 + 0.025 + 0.0075
    assert bill([part]).cu == 1
    assert bill([part, replace(part, active_us=0)]).cu == 1
    assert bill([part, replace(part, function="g")]).cu == 2
    assert bill([part, replace(part, hour=1)]).cu == 2
    assert bill([part, replace(part, memory_mb=1024)]).cu == 2, "two sizes of one function share the rounding: 1.29 CU"


def test_the_minimum_holds_per_function_hour_with_use() -> None:
    assert bill([cu("f", 1)]).amount == Fraction("0.01")
    assert bill([cu("f", 1), cu("f", 1, 1), cu("g", 1)]).amount == Fraction("0.03")
    assert bill([cu("f", 90)]).amount == Fraction("0.01"), "0.0099 is raised"
    assert bill([cu("f", 91)]).amount == Fraction("0.01001"), "0.01001 is not"
    assert bill([]).amount == 0
    assert bill([Usage("f")]).amount == 0


def test_lines_add_up_and_the_minimum_has_its_own() -> None:
    one = bill([Usage("f", 0, requests=3, active_us=300_000)])
    assert one.cu == 1
    assert amounts(one)["minimum"] == Fraction("0.01") - Fraction("0.00011")
    assert sum((line.cu for line in one.lines), Fraction()) == one.cu
    assert sum(amounts(one).values()) == one.amount == Fraction("0.01")
    assert one.functions == {"f": 0.01}


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (200_000_000, "22000"),
        (200_000_001, "22000.0001"),
        (1_000_000_000, "102000"),
        (1_000_000_010, "102000.0009"),
    ],
)
def test_tiers_count_within_the_month(usage: int, price: str) -> None:
    assert bill([cu("f", usage)]).amount == Fraction(price)
    assert bill([cu("f", usage - 1000), cu("g", 1000)]).amount == Fraction(price), "one count for all functions"


def test_a_new_month_starts_in_the_first_tier() -> None:
    both = bill([cu("f", 200_000_000), cu("f", 200_000_000, 720)])
    assert both.amount == 44_000
    assert bill([cu("f", 200_000_000), cu("f", 200_000_000, 719)]).amount == 42_000


# ---- packs


def test_prepaid_buys_the_cheapest_packs_that_cover_all() -> None:
    one = bill([CALLS], "prepaid")
    assert one.amount == Fraction("52.5")
    assert one.covered_cu == one.cu == 140_000
    assert [line.meter for line in one.lines if not line.function] == ["pack 500000 CU, 1 month"]
    assert bill([cu("f", 9_000_000)], "prepaid").amount == 945
    assert bill([], "prepaid").amount == 0


def test_both_leaves_the_rest_to_pay_as_you_go() -> None:
    one = bill([cu("f", 2_800_000)], "both")
    assert one.covered_cu == 2_500_000
    assert one.amount == 5 * Fraction("52.5") + 300_000 * Fraction("0.00011")
    assert bill([CALLS], "both").amount == bill([CALLS]).amount, "too little for a pack"


def test_named_packs_are_bought_whether_used_or_not() -> None:
    assert bill([cu("f", 1)], "both", packs=[500_000]).amount == Fraction("52.5")
    assert bill([], "prepaid", packs=[500_000, Pack(10, Decimal(1))]).amount == Fraction("53.5")
    assert bill([cu("f", 500_001)], "both", packs=[500_000]).amount == Fraction("52.51"), "the rest pays at least the minimum"


def test_a_months_pack_is_void_after_it_and_a_years_pack_is_not() -> None:
    usage = [cu("f", 100_000), cu("f", 100_000, 720)]
    month = bill(usage, "prepaid", packs=[500_000])
    year = bill(usage, "prepaid", packs=[1_200_000])
    assert (month.total, year.total) == (105, 126)
    assert (month.covered_cu, year.covered_cu) == (200_000, 200_000)
    late = [cu("f", 100_000), cu("f", 100_000, 12 * 720)]
    assert bill(late, "prepaid", packs=[1_200_000]).amount == 252, "bought again in the 13th month"


def test_packs_that_expire_first_are_used_first() -> None:
    usage = [cu("f", 100), cu("f", 100, 720)]
    assert bill(usage, "prepaid", packs=[Pack(100, Decimal(1), 12), Pack(100, Decimal(1))]).covered_cu == 200


def test_too_small_packs_are_an_error_that_says_so() -> None:
    with pytest.raises(UsageError, match=r"hold 500000 CU in month 1; 600000 are used.*\n.*both"):
        bill([cu("f", 600_000)], "prepaid", packs=[500_000])


def test_the_trial_covers_three_months() -> None:
    usage = [cu("f", 150_000, 720 * month) for month in range(4)]
    assert bill(usage, trial=True).amount == 150_000 * Fraction("0.00011")
    assert bill(usage, trial=True).covered_cu == 3 * TRIAL.cu
    assert bill([cu("f", 150_001)], trial=True).amount == Fraction("0.01")


# ---- the server, coins, comparison


@pytest.mark.parametrize(("end", "days"), [(0, 1), (600 * SECOND, 1), (24 * HOUR, 1), (24 * HOUR + 1, 2)])
def test_a_server_runs_all_day(end: int, days: int) -> None:
    assert bill(Meters((), end), "server").amount == days * 24 * Fraction("0.39")
    own = bill(Meters((CALLS,), end), "server", servers=3, server=Server("mine", 0.5, "my contract"))
    assert own.amount == days * 36
    assert "mine at 0.5 CNY an hour (my contract)" in own.notes[0]


def test_coins_of_lesson_10() -> None:
    coins = Coins()
    assert [coins.expected(pack) for pack in (0, 60, 100, 160)] == [110.0, 86.0, 78.0, 96.0]
    assert coins.best_pack() == 100.0
    assert coins.break_even == 0.5
    assert coins.cost(130, 100) == 90.0
    assert coins.cost(30, 100) == 60.0
    assert Coins(pack=100).cost(130) == 90.0
    assert min(range(201), key=coins.expected) == 100
    assert Coins(pack_unit=1.2).best_pack() == 0.0
    assert Coins(pack_unit=0).best_pack() == 160.0
    assert coins.expected(50, low=80, high=80) == 60.0
    assert coins.best_pack(80, 80) == 80.0


def test_a_run_in_coins() -> None:
    usage = [Usage("f", 0, active_us=130 * SECOND, reserved_us=100 * SECOND, reserved_active_us=40 * SECOND, requests=9)]
    assert bill(usage, "coins").total == 130 + 50
    assert bill(usage, "coins", pack=100).total == 60 + 30 + 50
    assert bill(usage, Coins(pack=200)).total == 120 + 50
    assert repr(bill(usage, "coins")) == "Bill(180.00 coins, coins)"


def test_tariffs_side_by_side() -> None:
    side = compare([CALLS])
    assert [one.tariff for one in side] == ["pay-as-you-go", "prepaid", "both", "server"]
    assert side.cheapest.tariff == "server"
    assert side[0].total == 15.4
    assert len(compare([CALLS], ["coins", Tariff("both", promotion=True)])) == 2
    assert side.table().splitlines()[1] == "pay-as-you-go  15.40       CNY  140000                 0"
    assert "<td" in side._repr_html_()
    assert repr(side) == "Bills(pay-as-you-go 15.40 CNY, prepaid 52.50 CNY, both 15.40 CNY, server 9.36 CNY)"


# ---- how it looks


def test_the_bill_as_text() -> None:
    assert str(bill([CALLS])) == (
        "function  meter        quantity      CU    CNY\n"
        "thumb     vCPU    100000 vCPU·s  100000  11.00\n"
        "          memory    200000 GB·s   30000   3.30\n"
        "          disk       50000 GB·s    2500  0.275\n"
        "          calls   1000000 calls    7500  0.825\n"
        "total                            140000  15.40\n"
        "Prices: Function Compute 3.0, CNY, page of 2025-12-13; CU rounded up per function and hour."
    )


def test_html_is_escaped() -> None:
    page = bill([cu("<b>&", 1)])._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page


# ---- wrong uses


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: bill([CALLS], "free"), "no tariff 'free'"),  # type: ignore[arg-type]
        (lambda: bill([CALLS], "both", pack=[1]), "no option 'pack'"),
        (lambda: bill([CALLS], "coins", packs=[1]), "no option 'packs'"),
        (lambda: bill([CALLS], Tariff(), trial=True), "no further options"),
        (lambda: bill([CALLS], packs=[500_000]), "has no packs"),
        (lambda: bill([CALLS], "both", packs=[7]), "no pack of 7 CU"),
        (lambda: bill([CALLS], "both", packs=500_000), "packs must be a list"),
        (lambda: bill([CALLS], card="fc9"), "no price card 'fc9'"),
        (lambda: bill([CALLS], promotion=1), "promotion must be True or False"),
        (lambda: bill([CALLS], first_hour=24), "first_hour must be a whole number from 0 to 23"),
        (lambda: bill([CALLS], "server", servers=0), "servers must be a whole number from 1"),
        (lambda: bill([CALLS], "server", server=0.5), "server must be a Server"),
        (lambda: Server(hourly=-0.5), "hourly must be a number from 0 up"),
        (lambda: bill([CALLS], card=[]), "no price card"),
        (lambda: bill([CALLS], "both", packs=[[1]]), "no pack of"),
        (lambda: bill(None), "made from meters"),  # type: ignore[arg-type]
        (lambda: bill([1]), "made from meters"),  # type: ignore[list-item]
        (lambda: bill([CALLS], "prepaid", card=replace(FC3, packs=())), "no monthly packs"),
        (lambda: Usage("f", active_us=-1), "Usage.active_us must be a whole number"),
        (lambda: Usage("f", requests=1.5), "Usage.requests must be a whole number"),  # type: ignore[arg-type]
        (lambda: Usage("f", vcpu=float("nan")), "Usage.vcpu must be a finite number"),
        (lambda: Pack(0, Decimal(1)), "whole number of CU"),
        (lambda: Pack(1, float("nan")), "price must be a number"),
        (lambda: Pack(1, Decimal(1), 0), "whole number of months"),
        (lambda: Coins(unit=0), "more than 0"),
        (lambda: Coins(pack=-1), "pack must be a number from 0 up"),
        (lambda: Coins().expected(1, low=5, high=4), "low must not be above high"),
        (lambda: Coins().cost(float("inf")), "demand must be a number"),
    ],
)
def test_wrong_uses_are_told(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        wrong()
