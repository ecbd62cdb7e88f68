"""The bars of cold starts: from virtual and from real runs, in words that never hold a measured time."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import pytest

from fclab import Lab, UsageError
from fclab.teach.bars import Bars
from fclab.teach.lesson import lesson
from fclab.teach.predict import Question
from fclab.teach.waterfall import spoken, waterfall
from tests.lessons.dissected import connect, hello, two_calls


def forked() -> Lab:
    lab = Lab()
    lab.declare("hello", duration=0.1, start="fork")
    lab.invoke("hello")
    return lab


def test_bars_are_the_words_of_a_virtual_run() -> None:
    found = lesson("06").bars(virtual=two_calls(), fork=forked())
    assert list(found) == ["virtual", "fork"]
    assert len(found) == 2
    assert found["fork"] == {"schedule": 0.1, "download": 0.3, "unpack": 0.15, "fork": 0.02, "run": 0.1}
    assert repr(found).splitlines()[0] == (
        "virtual  schedule 0.1 s, download 0.3 s, unpack 0.15 s, start 0.25 s, initialize 0.2 s, run 0.1 s"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="real processes need Linux")
def test_clause_2_no_measured_time_in_the_words() -> None:
    with Lab("process") as lab:
        lab.function(initializer=connect)(hello)
        lab.invoke("hello")
    found = Bars({"mine": lab})
    assert repr(found) == "mine  schedule, download, unpack, start, initialize, run (measured)"
    assert all(length > 0 for length in found["mine"].values())
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == repr(found)
    assert 'alt="mine  schedule, download, unpack, start, initialize, run (measured)"' in bundle["text/html"]
    assert "start " in found.svg()


def test_clause_1_the_quickest_cold_start_is_shown() -> None:
    lab = Lab()
    lab.declare("hello", duration=[0.3, 0.1, 0.2], idle_timeout=0)
    lab.invoke_at("hello", [0, 10, 20])
    lab.run()
    assert Bars({"one": lab})["one"]["run"] == 0.1


@pytest.mark.parametrize(("labs", "says"), [({}, "no lab to show"), ({"a": 3}, "not 3"), ({"a": Lab()}, "no cold start")])
def test_what_has_no_bars_says_so(labs: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Bars(labs)


@pytest.mark.parametrize(("length", "said"), [
    (0.15, "0.15 s"), (12.0, "12 s"), (0.018234, "18 ms"), (0.000207, "0.21 ms"), (0.009, "0.009 s"), (0.00912, "9.1 ms"),
    (0.0000812, "0.08 ms"), (0.503513, "504 ms"), (0.9999, "1.00 s"), (2.345678, "2.35 s"),
])  # fmt: skip
def test_lengths_as_people_say_them(length: float, said: str) -> None:
    assert spoken(length) == said


def test_a_waterfall_is_one_axis_for_all_rows() -> None:
    picture = ElementTree.fromstring(waterfall({"long": [("run", 2.0)], "short": [("schedule", 0.5), ("run", 0.5)]}, "both"))
    widths = [float(node.get("width", "0")) for node in picture.iter("{http://www.w3.org/2000/svg}rect") if node.get("fill") == "#0072b2"]
    assert widths[0] == pytest.approx(4 * widths[2], abs=1)


def test_an_example_is_an_answer() -> None:
    for number in ("00", "06"):
        course = lesson(number)
        for name in course.part("predict"):
            question = course.question(name)
            assert question.example.startswith(f'L.predict("{name}", ')
            eval(question.example, {"L": course})
            assert course.card(name).committed


def test_a_wrong_order_says_a_whole_one() -> None:
    told: dict[str, object] = {"kind": "order", "question": "?", "options": ["a", "b"], "reads": "bars"}
    with pytest.raises(UsageError, match=r"L\.predict\(\"o\", \['a', 'b'\]\)"):
        Question("o", told).value(["a"])
