"""Plain text as the value of a cell: its lines stay whole in a notebook, and nothing in it is markup."""

from __future__ import annotations

import re

from fclab.grid import Text, html_text
from fclab.teach.lesson import lesson
from tests.lessons.scenes import ran


def shown(text: Text) -> str:
    """What a page shows of it."""
    found = re.fullmatch(r'<pre style="([^"]*)">(.*)</pre>', text._repr_html_(), re.DOTALL)
    assert found
    assert {"white-space:pre", "overflow-x:auto"} <= set(found[1].split(";"))
    return found[2]


def test_lines_stay_whole_and_scroll() -> None:
    text = Text("a  b\n" + "x" * 300)
    assert shown(text) == repr(text) == str(text)


def test_it_is_never_markup() -> None:
    assert html_text('<b>&"</b>').endswith("&lt;b&gt;&amp;&quot;&lt;/b&gt;</pre>")


def test_what_a_lab_and_a_lesson_print_is_such_text() -> None:
    lab, course = ran(0, 60), lesson("00")
    assert shown(lab.table()) == str(lab.table())
    for text in (course.hint("bridge"), course.glossary(), course.teacher(), course.solution("bridge"), course.poll("wait")):
        assert isinstance(text, Text)
        assert shown(text)
