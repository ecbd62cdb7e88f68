"""`L.bars(virtual=lab, process=real)`: the bars of cold starts, one row a lab, drawn on one axis.

1. A row shows the quickest cold start of its run: the others met a machine that was busier, or not warmed up.
2. Its text never holds a measured time: the same cells say the same words on every machine. The picture and the numbers do.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping

from fclab import UsageError
from fclab.teach.answers import bars
from fclab.teach.checks import read
from fclab.teach.waterfall import spoken, waterfall

__all__ = ["Bars"]

Row = dict[str, float]


class Bars(Mapping[str, Row]):
    """What callers of cold starts waited for: by the name of the row, seconds by bar, in their order."""

    def __init__(self, labs: Mapping[str, object]) -> None:
        """Raises `UsageError` for what has no recording, and for a run without a cold start."""
        self._rows: dict[str, Row] = {}
        self._measured: set[str] = set()
        if not labs:
            raise UsageError("bars() was given no lab to show.", hint="name each one: L.bars(virtual=lab, process=real)")
        for name, lab in labs.items():
            run = read(lab)
            if run is None:
                raise UsageError(f"bars() shows runs of labs, not {lab!r}.", hint="L.bars(virtual=lab, process=real)")
            cold = [{bar: length for bar, length, _ in bars(run, seen.number)} for seen in run.requests if seen.cold and seen.ok]
            if not cold:
                raise UsageError(f"The run {name!r} has no cold start to show.", hint="call a function that has no instance yet")
            self._rows[name] = min(cold, key=lambda row: sum(row.values()))
            if getattr(getattr(lab, "recording", lab), "meta", {}).get("clock") == "wall":
                self._measured.add(name)

    def __getitem__(self, name: str) -> Row:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        wide = max(map(len, self._rows))
        return "\n".join(f"{name.ljust(wide)}  {self._said(name)}" for name in self._rows)

    def _said(self, name: str) -> str:
        if name in self._measured:
            return f"{', '.join(self._rows[name])} (measured)"
        return ", ".join(f"{bar} {spoken(length)}" for bar, length in self._rows[name].items())

    def svg(self) -> str:
        """The bars as a picture, measured times included."""
        return waterfall({name: list(row.items()) for name, row in self._rows.items()}, "; ".join(repr(self).split("\n")))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        picture = base64.b64encode(self.svg().encode()).decode()
        shown = f'<img alt="{html.escape(repr(self))}" src="data:image/svg+xml;base64,{picture}"/>'
        return {"text/plain": repr(self), "text/html": shown}
