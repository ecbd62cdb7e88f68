"""The prediction card: bet first, then look. Everything about its state is in traits; nothing about the outcome is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import anywidget
import traitlets as t

from fclab.errors import UsageError
from fclab_widgets.cards import bundle, plain, still

__all__ = ["Prediction"]

KINDS = ("number", "choice", "order", "mark")


class Prediction(anywidget.AnyWidget):
    """A question that is answered before the answer is shown.

    1. `value` is a number or None (kinds number and mark), an option's index, a list of indices (multiple), or one index a row
       (rows) for choice with -1 where nothing is chosen, or the options' indices first to last (order).
    2. `committed` and `shown` go from False to True once; after that the inputs are locked until `clear`.
    3. `verdict` ({"kind": "hit" | "close" | "surprise", "text": ...}) is set after the run and only once committed.
    """

    _esm = Path(__file__).parent / "static" / "prediction.js"

    name = t.Unicode().tag(sync=True)
    kind = t.Enum(KINDS, "number").tag(sync=True)
    question = t.Unicode().tag(sync=True)
    help = t.Unicode().tag(sync=True)
    unit = t.Unicode("s").tag(sync=True)
    options = t.List(t.Unicode()).tag(sync=True)
    rows = t.List(t.Unicode()).tag(sync=True)
    multiple = t.Bool(False).tag(sync=True)
    low = t.Float(0.0).tag(sync=True)
    high = t.Float(1e9).tag(sync=True)
    step = t.Float(0.1).tag(sync=True)
    span = t.List(t.Float()).tag(sync=True)
    """What the axis of a mark shows, [first, last]; low to high if empty."""
    marks = t.List(t.Dict()).tag(sync=True)
    """What is already on the axis: [{"at": seconds, "label": text}]."""
    handle = t.Unicode().tag(sync=True)
    """What the learner's mark, or number, is called."""
    words = t.Dict().tag(sync=True)

    value = t.Any(None, allow_none=True).tag(sync=True)
    committed = t.Bool(False).tag(sync=True)
    shown = t.Bool(False).tag(sync=True)
    verdict = t.Dict().tag(sync=True)
    note = t.Unicode().tag(sync=True)

    _fields: ClassVar[tuple[str, ...]] = (
        "help", "unit", "options", "rows", "multiple", "low", "high", "step", "span", "marks", "handle", "words", "note",
    )  # fmt: skip

    def __init__(self, name: str, kind: str, question: str, **fields: object) -> None:
        """A card called `name`; `fields` are the traits above. Raises `UsageError` for a kind or field that does not exist."""
        if kind not in KINDS:
            raise UsageError(f"A prediction card is no {kind!r}.", hint=f"choose one of {', '.join(KINDS)}")
        wrong = [field for field in fields if field not in self._fields]
        if wrong:
            raise UsageError(f"A prediction card has no {wrong[0]!r}.", hint=f"it has {', '.join(self._fields)}")
        super().__init__(name=name, kind=kind, question=question, **fields)

    # ---- state

    @property
    def undecided(self) -> bool:
        """Neither committed nor shown: the outcome stays hidden."""
        return not (self.committed or self.shown)

    def commit(self, value: object) -> None:
        """Bet `value` (clause 1), as the button does. Raises `UsageError` if it is no answer to this card, or if it is locked."""
        if not self.undecided:
            raise UsageError(f"The prediction {self.name!r} is locked.", hint="clear() opens it again")
        self.value = self.check(value)
        self.committed = True

    def show(self) -> None:
        """Look without a bet, as the button does."""
        if self.undecided:
            self.shown = True

    def clear(self) -> None:
        """Start again: no value, no bet, no verdict."""
        with self.hold_sync():
            self.value, self.verdict, self.note = None, {}, ""
            self.committed = self.shown = False

    def check(self, value: object) -> object:
        """`value` if it answers this card, else `UsageError` saying what would."""
        count, wrong = len(self.options), f"The prediction {self.name!r} cannot take {value!r}."
        if self.kind in ("number", "mark"):
            if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and self.low <= value <= self.high:
                return value
            raise UsageError(wrong, hint=f"a number from {self.low:g} to {self.high:g}")
        many = bool(self.rows or self.multiple or self.kind == "order")
        if isinstance(value, (list, tuple)) != many:
            raise UsageError(wrong, hint="a list of option numbers" if many else f"one option number from 0 to {count - 1}")
        chosen = list(value) if isinstance(value, (list, tuple)) else [value]
        sound = all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < count for one in chosen)
        if not sound or (self.rows and len(chosen) != len(self.rows)):
            raise UsageError(wrong, hint=f"{len(self.rows) or 'some'} option numbers, each from 0 to {count - 1}")
        if not self.rows and (len(set(chosen)) != len(chosen) or (self.kind == "order" and len(chosen) != count)):
            raise UsageError(wrong, hint="each option once")
        if self.multiple and not self.rows and self.kind == "choice":
            chosen.sort()
        return chosen if many else chosen[0]

    def on_reveal(self, callback: Callable[[], object]) -> None:
        """Call `callback()` when the learner commits or chooses Show me."""

        def told(change: Mapping[str, object]) -> None:
            if change["new"]:
                callback()

        self.observe(told, ["committed", "shown"])

    # ---- what a cell shows

    def __repr__(self) -> str:
        state = "committed" if self.committed else "shown" if self.shown else "open"
        return f"Prediction({self.name}: {plain(self.question)} [{state}])"

    def svg(self) -> str:
        """The question as a still picture, without value and outcome."""
        lines = [("question", self.question)]
        if self.help:
            lines.append(("text", self.help))
        if self.rows:
            lines += [("option", f"{row}:  {'  or  '.join(self.options)}") for row in self.rows]
        elif self.options:
            lines += [("option", option) for option in self.options]
        else:
            lines.append(("option", f"{self.handle or 'Your answer'}: ____ {self.unit}"))
        return still(str(self.words.get("badge", "Predict")), lines)

    def _repr_mimebundle_(self, **kwargs: dict[object, object]) -> tuple[dict[str, object], dict[str, object]]:
        live: object = super()._repr_mimebundle_(**kwargs)
        return bundle(live, self.svg(), plain(self.question), repr(self))
