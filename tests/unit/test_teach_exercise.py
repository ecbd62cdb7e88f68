"""Every exercise with an unattempted, a right and several wrong answers; no answer ever ends in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fclab import Lab
from fclab.teach.checks import Run
from fclab.teach.exercise import Report, check
from fclab.teach.hints import COLUMNS, wrapped
from fclab.teach.lesson import Lesson, lesson
from tests.lessons.scenes import hello, ran

Made = Callable[[], object]


def changed(**options: Any) -> Lab:
    """The lesson's three arrivals at R2 = 200 s, with another function."""
    lab = Lab()
    lab.declare("hello", duration=0.1, **options)
    lab.invoke_at("hello", [0, 200, 600])
    lab.run()
    return lab


def reserved() -> Lab:
    lab = hello()
    lab.reserve("hello", 1)
    lab.invoke_at("hello", [0, 200, 600])
    lab.run()
    return lab


UNATTEMPTED: dict[str, Made] = {
    "nothing": lambda: None,
    "dots": lambda: ...,
    "never ran": hello,
    "as given": lambda: ran(0, 60, 600),
}
RIGHT: dict[str, Made] = {f"R2 at {at}": partial(ran, 0, at, 600) for at in (299.9, 300, 301.1)}
RIGHT["its recording"] = lambda: ran(0, 300, 600).recording
WRONG: dict[str, tuple[Made, str, str]] = {
    "too early": (lambda: ran(0, 200, 600), "too early for R3", "InstanceReclaimed, hello#1, at 500.1 s"),
    "just too early": (lambda: ran(0, 299.8, 600), "too early for R3", "InstanceReclaimed, hello#1, at 599.9 s"),
    "too late": (lambda: ran(0, 400, 600), "R2 came too late", "InstanceReclaimed, hello#1, at 301.1 s"),
    "just too late": (lambda: ran(0, 301.2, 600), "R2 came too late", "InstanceReclaimed, hello#1, at 301.1 s"),
    "during the boot": (lambda: ran(0, 0.5, 600), "still busy with R1", "InstanceCreated, hello#2, at 0.5 s"),
    "just before R3": (lambda: ran(0, 599.95, 600), "R2 came too late", "InstanceReclaimed, hello#1, at 301.1 s"),
    "four calls": (lambda: ran(0, 200, 400, 600), "exactly three requests, and this run has 4", "RequestAccepted, R4, at 600 s"),
    "R3 moved": (lambda: ran(0, 200, 400), "only R2 may move", "RequestAccepted, R3, at 400 s"),
    "R1 moved": (lambda: ran(1, 300, 600), "only R2 may move", "RequestAccepted, R1, at 1 s"),
    "longer window": (lambda: changed(idle_timeout=900), "idle_timeout=900", "FunctionDeclared"),
    "reserved": (reserved, "reserved instances", "ReservedTargetSet"),
    "no initializer": (lambda: changed(), "no initializer", "FunctionDeclared"),
    "no lab": (lambda: 300, "a value of type int has none", ""),
    "a function": (lambda: ran, "a value of type function has none", ""),
}


@pytest.mark.parametrize("made", UNATTEMPTED.values(), ids=UNATTEMPTED)
def test_not_attempted(made: Made) -> None:
    found = lesson("00").check("bridge", made())
    assert found.outcome == "not attempted yet"
    assert found.reason


@pytest.mark.parametrize("made", RIGHT.values(), ids=RIGHT)
def test_right_answers_pass_and_say_what_was_checked(made: Made) -> None:
    found = lesson("00").check("bridge", made())
    assert found.outcome == "passed"
    assert len(found.checked) == 5
    assert all(f"✓ {line}" in repr(found) for line in found.checked)


@pytest.mark.parametrize(("made", "reason", "event"), WRONG.values(), ids=WRONG)
def test_wrong_answers_get_one_reason_and_the_event(made: Made, reason: str, event: str) -> None:
    found = lesson("00").check("bridge", made())
    assert found.outcome == "not yet"
    assert reason in found.reason
    assert event in repr(found)
    assert bool(found.event) == bool(event)


