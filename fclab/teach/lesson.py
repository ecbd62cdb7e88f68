"""`L = lesson("00")`: what a lesson's cells call. Predict, run, watch, investigate, tweak, make, in this order."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Protocol

from fclab import MissingExtra, UsageError
from fclab.grid import Text
from fclab.teach import exercise, texts
from fclab.teach.bars import Bars
from fclab.teach.checks import Happening, Recorded, Run, cite, read
from fclab.teach.hints import Hint, wrapped
from fclab.teach.predict import Card, Question, TextCard
from fclab.teach.progress import Progress
from fclab.teach.show import Ask, Tweak, Watch
from fclab.teach.stage import Stage, cursor
from fclab.views import view

__all__ = ["Lesson", "Text", "lesson"]


class Ran(Protocol):
    """A lab, as far as a lesson needs one."""

    @property
    def recording(self) -> Recorded: ...
    def timeline(self) -> object: ...
    def call_chain(self) -> object: ...
    def table(self) -> str: ...


class Lesson:
    """One lesson: its cards, its hidden stages, its exercises.

    1. The same name gives the same card in one session: running a cell again keeps the bet; `reset` clears it.
    2. A stage (watch, ask, tweak) opens when every prediction it needs was committed or shown, in whatever order cells run.
    3. What was kept from earlier sessions never changes what a cell prints.
    """

    def __init__(self, number: str) -> None:
        self.number = number
        self.told = texts.texts(number)
        self.words = {key: str(text) for key, text in self.part("words").items()}
        self.progress = Progress(number)
        self.cards: dict[str, Card] = {}
        self.run: Run | None = None
        self.lab: Ran | None = None
        self.player: object = None
        self._hints: dict[str, int] = {}
        self._stages: list[Watch | Ask | Tweak] = []
        module = importlib.import_module(f"fclab.teach.lesson_{number}")
        self.exercises: dict[str, exercise.Checker] = module.EXERCISES
        self.facts: Callable[[Run], dict[str, object]] = module.facts

    def __repr__(self) -> str:
        return f"Lesson {self.number}: {self.told['title']} ({self.told['minutes']} min)"

    # ---- predict

    def predict(self, name: str, guess: object = None) -> Card:
        """The prediction card `name`. A `guess` commits at once, without the card: an option, an amount, or a list of one a row."""
        card = self.card(name)
        if guess is not None:
            if not card.undecided:
                card.clear()
            card.commit(self.question(name).value(guess))
        return card

    def show(self, name: str) -> None:
        """What the card's Show me button does: open what `name` hides, without a bet."""
        self.card(name).show()

    def question(self, name: str) -> Question:
        """The question `name`. Raises `UsageError` naming those there are."""
        return Question(name, self.named("predict", name))

    def card(self, name: str) -> Card:
        """The card of `name`, made at its first use."""
        if name not in self.cards:
            question = self.question(name)
            try:
                card: Card = view("prediction")(name, question.kind, question.text, words=self._card_words(), **question.fields)
            except MissingExtra:
                card = TextCard(question, self.words)
            kept = self.progress.get(f"predict.{name}")
            if isinstance(kept, str) and kept:
                card.note = texts.fill(self.words["before"], said=kept)
            card.on_reveal(lambda: self._revealed(name))
            self.cards[name] = card
        return self.cards[name]

    def _card_words(self) -> dict[str, str]:
        return {key: self.words[key] for key in ("badge", "commit", "show", "committed", "shown") if key in self.words}

    def _revealed(self, name: str) -> None:
        card, question = self.cards[name], self.question(name)
        if card.committed:
            self.progress.keep(f"predict.{name}", said(question, card.value))
        for stage in self._stages:
            stage.refresh()

    def closed(self, needs: list[str]) -> list[str]:
        """Which of the predictions `needs` are still open."""
        return [name for name in needs if self.card(name).undecided]

    # ---- watch, investigate, tweak

    def watch(self, lab: Ran) -> Stage:
        """What happened in `lab`, beside what you predicted; hidden until a commit or Show me."""
        run = read(lab)
        if run is None or not hasattr(lab, "timeline"):
            raise UsageError(f"watch() shows the run of a lab, not {lab!r}.", hint="pass the lab of the cell before: L.watch(lab)")
        if not run.requests:
            raise UsageError("This lab has not run anything yet.", hint="run the cell before this one, then watch")
        self.lab, self.run = lab, run
        return self._add(Watch(self, lab, run))

    def ask(self, *names: str) -> Stage:
        """Questions about the run that was watched, with buttons that move its cursor."""
        for name in names:
            self.named("ask", name)
        return self._add(Ask(self, list(names)))

    def tweak(self, trial: Callable[..., Ran], *, low: float, high: float, step: float, **start: float) -> Stage:
        """A slider for the one keyword of `start`; each move runs `trial` again in virtual time. Seconds unless the texts say otherwise."""
        if len(start) != 1:
            raise UsageError(f"tweak() moves one thing, not {len(start)}.", hint="L.tweak(trial, r3=600, low=61, high=700, step=0.1)")
        if not low < high or not step > 0:
            raise UsageError(f"A slider cannot go from {low!r} to {high!r} by {step!r}.", hint="low < high and step > 0")
        ((name, value),) = start.items()
        trial(**start)
        return self._add(Tweak(self, trial, name, (low, high, step), value))

    def bars(self, **labs: object) -> Bars:
        """The bars of each lab's quickest cold start on one axis, one row a keyword; also their seconds: `bars["process"]["start"]`."""
        return Bars(labs)

    def _add(self, made: Watch | Ask | Tweak) -> Stage:
        self._stages = [one for one in self._stages if one.stage.name != made.stage.name]
        self._stages.append(made)
        made.refresh()
        return made.stage

    def go(self, event: Happening | None) -> bool:
        """Move the cursor of the watched run to `event`; False where nothing is being watched."""
        return event is not None and cursor(self.player, event.time)

    # ---- make

    def check(self, name: str, answer: object = None) -> exercise.Result:
        """Check an exercise: `answer` is the lab you ran. Reads its recording, nothing else."""
        words = self._exercise(name)
        result = exercise.check(name, self.exercises[name], answer, words)
        self.progress.count(f"check.{name}.{result.outcome}")
        return result

    def hint(self, name: str, rung: int | None = None) -> Text:
        """The next of three hints, or hint `rung`. The first moves the cursor of the watched run, and says where that is."""
        hints = texts.strings(self.named("exercise", name)["hints"])
        wanted = self._hints.get(name, 0) + 1 if rung is None else rung
        if rung is not None and not 1 <= rung <= len(hints):
            raise UsageError(f"There is no hint {rung!r}.", hint=f"hints go from 1 to {len(hints)}")
        self._hints[name] = max(wanted, self._hints.get(name, 0))
        if wanted > len(hints):
            return Text(wrapped(self._exercise(name)["no_more"]))
        event = self.run.find(self._exercise(name)["hint_event"]) if self.run else None
        cited = cite(event) if event else self._exercise(name)["hint_event"]
        told = texts.fill(hints[wanted - 1], event=cited)
        if wanted > 1 or event is None or not self.go(event):
            return Text(wrapped(told))
        where = texts.fill(self.words["hint_where"], at=event.time)
        return Hint(f"{told} {where}", texts.fill(self.words["jump"], event=cited), lambda: self.go(event))

    def solution(self, name: str) -> Text:
        """One right answer as code, and why it works as a comment above it."""
        words = self._exercise(name)
        return Text(f"{wrapped(words['why'], '# ', '# ')}\n{words['solution'].strip()}")

    def reset(self, name: str) -> Text:
        """Start again: clears the card `name`, or gives back the first code of the exercise `name`."""
        if name in self.part("predict"):
            self.progress.forget(f"predict.{name}")
            self.card(name).clear()
            return Text(f"{name}: open again")
        self._hints.pop(name, None)
        return Text(self._exercise(name)["starter"].strip())

    # ---- for the classroom

    def glossary(self) -> Text:
        """This lesson's words in English and Chinese."""
        terms = texts.tables(self.told.get("term"))
        return Text("\n".join(wrapped(f"{one['en']} ({one['zh']}): {one['meaning']}", rest="  ") for one in terms))

    def teacher(self) -> Text:
        """The instructor's notes, which lie in the metadata of the notebook's cells."""
        cells = json.loads(texts.notebook(self.number).read_text("utf-8"))["cells"]
        notes = [
            (place, "".join(cell["source"]).strip().split("\n")[0].strip("# "), cell["metadata"]["fclab"]["teacher"])
            for place, cell in enumerate(cells, 1)
            if "teacher" in cell["metadata"].get("fclab", {})
        ]
        return Text("\n\n".join(f"Cell {place}: {first}\n{wrapped(note, '  ', '  ')}" for place, first, note in notes))

    def poll(self, name: str) -> Text:
        """A question with lettered answers, for a show of hands. Says nothing about the outcome."""
        question = self.question(name)
        letters = [f"  {chr(65 + place)}  {option}" for place, option in enumerate(question.options)]
        lines = [question.text, *(f"  {row}?" for row in question.rows), *letters]
        lines += [] if letters else [f"  from {texts.number(question.low)} to {texts.number(question.high)} {question.unit}"]
        return Text("\n".join(texts.plain(line) for line in lines))

    # ---- texts

    def part(self, name: str) -> texts.Texts:
        """One part of the lesson's texts, by name."""
        part = self.told.get(name)
        return part if isinstance(part, dict) else {}

    def named(self, part: str, name: str) -> texts.Texts:
        """The texts of one card, question, tweak or exercise. Raises `UsageError` naming those there are."""
        there = self.part(part)
        found = there.get(name)
        if not isinstance(found, dict):
            raise UsageError(f"Lesson {self.number} has no {part} {name!r}.", hint=f"it has {', '.join(map(repr, there))}")
        return found

    def _exercise(self, name: str) -> exercise.Words:
        return {key: text for key, text in self.named("exercise", name).items() if isinstance(text, str)}


def said(question: Question, value: object) -> str:
    """A bet in words: 'about 0.1 s, about 1.1 s, …' or '360.1 s'."""
    places = value if isinstance(value, list) else [value]
    if question.options:
        return ", ".join(question.options[one] for one in places if isinstance(one, int) and one >= 0)
    return f"{texts.number(float(value))} {question.unit}" if isinstance(value, (int, float)) else ""


def lesson(number: str) -> Lesson:
    """Open lesson `number` ("00" to "11"). Raises `UsageError` for a lesson that is not there."""
    if not isinstance(number, str):
        raise UsageError(f"A lesson is named by two digits in quotes, not {number!r}.", hint='such as lesson("00")')
    return Lesson(number)
