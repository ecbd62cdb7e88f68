"""What opens once a prediction was made: the run beside the bet, questions about it, a slider to try again."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from fclab.teach import blocks
from fclab.teach.blocks import Block, Cell, text_of
from fclab.teach.checks import Run, cite, read
from fclab.teach.compare import COMPARE, Slider
from fclab.teach.predict import Line, judge, overall
from fclab.teach.stage import Stage, panel
from fclab.teach.texts import fill, number, plain, strings, tables

if TYPE_CHECKING:
    from fclab.teach.lesson import Lesson, Ran

__all__ = ["Ask", "Opening", "Tweak", "Watch"]


class Opening(ABC):
    """A stage that opens once the predictions it `needs` are made, and is made anew when one of them changes."""

    def __init__(self, lesson: Lesson, name: str, needs: list[str]) -> None:
        self.lesson, self.needs, self.words = lesson, needs, lesson.words
        how = self.words["hidden_how"] if len(needs) == 1 else self.words["hidden_two"]
        closed = [
            blocks.head(self.words[name], self.words["hidden"]), blocks.text(how), blocks.buttons({"show": self.words["show"]}),
        ]  # fmt: skip
        self.stage = Stage(name, closed, fill(self.words["show_call"], calls=", ".join(f'L.show("{need}")' for need in needs)))
        self._made_for: list[tuple[str, bool, str]] = []
        if self.stage.gate is not None:
            self.stage.gate.on_press(lambda _: self.give_up())

    def give_up(self) -> None:
        """Show me: every bet that is still open is given up."""
        for need in self.lesson.closed(self.needs):
            self.lesson.card(need).show()

    def refresh(self) -> None:
        """Open as soon as nothing it needs is open; do nothing where nothing changed."""
        if self.lesson.closed(self.needs):
            return
        state = [(name, self.lesson.card(name).committed, repr(self.lesson.card(name).value)) for name in self.needs]
        if state != self._made_for:
            self._made_for = state
            self.fill()

    @abstractmethod
    def fill(self) -> None:
        """Put text and live views on the stage."""

    def beside(self, name: str, run: Run) -> list[Line]:
        """The bet `name` beside `run`, line by line; also tells the card its verdict."""
        card, question = self.lesson.card(name), self.lesson.question(name)
        other = question.arrivals and question.arrivals != [seen.arrived for seen in run.requests]
        lines = judge(question, card.value if card.committed and not other else None, run)
        mood = overall(lines)
        if mood and not card.verdict:
            wrong = [line for line in lines if line.mood != "hit"]
            text = f"{wrong[0].label}: {wrong[0].because}" if wrong else self.words["all_hit"] if len(lines) > 1 else lines[0].because
            card.verdict = {"kind": mood, "text": text}
            self.lesson.progress.keep(f"verdict.{name}", mood)
        return lines

    def verdict(self, lines: list[Line]) -> list[Block]:
        """Lines as a table, then what refutes the wrong ones."""
        words = self.words
        if not any(line.mood for line in lines):
            return [blocks.table([words["column_request"], words["column_happened"]], [[line.label, line.happened] for line in lines])]
        rows: list[list[Cell]] = [
            [line.label, line.said, line.happened, {"kind": line.mood, "text": words[line.mood]} if line.mood else ""] for line in lines
        ]
        made = [blocks.table([words[f"column_{key}"] for key in ("request", "said", "happened", "verdict")], rows)]
        wrong = [line for line in lines if line.mood not in (None, "hit")]
        if wrong:
            made.append(blocks.text(words["some_surprise" if overall(lines) == "surprise" else "some_close"]))
            return [*made, blocks.quote("\n\n".join(f"**{line.label}** {line.because}" for line in wrong))]
        return [*made, blocks.text(words["all_hit"]) if len(lines) > 1 else blocks.quote(lines[0].because)]


class Watch(Opening):
    """The player, the verdict and the table of one run."""

    def __init__(self, lesson: Lesson, lab: Ran, run: Run) -> None:
        asked = lesson.part("predict")
        super().__init__(lesson, "watch", [name for name in asked if lesson.named("predict", name).get("stage", "watch") == "watch"])
        self.lab, self.run = lab, run

    def fill(self) -> None:
        """The verdict, then the player, then the table."""
        words = self.words
        lines = [line for name in self.needs for line in self.beside(name, self.run)]
        bet = any(line.mood for line in lines)
        wrong = [line.event for line in lines if line.mood not in (None, "hit") and line.event]
        made = [blocks.head(words["watch"], words["beside"] if bet else words["beside_none"]), *self.verdict(lines)]
        wanted = next((asked.arrivals for name in self.needs if (asked := self.lesson.question(name)).arrivals), [])
        found = [seen.arrived for seen in self.run.requests]
        if wanted and wanted != found:
            made.append(blocks.text(fill(words["other_run"], wanted=", ".join(map(number, wanted)), found=", ".join(map(number, found)))))
        table = str(self.lab.table())
        if self.stage.gate is None:
            self.stage.open(f"{text_of(made)}\n\n{table}\n{words['no_play']}", [])
            return
        text = f"{text_of(made)}\n\n{table}"
        jumps = {str(place): fill(words["jump"], event=cite(event)) for place, event in enumerate(wrong)}
        top = panel("watch", [*made, blocks.buttons(jumps)] if jumps else made)
        if top is not None:
            top.on_press(lambda press: self.lesson.go(wrong[int(press)]))
        self.lesson.player = self.lab.timeline()
        below = panel("run as text", [blocks.head(words["table"]), blocks.pre(table, words["table"])])
        self.stage.open(text, [top, self.lesson.player, self.lab.call_chain(), below])
        if wrong:
            self.lesson.go(wrong[0])


class Ask(Opening):
    """Questions with jumps into the watched run, and answers to compare with."""

    def __init__(self, lesson: Lesson, names: list[str]) -> None:
        self.told = [lesson.named("ask", name) for name in names]
        super().__init__(lesson, "ask", list(dict.fromkeys(need for told in self.told for need in strings(told["needs"]))))
        self.answered: set[int] = set()

    def answer(self, place: int) -> str:
        """Our answer to a question, with the times of the run that was watched."""
        run = self.lesson.run
        return fill(str(self.told[place]["answer"]), **self.lesson.facts(run)) if run else self.words["jump_first"]

    def panel(self) -> list[Block]:
        """Each question with its jumps, and its answer once it was asked for."""
        made = [blocks.head(self.words["ask"]), blocks.text(self.words["ask_first"])]
        for place, told in enumerate(self.told):
            made += [blocks.rule()] if place else []
            made.append(blocks.head(text=f"{place + 1}. {told['question']}"))
            jumps = {f"{place}.{nth}": plain(str(jump["label"])) for nth, jump in enumerate(tables(told["jumps"]))}
            made.append(blocks.buttons(jumps))
            if place in self.answered:
                made.append(blocks.quote(self.answer(place)))
            else:
                made.append(blocks.buttons({f"{place}.answer": self.words["answer"]}))
        return made

    def fill(self) -> None:
        """The questions; where there are no panels, the answers too."""
        made = panel("ask", self.panel())
        said = [f"{place}. {plain(str(told['question']))}" for place, told in enumerate(self.told, 1)]
        if made is None:
            said = [f"{question}\n   {plain(self.answer(place))}" for place, question in enumerate(said)]
        linked = self.lesson.lab.timeline() if made and self.lesson.lab else None
        self.stage.open("\n".join(said), [made, linked] if made else [])
        if made is None:
            return

        def pressed(press: str) -> None:
            place, _, which = press.partition(".")
            if which == "answer":
                self.answered.add(int(place))
                made.blocks = self.panel()
            elif self.lesson.run:
                jump = tables(self.told[int(place)]["jumps"])[int(which)]
                request = jump.get("request", 0)
                self.lesson.go(self.lesson.run.find(str(jump["kind"]), request=request if isinstance(request, int) else 0))

        made.on_press(pressed)


class Tweak(Opening):
    """One slider: every position is a whole run in virtual time, drawn beside the first."""

    def __init__(self, lesson: Lesson, trial: Callable[..., Ran], name: str, ends: tuple[float, float, float], start: float) -> None:
        self.trial, self.name, self.ends, self.start = trial, name, ends, start
        self.told = lesson.named("tweak", name)
        judged = self.told.get("judged_at")
        self.judged = float(judged) if isinstance(judged, (int, float)) else None
        """The position that its bet is about; None where the bet is a position itself."""
        super().__init__(lesson, "tweak", strings(self.told["needs"]))

    def at(self, value: float) -> Run:
        """The run at `value`."""
        run = read(self.trial(**{self.name: value}))
        return run or Run([])

    def panel(self, value: float, first: Run, lines: list[Line]) -> list[Block]:
        """The slider, the run at `value` beside the first one, and the bet."""
        words, told = self.words, self.told
        low, high, step = self.ends
        unit = str(told["unit"])
        shown = COMPARE[str(told.get("compare", "requests"))](self.at(value), first, Slider(high, self.start, value, unit, words))
        picture = base64.b64encode(shown.picture.encode()).decode()
        made: list[Block] = [
            blocks.head(words["tweak"], str(told["text"])),
            {"type": "slider", "label": told["label"], "low": low, "high": high, "step": step, "unit": unit},
            {"type": "image", "src": f"data:image/svg+xml;base64,{picture}", "alt": shown.story},
            blocks.table(shown.heads, shown.rows),
        ]
        if not lines or not lines[0].mood:
            return made
        if self.judged is None:
            tries = {"mine": fill(words["mine"], said=lines[0].said), "later": words["step_late"]}
        else:
            tries = {"judged": fill(words["judged"], at=f"{number(self.judged)} {unit}")}
        return [*made, blocks.rule(), *self.verdict(lines), blocks.buttons(tries)]

    def fill(self) -> None:
        """The panel, and what its slider and buttons do."""
        first = self.at(self.start)
        question = str(self.told["question"])
        lines = self.beside(question, first if self.judged is None else self.at(self.judged))
        shown = self.panel(self.start, first, lines)
        made = panel("tweak", shown, self.start)
        self.stage.open(text_of([block for block in shown if block["type"] in ("head", "table", "text", "quote")]), [made] if made else [])
        if made is None:
            return

        def moved(change: dict[str, object]) -> None:
            value = change["new"]
            if isinstance(value, (int, float)):
                made.blocks = self.panel(value, first, lines)

        def pressed(press: str) -> None:
            bet = self.lesson.card(question).value if self.judged is None else self.judged
            if isinstance(bet, (int, float)):
                low, high, step = self.ends
                made.value = min(high, max(low, round(bet + (step if press == "later" else 0.0), 6)))

        made.observe(moved, "value")
        made.on_press(pressed)