def test_different_mistakes_get_different_messages() -> None:
    names = ("too early", "too late", "during the boot", "four calls", "R3 moved", "longer window", "no lab")
    reasons = [lesson("00").check("bridge", WRONG[name][0]()).reason for name in names]
    assert len(set(reasons)) == len(names)


def test_a_checker_that_breaks_says_so() -> None:
    def broken(run: Run, report: Report) -> None:
        raise ZeroDivisionError("by us")

    found = check("bridge", broken, ran(0, 200, 600), lesson("00").words | {"broke": "ours: {error}"})
    assert (found.outcome, found.reason) == ("the checker broke", "ours: ZeroDivisionError: by us")


class Odd:
    """Pretends to have a recording."""

    @property
    def recording(self) -> object:
        raise RuntimeError("no")


def test_even_an_answer_that_raises_gives_no_traceback() -> None:
    assert lesson("00").check("bridge", Odd()).outcome == "the checker broke"


def test_the_result_reads_well_in_text_and_html() -> None:
    found = lesson("00").check("bridge", ran(0, 200, 600))
    assert repr(found).splitlines()[0] == "bridge: not yet"
    html = found._repr_html_()
    assert "not yet" in html
    assert "<script" not in html
    assert "not attempted yet" in lesson("00").check("bridge")._repr_html_()


def watched() -> Lesson:
    """The lesson after its Watch cell has opened."""
    course = lesson("00")
    course.predict("wait", [1.1, 0.1, 0.1])
    course.watch(ran(0, 60, 600))
    return course


def test_the_first_hint_says_where_to_look_and_goes_there_again() -> None:
    course = watched()
    hint: Any = course.hint("bridge")
    assert " ".join(hint.split()).endswith("The timeline under Watch now stands at 360.1 s, where that happened.")
    player: Any = course.player
    player.seek(0)
    (button,) = hint.panel.blocks[-1]["items"]
    assert (button["label"], button["to"]) == ("Go there: InstanceReclaimed, hello#1, at 360.1 s", "watch")
    hint.panel.press("go")
    assert player.player.now == pytest.approx(360.1)
    bundle = hint._repr_mimebundle_()
    assert bundle["text/plain"] == repr(hint) == str(hint)
    assert "white-space:pre" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_hint_without_a_watched_run_promises_no_timeline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "now stands" not in lesson("00").hint("bridge")
    assert "now stands" not in watched().hint("bridge", 2)
    monkeypatch.setitem(sys.modules, "fclab_widgets", None)
    assert "now stands" not in watched().hint("bridge")


def test_prose_is_wrapped_between_words_and_units_stay_with_their_numbers() -> None:
    course = watched()
    texts = [course.hint("bridge", rung) for rung in (1, 2, 3)] + [course.teacher(), course.solution("bridge"), course.glossary()]
    lines = [line for text in texts for line in text.splitlines()]
    assert max(map(len, lines)) <= COLUMNS
    assert not [line for line in lines if line.strip() == "s" or line.strip().startswith("s ")]
    assert wrapped("one two", "* ", "  ") == "* one two"
    assert wrapped("x" * 100) == "x" * 100


def test_the_ladder_of_hints_then_the_solution() -> None:
    course = lesson("00")
    assert [course.hint("bridge")[:6] for _ in range(3)] == ["Hint 1", "Hint 2", "Hint 3"]
    assert "last hint" in course.hint("bridge")
    assert course.hint("bridge", 1).startswith("Hint 1")
    course.reset("bridge")
    assert course.hint("bridge").startswith("Hint 1")


def test_solution_and_starter_run_and_are_what_they_say() -> None:
    assert lesson("00").solution("bridge").startswith("# Why it works: "), "as the last hint promises"
    for code, outcome in ((lesson("00").solution("bridge"), "passed"), (lesson("00").reset("bridge"), "not attempted yet")):
        names: dict[str, object] = {"lab": hello(), "L": lesson("00")}
        head, _, last = code.rpartition("\n")
        exec(head, names)
        assert getattr(eval(last, names), "outcome", None) == outcome
