"""Predictions: answers come from runs, verdicts from the distance, words from the texts."""

from __future__ import annotations

import pytest

from fclab import UsageError
from fclab.teach.lesson import lesson
from fclab.teach.predict import Line, Question, judge, overall
from tests.lessons.scenes import ran, three


def wait() -> Question:
    return lesson("00").question("wait")


def flip() -> Question:
    return lesson("00").question("flip")


def moods(lines: list[Line]) -> list[str | None]:
    return [line.mood for line in lines]


@pytest.mark.parametrize("guess", [[1.1, 0.1, 1.1], ["about 1.1 s", "about 0.1 s", "about 1.1 s"], (1.1, 0.1, 1.1)])
def test_a_guess_may_be_amounts_or_options(guess: object) -> None:
    assert wait().value(guess) == [1, 0, 1]


@pytest.mark.parametrize("guess", [None, 1.1, [1.1, 0.1], [1.1, 0.1, 5], ["soon", "soon", "soon"], [True, False, True], "about 1.1 s"])
def test_a_guess_that_is_none_says_what_would_be_one(guess: object) -> None:
    with pytest.raises(UsageError, match=r'L\.predict\("wait", \[0\.1, 0\.1, 0\.1\]\)'):
        wait().value(guess)


@pytest.mark.parametrize("guess", [None, "soon", 60.9, 700.1, True, [360.1]])
def test_a_mark_outside_says_the_range(guess: object) -> None:
    with pytest.raises(UsageError, match="from 61 to 700 s"):
        flip().value(guess)


def test_single_multiple_and_order_guesses() -> None:
    told: dict[str, object] = {"kind": "choice", "question": "Which?", "options": ["a", "b", "c"], "reads": "latencies"}
    assert Question("one", told).value("b") == 1
    assert Question("many", {**told, "multiple": True}).value(["c", "a"]) == [2, 0]
    assert Question("order", {**told, "kind": "order"}).value(["c", "a", "b"]) == [2, 0, 1]
    for wrong in (["c", "a"], ["a", "a", "b"]):
        with pytest.raises(UsageError):
            Question("order", {**told, "kind": "order"}).value(wrong)


def test_the_surprise_of_lesson_00() -> None:
    lines = judge(wait(), [1, 0, 0], three())
    assert moods(lines) == ["hit", "hit", "surprise"]
    assert overall(lines) == "surprise"
    assert [line.happened for line in lines] == ["1.1 s", "0.1 s", "1.1 s"]
    assert lines[2].event is not None
    assert (lines[2].event.kind, lines[2].event.time) == ("InstanceReclaimed", 360.1)
    assert "was reclaimed at 360.1 s" in lines[2].because


def test_each_wrong_line_has_its_own_reason_and_event() -> None:
    lines = judge(wait(), [0, 1, 0], three())
    assert [line.event.kind for line in lines if line.event] == ["InstanceCreated", "InstanceAssigned", "InstanceReclaimed"]
    assert len({line.because for line in lines}) == 3


def test_show_me_gives_no_mood() -> None:
    assert moods(judge(wait(), None, three())) == [None, None, None]
    assert moods(judge(flip(), None, three())) == [None]
    assert overall(judge(wait(), None, three())) is None


@pytest.mark.parametrize(
    ("guess", "mood", "word"),
    [
        (360.1, "hit", "counts as warm"),
        (360.0, "close", "arrived"),
        (360.2, "close", "too late"),
        (361.0, "close", "window of 300 s"),
        (301.1, "surprise", "end of R1"),
        (300.0, "surprise", "counted from 0 s"),
        (600.0, "surprise", "window of 300 s"),
    ],
)
def test_the_flip_and_its_traps(guess: float, mood: str, word: str) -> None:
    (line,) = judge(flip(), guess, three())
    assert (line.mood, line.happened) == (mood, "360.1 s")
    assert word in line.because
    assert line.event is not None
    assert (line.event.kind, line.event.time) == ("InstanceReleased", 60.1)


def test_the_answer_follows_the_run_not_the_text() -> None:
    """Move R2, and the same question has another answer."""
    (line,) = judge(flip(), 400.1, three((0, 100, 600)))
    assert (line.mood, line.happened) == ("hit", "400.1 s")


def test_a_run_too_short_for_the_question() -> None:
    with pytest.raises(UsageError, match="two requests"):
        judge(flip(), 100.0, three(ran(0)))


def test_why_names_a_busy_instance() -> None:
    why, event, facts = three((0, 0.5)).why(2)
    assert (why, facts["other"], facts["boot"]) == ("busy", "hello#1", 1.0)
    assert event is not None
    assert (event.kind, event.time) == ("InstanceCreated", 0.5)
