"""Tariffs as values: the ways a run can be paid for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fclab.engine.prices import CARDS, FC3, SERVER, Pack, PriceCard, Server
from fclab.errors import UsageError

__all__ = ["TARIFFS", "Tariff"]

TariffName = Literal["pay-as-you-go", "prepaid", "both", "server", "coins"]
TARIFFS: tuple[TariffName, ...] = ("pay-as-you-go", "prepaid", "both", "server", "coins")


@dataclass(frozen=True, slots=True)
class Tariff:
    """How a run is paid for.

    name        "pay-as-you-go"; "prepaid": packs must cover all; "both": packs first, the rest pay-as-you-go; "server": a machine all day
    card        a `PriceCard`, or "fc3", "fc2"
    idle_mode   reserved instances pay no vCPU while idle
    promotion   take the card's dated discount off the tier prices
    packs       what is bought: `Pack`s or their sizes in CU on the card; None: the cheapest monthly ones for this very usage.
                A pack is bought again whenever it runs out of months
    trial       150 000 CU free in each of the first three months
    first_hour  hour of the day (0 to 23) at lab time 0; matters where the card has a night price
    servers, server   how many machines, and which
    """

    name: TariffName = "pay-as-you-go"
    card: PriceCard | str = FC3
    idle_mode: bool = True
    promotion: bool = False
    packs: Sequence[Pack | int] | None = None
    trial: bool = False
    first_hour: int = 8
    servers: int = 1
    server: Server = SERVER

    def __post_init__(self) -> None:
        if self.name not in TARIFFS:
            raise UsageError(f"There is no tariff {self.name!r}.", hint=f"choose one of {', '.join(map(repr, TARIFFS))}")
        if not isinstance(self.card, PriceCard) and (not isinstance(self.card, str) or self.card not in CARDS):
            raise UsageError(f"There is no price card {self.card!r}.", hint=f"choose {' or '.join(map(repr, CARDS))}, or give a PriceCard")
        for switch in ("idle_mode", "promotion", "trial"):
            if not isinstance(getattr(self, switch), bool):
                raise UsageError(f"{switch} must be True or False, not {getattr(self, switch)!r}.", hint=f"such as {switch}=True")
        for count, least, most in (("first_hour", 0, 23), ("servers", 1, 1_000_000)):
            value = getattr(self, count)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise UsageError(f"{count} must be a whole number from {least} to {most}, not {value!r}.", hint=f"such as {count}=1")
        if not isinstance(self.server, Server):
            raise UsageError(f"server must be a Server, not {self.server!r}.", hint="such as Server('mine', hourly=0.5)")
        if self.packs is not None:
            if self.name in ("pay-as-you-go", "server"):
                raise UsageError(f"The tariff {self.name!r} has no packs.", hint="take tariff='prepaid' or 'both'")
            self.bought()

    @property
    def prices(self) -> PriceCard:
        """The card itself."""
        return self.card if isinstance(self.card, PriceCard) else CARDS[self.card]

    def bought(self) -> tuple[Pack, ...]:
        """`packs` with sizes looked up on the card."""
        on_card = {pack.cu: pack for pack in reversed(self.prices.packs)}
        if isinstance(self.packs, (str, bytes)) or not isinstance(self.packs, Iterable):
            raise UsageError(f"packs must be a list, not {self.packs!r}.", hint="such as packs=[500_000]")
        found = []
        for pack in self.packs:
            if isinstance(pack, Pack):
                found.append(pack)
            elif isinstance(pack, int) and not isinstance(pack, bool) and pack in on_card:
                found.append(on_card[pack])
            else:
                raise UsageError(f"The card has no pack of {pack!r} CU.", hint=f"it has {', '.join(map(str, sorted(on_card))) or 'none'}")
        return tuple(found)
