"""Predictions: what was asked, what was bet, what happened. Answers come from the run; texts only explain them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from fclab import UsageError
from fclab.teach.answers import READERS, Answer, Fields
from fclab.teach.checks import Happening, Run
from fclab.teach.texts import fill, number, plain, strings

__all__ = ["READERS", "Card", "Line", "Question", "TextCard", "judge", "overall"]

Mood = Literal["hit", "close", "surprise"]


class Card(Protocol):
    """A prediction card, in a browser or in plain text."""

    value: object
    committed: bool
    shown: bool
    verdict: dict[str, str]
    note: str

    @property
    def undecided(self) -> bool: ...
    def commit(self, value: object) -> None: ...
    def show(self) -> None: ...
    def clear(self) -> None: ...
    def on_reveal(self, callback: Callable[[], object]) -> None: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A bet beside what happened. `said` and `happened` are words; `event` refutes the bet, or confirms it."""

    label: str
    said: str
    happened: str
    mood: Mood | None
    because: str
    event: Happening | None


class Question:
    """A prediction as the lesson's texts describe it. `fields` are what the card shows; nothing in them depends on a run."""

    def __init__(self, name: str, told: Fields) -> None:
        self.name = name
        self.told = told
        self.kind = str(told["kind"])
        self.text = str(told["question"])
        self.options, self.rows = strings(told.get("options")), strings(told.get("rows"))
        self.amounts = [_float(one) for one in _list(told.get("amounts"))]
        self.bars = strings(told.get("bars"))
        self.unit = str(told.get("unit", "s"))
        self.low, self.high = _float(told.get("low", 0.0)), _float(told.get("high", 1e9))
        self.tolerance, self.near = _float(told.get("tolerance", 0.0)), _float(told.get("close", 0.0))
        self.reads = str(told["reads"])
        self.arrivals = [_float(one) for one in _list(told.get("arrivals"))]
        self.why = {str(key): str(text) for key, text in _dict(told.get("because")).items()}
        self.traps = {str(key): str(text) for key, text in _dict(told.get("trap")).items()}

    @property
    def fields(self) -> Fields:
        """The traits of its card."""
        names = ("help", "unit", "options", "rows", "multiple", "low", "high", "step", "span", "marks", "handle")
        shown = {name: self.told[name] for name in names if name in self.told}
        return {**shown, "help": " ".join(str(shown["help"]).split())} if "help" in shown else shown

    @property
    def example(self) -> str:
        """How to answer in code."""
        first: object = self.amounts[0] if self.amounts else self.options[0] if self.options else (self.low + self.high) / 2
        if self.kind == "order":
            said = repr(self.options)
        elif self.rows:
            said = repr([first] * len(self.rows))
        else:
            said = number(first) if isinstance(first, float) else repr(first)
        return f'L.predict("{self.name}", {said})'

    def value(self, guess: object) -> object:
        """`guess` as a card keeps it; options may be given by their text, by their amount or by their place from 0."""
        if self.kind in ("number", "mark"):
            if isinstance(guess, bool) or not isinstance(guess, (int, float)) or not self.low <= guess <= self.high:
                raise UsageError(
                    f"{self.name!r} asks for a number from {number(self.low)} to {number(self.high)} {self.unit}, not {guess!r}.",
                    hint=f"such as {self.example}",
                )
            return float(guess)
        many = bool(self.rows or self.told.get("multiple") or self.kind == "order")
        given = list(guess) if isinstance(guess, (list, tuple)) else [guess]
        places = [self._place(one) for one in given]
        wanted = len(self.rows) or (len(self.options) if self.kind == "order" else None if many else 1)
        if None in places or (wanted is not None and len(places) != wanted) or (self.kind == "order" and len(set(places)) != wanted):
            raise UsageError(f"{self.name!r} cannot take {guess!r} for an answer.", hint=f"such as {self.example}")
        return places if many else places[0]

    def _place(self, one: object) -> int | None:
        if isinstance(one, str):
            return self.options.index(one) if one in self.options else None
        if isinstance(one, bool) or not isinstance(one, (int, float)):
            return None
        if self.amounts:
            return self.amounts.index(float(one)) if float(one) in self.amounts else None
        return int(one) if one in range(len(self.options)) else None


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _dict(value: object) -> Fields:
    return dict(value) if isinstance(value, dict) else {}


def _float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


