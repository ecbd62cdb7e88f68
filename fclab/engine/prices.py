"""Price cards: what a unit costs, on which page and day that was read. Plain data; a new price is a new card.

All sums are list prices in CNY for mainland China. Public traffic is charged by another product and is on no card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fclab.errors import UsageError

__all__ = ["CARDS", "FC2", "FC3", "SERVER", "TRIAL", "Pack", "PriceCard", "Server", "Tier", "exact"]


def exact(value: object, name: str) -> Fraction:
    """A sum of money exactly as written: 52.5 and Decimal('52.5') are 105/2. Raises `UsageError` for what is no number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not 0 <= value < 10**18:
        raise UsageError(f"{name} must be a number from 0 up, not {value!r}.", hint=f"such as {name}=0.5")
    return Fraction(str(value))


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to `upto` CU in a month (None: without end), one CU costs `price`."""

    upto: int | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class Pack:
    """`cu` CU paid ahead for `price`, used up or void after `months` months of 30 days."""

    cu: int
    price: Decimal | float
    months: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.cu, bool) or not isinstance(self.cu, int) or self.cu < 1:
            raise UsageError(f"A pack must hold a whole number of CU from 1 up, not {self.cu!r}.", hint="such as 500_000")
        exact(self.price, "price")
        if isinstance(self.months, bool) or not isinstance(self.months, int) or self.months < 1:
            raise UsageError(f"A pack must hold for a whole number of months from 1 up, not {self.months!r}.", hint="1 or 12 on the card")

    @property
    def label(self) -> str:
        """What a bill calls it: 'pack 500000 CU, 1 month'."""
        return f"pack {self.cu} CU, {self.months} month{'s' if self.months > 1 else ''}"


@dataclass(frozen=True, slots=True)
class PriceCard:
    """One product's prices, with where and when they were read.

    vcpu, memory, disk  CU for a vCPU-second, for a GB-second of memory and of disk; calls: CU for 10 000 executions
    tiers               price of a CU by how many were charged in the month
    minimum             the least a function costs in an hour in which it ran or held a reserved instance
    discount            what `promotion=True` takes off the tier prices; `promotion` says when it holds
    packs               what can be paid ahead
    free_disk_mb        disk below this is free. Said of 512 MB, but not on the page that was read; so 0
    night               the first hours of a day, from midnight, in which everything counts half
    """

    name: str
    currency: str
    date: str
    source: str
    vcpu: Decimal
    memory: Decimal
    disk: Decimal
    calls: Decimal
    tiers: tuple[Tier, ...]
    minimum: Decimal
    discount: Decimal = Decimal(0)
    promotion: str = ""
    packs: tuple[Pack, ...] = ()
    packs_date: str = ""
    free_disk_mb: int = 0
    night: int = 0


@dataclass(frozen=True, slots=True)
class Server:
    """A machine rented by the hour, busy or not.

    The default price is an assumption of the lab (the order of magnitude of a small general-purpose machine; no page was read):
    give the one you would rent.
    """

    name: str = "2 vCPU 4 GB"
    hourly: Decimal | float = Decimal("0.39")
    source: str = "the lab's assumption"

    def __post_init__(self) -> None:
        exact(self.hourly, "hourly")


SERVER = Server()

_PACKS = tuple(
    Pack(cu, Decimal(price), months)
    for cu, price, months in (
        (500_000, "52.5", 1),
        (3_000_000, "315", 1),
        (10_000_000, "1050", 1),
        (200_000_000, "21000", 1),
        (1_200_000, "126", 12),
        (40_000_000, "4200", 12),
        (500_000_000, "52500", 12),
        (2_000_000_000, "210000", 12),
    )
)

FC3 = PriceCard(
    name="Function Compute 3.0",
    currency="CNY",
    date="2025-12-13",
    source="Alibaba Cloud documentation, Function Compute 3.0, pay-as-you-go",
    vcpu=Decimal(1),
    memory=Decimal("0.15"),
    disk=Decimal("0.05"),
    calls=Decimal(75),
    tiers=(Tier(200_000_000, Decimal("0.00011")), Tier(1_000_000_000, Decimal("0.00010")), Tier(None, Decimal("0.00009"))),
    minimum=Decimal("0.01"),
    discount=Decimal("0.2"),
    promotion="2024-08-27 to 2026-08-27",
    packs=_PACKS,
    packs_date="2025-06-16",
)
"""Function Compute 3.0 (pay-as-you-go page of 2025-12-13, resource plans of 2025-06-16)."""

FC2 = PriceCard(
    name="Function Compute 2.0",
    currency="CNY",
    date="2025-12-08",
    source="Alibaba Cloud documentation, Function Compute 2.0, pay-as-you-go",
    vcpu=Decimal(1),
    memory=Decimal("0.15"),
    disk=Decimal("0.05"),
    calls=Decimal(75),
    tiers=(Tier(100_000_000, Decimal("0.00012")), Tier(500_000_000, Decimal("0.00010")), Tier(None, Decimal("0.00008"))),
    minimum=Decimal("0.01"),
    discount=Decimal("0.2"),
    promotion="2024-08-27 to 2025-08-27",
    packs=_PACKS,
    packs_date="2025-06-16",
    night=6,
)
"""Function Compute 2.0 (page of 2025-12-08). Its minimum is taken from the 3.0 page."""

TRIAL = Pack(150_000, Decimal(0))
"""What a new user gets in each of the first three months (page of 2025-08-03)."""

CARDS: Mapping[str, PriceCard] = {"fc3": FC3, "fc2": FC2}
