"""Orders pieces of source so that each stands below what it needs when it is executed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Unit", "arranged"]

_TOP = "# Packed from source: the functions, and what they use.\n"


@dataclass(eq=False, slots=True)
class Unit:
    """A definition, or a name with its value.

    text     its source
    at_once  units it needs while it is executed, and all they need in turn, for it may call them
    later    units it needs when it runs
    calls    those of `at_once` whose code runs then
    changes  names of containers that its code changes
    lines    blank lines around it: 2 for a definition, 0 for a value
    """

    text: str = ""
    at_once: list[Unit] = field(default_factory=list)
    later: list[Unit] = field(default_factory=list)
    calls: list[Unit] = field(default_factory=list)
    changes: set[str] = field(default_factory=set)
    lines: int = 0


def arranged(imports: Iterable[str], units: Iterable[Unit], *, lazy_annotations: bool) -> str:
    """The text of index.py: imports, then the units, helpers above what uses them."""
    order = _Order()
    for unit in units:
        order.collect(unit)
    values = [unit for unit in order.found if not (unit.lines or unit.at_once or unit.later)]
    for unit in (*values, *order.found):
        order.place(unit)
    parts = [_TOP]
    if lazy_annotations:
        parts.append("from __future__ import annotations\n")
    parts += sorted(imports)
    before = 1
    for unit in order.placed:
        parts.append("\n" * max(before, unit.lines if len(parts) > 1 else 1))
        parts.append(unit.text)
        before = unit.lines
    return "".join(parts)


class _Order:
    def __init__(self) -> None:
        self.found: list[Unit] = []
        """Everything reachable, helpers first."""
        self.placed: list[Unit] = []
        self._seen: set[Unit] = set()
        self._done: set[Unit] = set()
        self._open: set[Unit] = set()

    def collect(self, unit: Unit) -> None:
        """Everything that `unit` needs, then itself."""
        if unit in self._seen:
            return
        self._seen.add(unit)
        for other in (*unit.at_once, *unit.later):
            self.collect(other)
        self.found.append(unit)

    def place(self, unit: Unit) -> None:
        """Put `unit` below all that it needs at once."""
        if unit in self._done or unit in self._open:
            return
        self._open.add(unit)
        for other in unit.at_once:
            self._with_all(other, set())
        self._open.discard(unit)
        self._done.add(unit)
        self.placed.append(unit)

    def _with_all(self, unit: Unit, seen: set[Unit]) -> None:
        """Place a unit that may be called at once, with what it needs then; what waits for an open unit has to wait."""
        if unit in seen or self._waits(unit, set()):
            return
        seen.add(unit)
        self.place(unit)
        for other in (*unit.at_once, *unit.later):
            self._with_all(other, seen)

    def _waits(self, unit: Unit, seen: set[Unit]) -> bool:
        if unit in self._open:
            return True
        if unit in self._done or unit in seen:
            return False
        seen.add(unit)
        return any(self._waits(other, seen) for other in unit.at_once)
