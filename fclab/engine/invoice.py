"""A bill as a value: its lines, its total, and how both are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from fclab.grid import html_grid, number_text, text_grid

__all__ = ["Bill", "Bills", "Line"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill. Exact fractions, so lines add up to the total to the last digit.

    function   the function charged, or "" for what is bought for all of them
    meter      "vCPU", "memory", "disk", "calls", "rounding up", "minimum", or what was bought
    quantity   in `unit`; cu: what that comes to in CU; amount: what it costs, in the bill's currency
    """

    function: str
    meter: str
    quantity: Fraction = Fraction(0)
    unit: str = ""
    cu: Fraction = Fraction(0)
    amount: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, repr=False)
class Bill:
    """What a run costs under one tariff.

    tariff    the tariff's name; currency: "CNY" or "coins"
    lines     per function and meter, then what was bought ahead
    cu        CU charged (rounded up per function and hour), of which `covered_cu` came out of packs
    notes     sources and assumptions behind the figures
    """

    tariff: str
    currency: str
    lines: tuple[Line, ...]
    cu: int = 0
    covered_cu: int = 0
    notes: tuple[str, ...] = ()

    @property
    def amount(self) -> Fraction:
        """The total, exactly."""
        return sum((line.amount for line in self.lines), Fraction())

    @property
    def total(self) -> float:
        """The total in `currency`."""
        return float(self.amount)

    @property
    def functions(self) -> dict[str, float]:
        """What each function is charged; packs and servers are nobody's own and not in here."""
        sums: dict[str, Fraction] = {}
        for line in self.lines:
            if line.function:
                sums[line.function] = sums.get(line.function, Fraction()) + line.amount
        return {name: float(amount) for name, amount in sums.items()}

    @property
    def text(self) -> str:
        """The total with its currency: '15.40 CNY'. Two to four decimals; more where fewer would show nothing."""
        return f"{_money(self.amount)} {self.currency}"

    def table(self) -> str:
        """The bill as plain text: lines, total, then the notes."""
        return "\n".join([text_grid(self._header(), self._cells(), left=2), *self.notes])

    def _header(self) -> tuple[str, ...]:
        return ("function", "meter", "quantity", "CU", self.currency)

    def _cells(self) -> list[tuple[str, ...]]:
        cells: list[tuple[str, ...]] = []
        above = ""
        for line in self.lines:
            quantity = f"{number_text(line.quantity, most=4)} {line.unit}".strip() if line.unit else ""
            cu = number_text(line.cu, most=4) if line.cu else ""
            cells.append((line.function if line.function != above else "", line.meter, quantity, cu, number_text(line.amount, least=2)))
            above = line.function
        cells.append(("total", "", "", str(self.cu) if self.cu else "", _money(self.amount)))
        return cells

    def __repr__(self) -> str:
        return f"Bill({self.text}, {self.tariff})"

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return html_grid(f"{self!r}. {' '.join(self.notes)}".strip(), self._header(), self._cells(), left=2)


class Bills:
    """One run under several tariffs, side by side, in the order they were asked for."""

    def __init__(self, bills: tuple[Bill, ...]) -> None:
        self.bills = bills

    def __len__(self) -> int:
        return len(self.bills)

    def __iter__(self) -> Iterator[Bill]:
        return iter(self.bills)

    def __getitem__(self, index: int) -> Bill:
        return self.bills[index]

    @property
    def cheapest(self) -> Bill:
        """The one with the smallest total; the first of equals."""
        return min(self.bills, key=lambda bill: bill.amount)

    def table(self) -> str:
        """One line a tariff as plain text."""
        return text_grid(self._header(), self._cells())

    def _header(self) -> tuple[str, ...]:
        return ("tariff", "total", "currency", "CU", "covered by packs")

    def _cells(self) -> list[tuple[str, ...]]:
        return [(bill.tariff, _money(bill.amount), bill.currency, str(bill.cu), str(bill.covered_cu)) for bill in self.bills]

    def __repr__(self) -> str:
        return f"Bills({', '.join(f'{bill.tariff} {bill.text}' for bill in self.bills)})"

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return html_grid("Bills", self._header(), self._cells())


def _money(amount: Fraction) -> str:
    return number_text(amount, least=2, most=4 if not amount or abs(amount) >= Fraction(1, 1000) else 9)