class TextCard:
    """A card for a place without widgets: it says the question, how to answer in code, and what to install."""

    def __init__(self, question: Question, words: dict[str, str]) -> None:
        self.question = question
        self.words = words
        self.value: object = None
        self.committed = self.shown = False
        self.verdict: dict[str, str] = {}
        self.note = ""
        self._told: list[Callable[[], object]] = []

    @property
    def undecided(self) -> bool:
        """Neither committed nor shown."""
        return not (self.committed or self.shown)

    def commit(self, value: object) -> None:
        """Bet `value`, as `Question.value` made it."""
        self.value, self.committed = value, True
        self._tell()

    def show(self) -> None:
        """Look without a bet."""
        self.shown = True
        self._tell()

    def clear(self) -> None:
        """Start again."""
        self.value, self.verdict, self.note = None, {}, ""
        self.committed = self.shown = False

    def on_reveal(self, callback: Callable[[], object]) -> None:
        """Call `callback()` at a commit or Show me."""
        self._told.append(callback)

    def _tell(self) -> None:
        for callback in self._told:
            callback()

    def __repr__(self) -> str:
        question = self.question
        lines = [f"{self.words['badge']}: {plain(question.text)}"]
        lines += [f"  {row}: {'  or  '.join(question.options)}" for row in question.rows] or [f"  {option}" for option in question.options]
        if self.undecided:
            lines.append(fill(self.words["no_widgets"], call=question.example, show=f'L.show("{question.name}")'))
        else:
            lines.append(self.words["committed"] if self.committed else self.words["shown"])
        return "\n".join(lines)


# ---- what happened


def judge(question: Question, guess: object, run: Run) -> list[Line]:
    """Every line of a bet beside what happened; `guess` None (Show me) gives lines without a mood."""
    answers = READERS[question.reads](run)
    if question.kind == "order":
        return [_order(question, guess, answers)]
    if question.kind == "choice":
        if question.bars:
            answers = [answer for bar in question.bars for answer in answers if answer.facts["bar"] == bar]
        places = guess if isinstance(guess, list) else [None] * len(answers)
        return [_choice(question, place, answer) for place, answer in zip(places, answers, strict=False)]
    answer = answers[0]
    happened = f"{number(answer.value)} {question.unit}"
    label, because = str(answer.facts.get("label", "")), fill(question.why[answer.why], **answer.facts)
    if not isinstance(guess, (int, float)):
        return [Line(label, "", happened, None, because, answer.event)]
    off = abs(guess - answer.value)
    mood: Mood = "hit" if off <= question.tolerance + 1e-9 else "close" if off <= question.near + 1e-9 else "surprise"
    trap = next((key for key, at in answer.traps.items() if abs(guess - _float(at)) <= question.tolerance + 1e-9), "")
    if mood != "hit" and trap in question.traps:
        because = f"{fill(question.traps[trap], **answer.facts)} {because}"
    return [Line(label, f"{number(guess)} {question.unit}", happened, mood, because, answer.event)]


def _choice(question: Question, place: object, answer: Answer) -> Line:
    off = [abs(amount - answer.value) for amount in question.amounts]
    said = question.options[place] if isinstance(place, int) and place >= 0 else ""
    mood: Mood | None = None
    if isinstance(place, int) and said:
        mood = "hit" if off[place] == min(off) else "close" if off[place] <= question.near + 1e-9 else "surprise"
    because = fill(question.why[answer.why], **answer.facts)
    return Line(str(answer.facts["label"]), said, f"{number(answer.value)} {question.unit}", mood, because, answer.event)


def _order(question: Question, guess: object, answers: list[Answer]) -> Line:
    """One line for the whole order: close if two changed places; what refutes it is the first that stands wrong."""
    happened = [str(answer.facts["bar"]) for answer in answers]
    said = [question.bars[place] for place in guess if isinstance(place, int)] if isinstance(guess, list) else []
    wrong = [answer for answer, bar in zip(answers, said, strict=False) if bar != answer.facts["bar"]]
    mood: Mood | None = None
    if said:
        mood = "surprise" if len(wrong) > 2 or len(said) != len(happened) else "close" if wrong else "hit"
    shown = (wrong or answers)[0]
    because = fill(question.why[shown.why], **shown.facts)
    return Line(str(question.told.get("label", "")), ", ".join(said), ", ".join(happened), mood, because, shown.event)


def overall(lines: list[Line]) -> Mood | None:
    """The verdict on a whole card: its worst line's."""
    moods = [line.mood for line in lines if line.mood]
    return max(moods, key=("hit", "close", "surprise").index, default=None)
