"""Exercises: a check that reads the recording, a ladder of three hints, a solution.

1. A check has one of four outcomes and never shows a traceback.
2. `not yet` gives one reason, the first that fails, and names the event that shows it.
3. `passed` lists what was checked.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fclab.teach.checks import Happening, Run, cite, read
from fclab.teach.texts import fill, plain

__all__ = ["Checker", "Report", "Result", "Words", "check"]

Outcome = Literal["not attempted yet", "passed", "not yet", "the checker broke"]
COLOURS: dict[str, str] = {"passed": "#009e73", "not yet": "#e69f00", "not attempted yet": "#8a8a8a", "the checker broke": "#d55e00"}
MARKS: dict[str, str] = {"passed": "✓", "not yet": "…", "not attempted yet": "○", "the checker broke": "!"}

Words = dict[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What a check found. `reason` is one sentence, `event` what shows it in the run, `checked` what held."""

    name: str
    outcome: Outcome
    reason: str = ""
    event: Happening | None = None
    checked: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [f"{self.name}: {self.outcome}"]
        lines += [f"  {plain(self.reason)}"] if self.reason else []
        lines += [f"  in the recording: {cite(self.event)}"] if self.event else []
        lines += [f"  ✓ {plain(line)}" for line in self.checked] if self.outcome == "passed" else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *rest = repr(self).split("\n")
        colour, mark = COLOURS[self.outcome], MARKS[self.outcome]
        body = "".join(f"<div>{html.escape(line.strip())}</div>" for line in rest)
        return (
            f'<div style="border-left:5px solid {colour};padding:8px 14px;max-width:860px">'
            f"<div><b>{mark} {html.escape(first)}</b></div>{body}</div>"
        )


class _Ended(Exception):
    """Ends a check early: raised by `Report`, caught by `check`."""

    def __init__(self, outcome: Outcome, reason: str, event: Happening | None = None) -> None:
        self.outcome: Outcome = outcome
        self.reason = reason
        self.event = event
        super().__init__(reason)


class Report:
    """What a checker writes into: each `need` either holds and is listed, or ends the check with its reason."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.checked: list[str] = []

    def need(self, holds: bool, key: str, event: Happening | None = None, *, wrong: str = "", **facts: object) -> None:
        """List the text `key` if it `holds`; otherwise end as not yet with the text `wrong` (by default `not_` + key)."""
        if not holds:
            raise _Ended("not yet", fill(self.words[wrong or f"not_{key}"], **facts), event)
        self.checked.append(fill(self.words[key], **facts))

    def unattempted(self, holds: bool, key: str, **facts: object) -> None:
        """End as not attempted yet where `holds`."""
        if holds:
            raise _Ended("not attempted yet", fill(self.words[key], **facts))


Checker = Callable[[Run, Report], None]


def check(name: str, checker: Checker, answer: object, words: Words) -> Result:
    """Check `answer`, a lab or a recording. `words` are the exercise's texts; needs the keys nothing, no_lab, empty and broke."""
    if answer is None or answer is ...:
        return Result(name, "not attempted yet", words["nothing"])
    try:
        run = read(answer)
        if run is None:
            return Result(name, "not yet", fill(words["no_lab"], found=type(answer).__name__))
        if not run.requests and not run.refused:
            return Result(name, "not attempted yet", words["empty"])
        report = Report(words)
        try:
            checker(run, report)
        except _Ended as verdict:
            return Result(name, verdict.outcome, verdict.reason, verdict.event)
        return Result(name, "passed", words.get("praise", ""), None, tuple(report.checked))
    except Exception as error:
        return Result(name, "the checker broke", fill(words["broke"], error=f"{type(error).__name__}: {error}"))
