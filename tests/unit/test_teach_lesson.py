"""The stages of a lesson: closed until the prediction, the same words with and without widgets, nothing leaked before."""

from __future__ import annotations

import base64
import json
import re
import sys
from typing import Any, cast

import pytest

from fclab import Lab, UsageError
from fclab.teach.lesson import Lesson, lesson
from fclab.teach.stage import Stage
from tests.lessons.scenes import hello, ran

OUTCOME = ("360.1", "reclaimed", "warm", "cold", "600 s: ", "hit", "surprise")


@pytest.fixture(params=["widgets", "text"])
def course(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Lesson:
    """A lesson with widgets, and one in a place that has none."""
    if request.param == "text":
        without(monkeypatch)
    return lesson("00")


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the widgets were not installed."""
    monkeypatch.setitem(sys.modules, "fclab_widgets", None)


def trial(r3: float) -> Lab:
    return ran(0, 60, r3)


def everything(course: Lesson) -> list[Stage]:
    """Run All, in the notebook's order."""
    course.predict("wait")
    stages = [course.watch(ran(0, 60, 600)), course.ask("why-r2-fast", "what-happened-after-r2")]
    course.predict("flip")
    return [*stages, course.tweak(trial, r3=600, low=61, high=700, step=0.1)]


def all_of(stage: Stage) -> str:
    """Everything a browser could get of a stage: text, picture, and the state of every live view."""
    bundle = stage._repr_mimebundle_()
    pictures = re.findall(r"base64,([A-Za-z0-9+/=]+)", str(bundle["text/html"]))
    states = [
        json.dumps({key: value for key, value in child.get_state().items() if key != "_esm"}, default=str)
        for child in stage.children
        if hasattr(child, "get_state")
    ]
    return "\n".join([str(bundle["text/plain"]), *(base64.b64decode(picture).decode() for picture in pictures), *states])


def test_run_all_leaves_every_stage_closed(course: Lesson) -> None:
    for stage in everything(course):
        assert not stage.is_open
        told = all_of(stage)
        assert not [word for word in OUTCOME if word in told], "nothing about the outcome before a prediction"


def test_a_commit_opens_what_it_guards_and_no_more(course: Lesson) -> None:
    watch, ask, tweak = everything(course)
    course.predict("wait", [1.1, 0.1, 0.1])
    assert (watch.is_open, ask.is_open, tweak.is_open) == (True, True, False)
    assert "reclaimed" not in all_of(tweak)
    course.predict("flip", 360)
    assert tweak.is_open


def test_show_me_opens_without_a_verdict(course: Lesson) -> None:
    watch, _, tweak = everything(course)
    course.show("wait")
    assert watch.is_open
    assert "verdict" not in repr(watch)
    assert "1.1 s" in repr(watch)
    course.show("flip")
    assert tweak.is_open
    assert not course.card("flip").verdict


def test_the_verdict_stands_beside_the_prediction(course: Lesson) -> None:
    watch, _, tweak = everything(course)
    course.predict("wait", [1.1, 0.1, 0.1])
    lines = repr(watch).splitlines()
    assert lines[:6] == [
        "Watch",
        "Your prediction, beside what happened",
        "request  you said     what happened  verdict",
        "R1       about 1.1 s  1.1 s          hit",
        "R2       about 0.1 s  0.1 s          hit",
        "R3       about 0.1 s  1.1 s          surprise",
    ]
    assert str(ran(0, 60, 600).table()) in repr(watch)
    assert course.card("wait").verdict["kind"] == "surprise"
    course.predict("flip", 360.1)
    assert "R3       360.1 s   360.1 s        hit" in repr(tweak)


def test_all_hit_asks_for_the_reason(course: Lesson) -> None:
    course.predict("wait", [1.1, 0.1, 1.1])
    assert "Can you say why" in repr(course.watch(ran(0, 60, 600)))


def test_a_prediction_after_the_run_and_one_before_it_come_to_the_same(course: Lesson) -> None:
    late = course.watch(ran(0, 60, 600))
    course.predict("wait", [0.1, 0.1, 0.1])
    early = course.watch(ran(0, 60, 600))
    assert repr(late) == repr(early)


def test_another_prediction_makes_the_stage_anew(course: Lesson) -> None:
    watch = course.watch(ran(0, 60, 600))
    course.predict("wait", [0.1, 0.1, 0.1])
    course.reset("wait")
    assert course.card("wait").undecided
    course.predict("wait", [1.1, 0.1, 1.1])
    assert "surprise" not in repr(watch)


def test_a_run_that_is_not_the_cards_gets_no_verdict(course: Lesson) -> None:
    course.predict("wait", [1.1, 0.1, 0.1])
    stage = course.watch(ran(0, 100))
    assert "requests at 0, 60, 600 s, here 0, 100 s" in repr(stage)
    assert not course.card("wait").verdict


def test_the_cursor_goes_to_the_event_that_refutes() -> None:
    course = lesson("00")
    lab = ran(0, 60, 600)
    course.watch(lab)
    course.predict("wait", [1.1, 0.1, 0.1])
    player: Any = lab.timeline().player
    assert player.now == pytest.approx(360.1)


def test_questions_jump_and_answer() -> None:
    course = lesson("00")
    lab = ran(0, 60, 600)
    course.watch(lab)
    stage = course.ask("why-r2-fast", "what-happened-after-r2")
    course.show("wait")
    panel: Any = stage.children[0]
    panel.press("0.2")
    player: Any = lab.timeline().player
    assert player.now == pytest.approx(60)
    panel.press("1.1")
    assert player.now == pytest.approx(360.1)
    assert "frozen" not in json.dumps(panel.blocks)
    panel.press("0.answer")
    assert "hello#1" in json.dumps(panel.blocks)
    assert "frozen" in json.dumps(panel.blocks)


def test_the_slider_runs_the_trial_again() -> None:
    course = lesson("00")
    course.predict("wait", [1.1, 0.1, 1.1])
    course.predict("flip", 360.0)
    panel: Any = course.tweak(trial, r3=600, low=61, high=700, step=0.1).children[0]
    row = dict.fromkeys((360.1, 360.100001, 360.2), "")
    for at in row:
        panel.value = at
        row[at] = next(block for block in panel.blocks if block["type"] == "table")["rows"][2][2]
    assert row == {360.1: "warm, 0.1 s", 360.100001: "cold, 1.1 s", 360.2: "cold, 1.1 s"}
    panel.press("mine")
    assert panel.value == 360.0
    panel.press("later")
    assert panel.value == 360.1


def test_show_me_on_a_closed_stage_gives_up_what_is_open() -> None:
    course = lesson("00")
    tweak = course.tweak(trial, r3=600, low=61, high=700, step=0.1)
    gate: Any = tweak.gate
    gate.press("show")
    assert tweak.is_open
    assert course.card("wait").shown
    assert course.card("flip").shown


def test_the_same_card_comes_back_in_one_session(course: Lesson) -> None:
    assert course.predict("wait") is course.predict("wait")


def test_without_widgets_the_card_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    card = lesson("00").predict("wait")
    assert "pip install 'fclab[lab]'" in repr(card)
    assert 'L.predict("wait", [0.1, 0.1, 0.1])' in repr(card)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda course: lesson("99"), "There is no lesson '99'"),
        (lambda course: lesson(cast("str", 0)), "two digits in quotes"),
        (lambda course: course.predict("when"), "has no predict 'when'"),
        (lambda course: course.ask("why"), "has no ask 'why'"),
        (lambda course: course.check("bride"), "has no exercise 'bride'"),
        (lambda course: course.hint("bridge", 4), "no hint 4"),
        (lambda course: course.watch(None), "run of a lab"),
        (lambda course: course.watch(hello()), "has not run anything"),
        (lambda course: course.tweak(trial, low=1, high=2, step=1), "moves one thing, not 0"),
        (lambda course: course.tweak(trial, r3=1, low=2, high=1, step=1), "from 2 to 1"),
    ],
)
def test_wrong_use_says_what_to_do(wrong: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        wrong(lesson("00"))


def test_reprs_are_short_and_stable() -> None:
    course = lesson("00")
    assert repr(course) == "Lesson 00: Three requests, one surprise (10 min)"
    assert repr(course.predict("wait")) == "Prediction(wait: How long will each of the three callers wait? [open])"
    assert repr(course.glossary()).startswith("cold start (冷启动): ")
    assert repr(course.poll("wait")).endswith("  A  about 0.1 s\n  B  about 1.1 s")
    assert "from 61 to 700 s" in course.poll("flip")
    assert repr(course.teacher()).startswith("Cell 1: Three requests, one surprise\n")
