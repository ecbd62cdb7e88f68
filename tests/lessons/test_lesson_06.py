"""Lesson 06: every number that its texts tell is computed again from a run, every statement holds, every exercise answer is tried."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from fclab import BootProfile, Lab
from fclab.teach.answers import bars
from fclab.teach.checks import Run, read
from fclab.teach.lesson import Lesson, lesson
from fclab.teach.predict import READERS, judge
from fclab.teach.texts import strings, tables
from fclab.teach.waterfall import loose, waterfall
from tests.lessons.dissected import sized, two_calls
from tests.meta.tree import ROOT

LESSONS = ROOT / "lessons"
NOTEBOOK = json.loads((LESSONS / "06-a-cold-start.ipynb").read_text("utf-8"))
SOURCES = ["".join(cell["source"]) for cell in NOTEBOOK["cells"]]
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
OUTPUTS = json.dumps([cell["outputs"] for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"])
LENGTHS = {"schedule": 0.1, "download": 0.3, "unpack": 0.15, "start": 0.25, "initialize": 0.2, "run": 0.1}


def run_of(lab: Lab) -> Run:
    run = read(lab)
    assert run is not None
    return run


# ---- the syllabus' numbers


def test_six_bars_in_order() -> None:
    found = bars(run_of(two_calls()), 1)
    assert {bar: length for bar, length, _ in found} == LENGTHS
    assert [bar for bar, _, _ in found] == list(LENGTHS)
    assert [bar for bar, _, _ in bars(run_of(two_calls()), 2)] == ["run"]


def test_200_mb_take_18_65_s() -> None:
    assert sized(200).requests[0].latency == 18.65
    (answer,) = READERS["grown"](sized(200))
    assert answer.value == 18.65
    assert answer.traps == pytest.approx({"all_grow": 44.0, "only_download": 12.8})


@pytest.mark.parametrize(("guess", "mood", "says"), [
    (18.65, "hit", "download to 12 s and unpack to 6 s"), (17, "close", "others stay at 0.65 s"), (44, "surprise", "**all** bars"),
    (12.8, "surprise", "only the download"), (30, "surprise", "Two bars grow"),
])  # fmt: skip
def test_the_bets_on_200_mb(guess: float, mood: str, says: str) -> None:
    (line,) = judge(lesson("06").question("grow"), guess, sized(200))
    assert line.mood == mood
    assert says in line.because


@pytest.mark.parametrize(("order", "mood", "about"), [
    (["schedule", "download", "unpack", "start", "initialize", "run"], "hit", "schedule"),
    (["schedule", "download", "start", "unpack", "initialize", "run"], "close", "unpack"),
    (["start", "schedule", "download", "unpack", "initialize", "run"], "surprise", "schedule"),
])  # fmt: skip
def test_the_bets_on_the_order(order: list[str], mood: str, about: str) -> None:
    question = lesson("06").question("order")
    (line,) = judge(question, question.value([question.options[question.bars.index(bar)] for bar in order]), run_of(two_calls()))
    assert (line.mood, line.said, line.happened) == (mood, ", ".join(order), ", ".join(LENGTHS))
    assert f"**{about}** is over" in line.because
    assert line.event is not None


def test_the_bets_on_the_lengths() -> None:
    question = lesson("06").question("sizes")
    run = run_of(two_calls())
    right = judge(question, question.value([LENGTHS[bar] for bar in question.bars]), run)
    assert [(line.label, line.mood) for line in right] == [(bar, "hit") for bar in question.bars]
    assert [line.mood for line in judge(question, [0] * 6, run)] == ["close", "hit", "surprise", "surprise", "hit", "surprise"]
    assert [line.mood for line in judge(question, None, run)] == [None] * 6


def test_every_bar_is_explained_and_the_card_gives_no_order_away() -> None:
    for name in ("order", "sizes"):
        question = lesson("06").question(name)
        assert set(question.bars) == set(question.why) == set(LENGTHS)
        assert [option.split()[0].rstrip(":") for option in (question.rows or question.options)] == question.bars
        assert not any(first == second for first, second in zip(question.bars, LENGTHS, strict=True)), "none stands in its place"
    told = json.dumps(lesson("06").told["predict"])
    assert not re.search(r"18\.65|\b12 s|\b6 s", told)


# ---- the statements of the article


def assigned(run: Run) -> None:
    event = run.find("InstanceAssigned", request=1)
    assert event is not None
    assert event.instance == "hello#1"


def four_phases(run: Run) -> None:
    phases = ["InstanceScheduled", "CodeDownloaded", "CodeUnpacked", "RuntimeStarted"]
    assert [event.kind for event in run.events if event.kind in phases] == phases


def initializer_then_handler(run: Run) -> None:
    kinds = [event.kind for event in run.events]
    assert kinds.index("RuntimeStarted") < kinds.index("InstanceInitialized") < kinds.index("ExecutionStarted")


def platform_part(run: Run) -> None:
    started, begun = run.find("RuntimeStarted"), run.find("ExecutionStarted")
    assert started is not None
    assert begun is not None
    assert (started.time, begun.time) == (0.8, 1.0)


def avoided_and_cut(run: Run) -> None:
    assert run.requests[1].latency == 0.1
    assert sized(1).requests[0].latency == 0.74


CLAIMS: dict[str, Callable[[Run], None]] = {
    "E1": assigned, "E2": four_phases, "E3": initializer_then_handler, "E4": platform_part, "E9": avoided_and_cut,
}  # fmt: skip


def test_the_lesson_claims_its_statements() -> None:
    assert lesson("06").told["statements"] == sorted(CLAIMS)
    assert all(name in SOURCES[-1] for name in CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_statement_holds(name: str) -> None:
    CLAIMS[name](run_of(two_calls()))


# ---- the notebook


def test_one_argument_makes_it_real() -> None:
    (simulated,) = [code for code in CODE if code.startswith("lab = ")]
    (measured,) = [code for code in CODE if code.startswith("real = ")]
    assert simulated.splitlines()[0].removeprefix("lab") == measured.splitlines()[0].removeprefix("real").replace('"process"', "")


def test_nothing_measured_is_stored_as_text() -> None:
    """A picture may hold it: pictures are not compared."""
    for name in ("real", "bars", "size", "warm", "forked"):
        (cell,) = [cell for cell in NOTEBOOK["cells"] if cell["id"] == name]
        words = re.sub(r"base64,[\w+/=]+", "", json.dumps(cell["outputs"]))
        words = re.sub(r"virtual  schedule [^<>]*?run 0\.1 s", "", words.replace("&#x27;", ""))
        assert not re.search(r"\d+(\.\d+)? ?(s|ms)\b", words), name


def test_no_outcome_is_stored_or_told_before_the_run() -> None:
    assert not re.search(r"18\.65|0\.64\b", "".join(SOURCES[:-1]) + re.sub(r"base64,[\w+/=]+", "", OUTPUTS))
    assert "What happened stays hidden" in OUTPUTS


def test_the_starter_is_the_cell_and_the_solution_passes() -> None:
    assert lesson("06").reset("trim") == CODE[-1]
    assert played(CODE[-1]).outcome == "not attempted yet"
    assert played(lesson("06").solution("trim")).outcome == "passed"
    assert "R1 waits 0.64 s" in repr(played(lesson("06").solution("trim")))


def test_every_id_that_the_notebook_uses_exists_and_none_is_left_over() -> None:
    course = lesson("06")
    code = "\n".join(CODE)
    assert set(re.findall(r'predict\("([^"]+)"', code)) == set(course.part("predict"))
    assert set(re.findall(r'"([^"]+)"', next(line for line in CODE if line.startswith("L.ask")))) == set(course.part("ask"))
    assert set(re.findall(r'check\("([^"]+)"', code)) == set(course.part("exercise")) == set(course.exercises)
    assert set(re.findall(r"tweak\(trial, (\w+)=", code)) == set(course.part("tweak"))


def test_every_jump_finds_its_event_and_every_answer_its_facts() -> None:
    course = lesson("06")
    lab = two_calls()
    course.predict("order", [4, 2, 0, 5, 3, 1])
    course.predict("sizes", [0.1] * 6)
    course.watch(lab)
    for name in course.part("ask"):
        told = course.named("ask", name)
        assert set(strings(told["needs"])) <= set(course.part("predict"))
        for jump in tables(told["jumps"]):
            request = jump.get("request", 0)
            assert isinstance(request, int)
            assert run_of(lab).find(str(jump["kind"]), request=request), jump
    stage = course.ask(*course.part("ask"))
    panel: Any = stage.children[0]
    panel.press("0.answer")
    panel.press("1.answer")
    said = json.dumps(panel.blocks)
    assert all(text in said for text in ("Up to 0.8 s the platform works", "R1 waits 1.1 s", "it waited 0.1 s, the handler alone"))


def test_glossary_words_stand_in_the_notebook_with_their_chinese() -> None:
    text = "\n".join(SOURCES)
    for term in tables(lesson("06").told["term"]):
        assert all(part in text for part in re.split("、", str(term["zh"]))), term["en"]


def test_the_pictures_are_what_the_lesson_draws() -> None:
    assert (LESSONS / "img" / "06-scene.svg").read_text("utf-8") == loose(lesson("06").question("order").bars) + "\n"
    rows = {f"{mb} MB": [(bar, length) for bar, length, _ in bars(sized(mb), 1)] for mb in (5, 1)}
    assert (LESSONS / "img" / "06-run.svg").read_text("utf-8") == waterfall(rows, "R1 with 5 MB and with 1 MB, bar by bar") + "\n"


def trial(mb: float) -> Lab:
    lab = Lab()
    lab.declare("hello", duration=0.1, boot=None, code_mb=mb)
    lab.invoke("hello")
    return lab


def open_all(bet: float) -> Lesson:
    course = lesson("06")
    course.predict("order", [4, 2, 0, 5, 3, 1])
    course.predict("sizes", [0.1] * 6)
    course.predict("grow", bet)
    return course


def test_the_slider_stays_closed_until_all_three_bets_and_then_goes_to_the_size_asked_about() -> None:
    course = lesson("06")
    stage = course.tweak(trial, mb=5, low=5, high=200, step=5)
    course.predict("grow", 44)
    assert not stage.is_open
    course = open_all(44)
    stage = course.tweak(trial, mb=5, low=5, high=200, step=5)
    assert stage.is_open
    panel: Any = stage.children[0]
    (button,) = panel.blocks[-1]["items"]
    assert button["label"] == "Go to 200 MB"
    panel.press("judged")
    assert panel.value == 200
    table = next(block for block in panel.blocks if block["type"] == "table")
    assert table["head"] == ["bar", "this run", "first run (5 MB)"]
    assert ["download", "12 s", "0.3 s"] in table["rows"]
    assert course.card("grow").verdict["kind"] == "surprise"


# ---- the exercise


def played(source: str) -> Any:
    """What `check` says after these lines of a learner's."""
    space: dict[str, Any] = {"L": lesson("06"), "Lab": Lab, "BootProfile": BootProfile, "time": time}
    exec(source.replace('L.check("trim", mine)', 'found = L.check("trim", mine)'), space)
    return space["found"]


