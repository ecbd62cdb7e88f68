"""Every number that a lesson's texts, answers and pictures tell is computed again from a run; every statement is claimed and holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from fclab import Lab
from fclab.teach.checks import Run
from fclab.teach.lesson import lesson
from fclab.teach.picture import scene, windows
from fclab.teach.predict import READERS, judge
from fclab.teach.texts import strings, tables
from tests.lessons.scenes import ran, three
from tests.meta.tree import ROOT

LESSONS = ROOT / "lessons"
NOTEBOOK = json.loads((LESSONS / "00-three-requests.ipynb").read_text("utf-8"))
SOURCES = ["".join(cell["source"]) for cell in NOTEBOOK["cells"]]
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


# ---- the syllabus' numbers


def test_wait_is_1_1_then_0_1_then_1_1() -> None:
    assert [seen.latency for seen in three().requests] == [1.1, 0.1, 1.1]


def test_flip_is_at_360_1_and_the_tie_is_warm() -> None:
    (answer,) = READERS["last_warm"](three())
    assert answer.value == 360.1
    assert [three((0, 60, at)).requests[-1].cold for at in (360.0, 360.1, 360.100001, 360.2)] == [False, False, True, True]


def test_the_bridge_is_from_299_9_to_301_1() -> None:
    def both_warm(r2: float) -> bool:
        return not any(seen.cold for seen in three((0, r2, 600)).requests[1:])

    assert both_warm(299.9)
    assert both_warm(301.1)
    assert not both_warm(299.899999)
    assert not both_warm(301.100001)


def test_the_reason_beside_the_solution_is_the_runs() -> None:
    """The times that `L.solution("bridge")` explains itself with."""
    run = three((0, 300, 600))
    releases = [run.find("InstanceReleased", request=number) for number in (1, 2)]
    times = [(release.time, release.fields["expires"]) for release in releases if release]
    assert times == [(1.1, 301.1), (300.1, 600.1)]
    told = str(lesson("00").named("exercise", "bridge")["why"])
    assert all(f"{at} s" in " ".join(told.split()) for pair in times for at in pair)


@pytest.mark.parametrize("name", ["wait", "flip"])
def test_every_prediction_has_an_answer_that_can_be_given(name: str) -> None:
    course = lesson("00")
    question = course.question(name)
    for answer in READERS[question.reads](three()):
        assert answer.why in question.why
        assert answer.event is not None
        if question.kind == "mark":
            assert question.low <= answer.value <= question.high
            assert set(question.traps) <= set(answer.traps), "every trap's number comes from the run"
        else:
            assert min(abs(answer.value - amount) for amount in question.amounts) < 0.05
    right = [1, 0, 1] if name == "wait" else 360.1
    assert {line.mood for line in judge(question, right, three())} == {"hit"}


def test_no_answer_is_stored_in_the_texts_of_predictions() -> None:
    told = lesson("00").told["predict"]
    assert "360" not in json.dumps(told).replace("600", "")
    assert not re.search(r'"(answer|right|correct)"', json.dumps(told))


# ---- the statements of the article


def first_call(run: Run) -> None:
    phases = ["InstanceCreated", "InstanceScheduled", "CodeDownloaded", "CodeUnpacked", "RuntimeStarted"]
    assert [event.kind for event in run.events if event.kind in phases and event.instance == "hello#1"] == phases


def initializer_then_handler(run: Run) -> None:
    events = [event.kind for event in run.events if event.instance == "hello#1"]
    assert events.index("RuntimeStarted") < events.index("InstanceInitialized") < events.index("ExecutionStarted")


def platform_part(run: Run) -> None:
    created, started = run.find("InstanceCreated", request=1), run.find("RuntimeStarted", instance="hello#1")
    assert created
    assert started
    assert (created.time, started.time) == (0, 0.8)
    assert run.boot(1) == 1.0


def kept(run: Run) -> None:
    release = run.find("InstanceReleased", request=1)
    assert release is not None
    assert (release.time, release.fields["expires"]) == (1.1, 301.1)


def reused(run: Run) -> None:
    assert (run.requests[1].instance, run.requests[1].cold) == ("hello#1", False)


def reclaimed(run: Run) -> None:
    gone = run.find("InstanceReclaimed", instance="hello#1")
    assert gone is not None
    assert gone.time == 360.1


def cold_again(run: Run) -> None:
    assert (run.requests[2].instance, run.requests[2].cold) == ("hello#2", True)


CLAIMS: dict[str, Callable[[Run], None]] = {
    "E2": first_call, "E3": initializer_then_handler, "E4": platform_part, "E5": kept, "E6": reused, "E7": reclaimed, "E8": cold_again,
}  # fmt: skip


def test_the_lesson_claims_its_statements() -> None:
    assert lesson("00").told["statements"] == sorted(CLAIMS)
    assert "statements E2 to E8" in SOURCES[0]
    assert all(name in SOURCES[-1] for name in CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_statement_holds(name: str) -> None:
    CLAIMS[name](three())


# ---- the notebook


def test_the_code_cells_are_the_syllabus() -> None:
    begins = [
        "from fclab import Lab", "import time", 'L.predict("wait")', "lab = lab.fresh()", "L.watch(lab)", "L.ask(", 'L.predict("flip")',
        "def trial(r3):", "mine = lab.fresh()",
    ]  # fmt: skip
    assert [code[: len(begin)] for code, begin in zip(CODE, begins, strict=True)] == begins
    assert CODE[3].endswith('print("3 requests answered")')
    assert "L.tweak(trial, r3=600, low=61, high=700, step=0.1)" in CODE[7]
    assert CODE[-1].endswith('L.check("bridge", mine)')


def test_the_starter_is_the_cell() -> None:
    assert lesson("00").reset("bridge") == CODE[-1]


def test_no_outcome_stands_in_the_first_screen_or_in_the_run_cell() -> None:
    assert not re.search(r"360|reclaim|1\.1", SOURCES[0] + CODE[2] + CODE[3])
    assert not [source for source in SOURCES[:-1] if "360" in source], "the second answer comes with the summary"
    outputs = [output for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert "360.1" not in json.dumps(outputs), "the stored outputs were made with no prediction"


def test_every_id_that_the_notebook_uses_exists_and_none_is_left_over() -> None:
    course = lesson("00")
    code = "\n".join(CODE)
    assert set(re.findall(r'predict\("([^"]+)"', code)) == set(course.part("predict"))
    assert set(re.findall(r'"([^"]+)"', next(line for line in CODE if line.startswith("L.ask")))) == set(course.part("ask"))
    assert set(re.findall(r'check\("([^"]+)"', code)) == set(course.part("exercise")) == set(course.exercises)
    assert set(re.findall(r"tweak\(trial, (\w+)=", code)) == set(course.part("tweak"))


def test_every_jump_of_a_question_finds_its_event() -> None:
    run = three()
    for name in lesson("00").part("ask"):
        told = lesson("00").named("ask", name)
        assert set(strings(told["needs"])) <= set(lesson("00").part("predict"))
        for jump in tables(told["jumps"]):
            request = jump.get("request", 0)
            assert isinstance(request, int)
            assert run.find(str(jump["kind"]), request=request), jump


def test_glossary_words_stand_in_the_notebook_with_their_chinese() -> None:
    text = "\n".join(SOURCES)
    for term in tables(lesson("00").told["term"]):
        assert all(part in text for part in re.split("、", str(term["zh"]))), term["en"]


def test_the_pictures_are_what_the_lesson_draws() -> None:
    assert (LESSONS / "img" / "00-scene.svg").read_text("utf-8") == scene([0, 60, 600]) + "\n"
    assert (LESSONS / "img" / "00-run.svg").read_text("utf-8") == windows(three(), 660) + "\n"
    assert "360" not in scene([0, 60, 600])


def test_the_same_run_gives_the_same_words_everywhere() -> None:
    def told(lab: Lab) -> str:
        course = lesson("00")
        course.predict("wait", [0.1, 0.1, 0.1])
        return repr(course.watch(lab))

    assert told(ran(0, 60, 600)) == told(ran(0, 60, 600))