STARTER = str(lesson("06").named("exercise", "trim")["starter"])
SOLUTION = str(lesson("06").named("exercise", "trim")["solution"])
WORK = "    time.sleep(0.10)\n    return f"
LAZY = SOLUTION.replace("initializer=connect, ", "").replace(WORK, f"    if 'database' not in globals():\n        connect(context)\n{WORK}")

WRONG: dict[str, tuple[str, str, str]] = {
    "package alone": (STARTER.replace("code_mb=5", "code_mb=1"), "0.2 s go into opening connections", "ExecutionEnded, R1"),
    "one connection alone": (
        STARTER.replace('open_to("mail")', 'None'), "0.45 s go into moving the package of 5 MB",
        "CodeDownloaded, R1",
    ),
    "both in the initializer": (
        SOLUTION.replace('open_to("database")  ', 'open_to("database"); open_to("mail")  '),
        "0.2 s go into opening", "InstanceInitialized, order#1",
    ),
    "initializer, but 5 MB": (SOLUTION.replace("code_mb=1", "code_mb=5"), "package of 5 MB", "CodeDownloaded, R1"),
    "in every call": (
        STARTER.replace('open_to("mail")', 'None').replace("code_mb=5", "code_mb=1"),
        "R2 met a ready instance and still waited 0.2 s", "ExecutionEnded, R2",
    ),
    "no connection": (SOLUTION.replace('open_to("database") ', '"database" '), "Nobody opens a connection", "ExecutionStarted, R1"),
    "no work": (SOLUTION.replace(WORK, "    return f"), "R1 came back before the work", "ExecutionEnded, R1"),
    "no code": (SOLUTION.replace("code_mb=1", "code_mb=0.5"), "a package of 0.5 MB cannot hold it", "FunctionDeclared"),
    "reserved": (SOLUTION.replace("code_mb=1", "code_mb=1, reserved=1"), "reserved instances", ""),
    "a faster platform": (SOLUTION.replace("Lab()", 'Lab(profile="instant")'), "the platform's own schedule", "FunctionDeclared"),
    "forked": (SOLUTION.replace("code_mb=1", 'code_mb=1, start="fork"'), "the platform's own start", "FunctionDeclared"),
    "one more": (SOLUTION.replace("[0, 60, 61]", "[0, 60, 61, 62]"), "this run has 4", "RequestAccepted, R4"),
    "fails": (SOLUTION.replace("{database}", "{mail}"), 'R1 failed: print(mine.invoke("order").text) shows how', "ExecutionEnded, R1"),
    "no lab": ('mine = 5\nL.check("trim", mine)\n', "a value of type int has none", ""),
}  # fmt: skip


@pytest.mark.parametrize(("source", "reason", "event"), WRONG.values(), ids=WRONG)
def test_wrong_answers_get_one_reason_and_the_event(source: str, reason: str, event: str) -> None:
    found = played(source)
    assert found.outcome == "not yet"
    assert reason in found.reason
    assert event in repr(found)


def test_different_mistakes_get_different_messages() -> None:
    reasons = [played(source).reason for source, _, _ in WRONG.values()]
    assert len({re.sub(r"[\d.]+", "", reason) for reason in reasons}) >= len(WRONG) - 4


@pytest.mark.parametrize("source", [SOLUTION, SOLUTION.replace("code_mb=1", "code_mb=1.1"), LAZY], ids=["solution", "1.1 MB", "lazy"])
def test_right_answers_pass(source: str) -> None:
    found = played(source)
    assert found.outcome == "passed", found
    assert len(found.checked) == 8


@pytest.mark.parametrize("given", [None, ..., Lab])
def test_not_attempted(given: Any) -> None:
    found = lesson("06").check("trim", given() if given is Lab else given)
    assert found.outcome == "not attempted yet"
