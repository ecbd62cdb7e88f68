"""Every lesson, run in a fresh kernel and compared with its stored outputs; each file within the limits of a lesson."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from nbconvert import HTMLExporter

from fclab.commands import notebook
from fclab.commands.places import notebooks
from tests.meta.tree import ROOT

LESSONS = notebooks(ROOT / "lessons")

SECONDS = {"00": 12}
"""What a lesson may take from the start of its kernel to the last comparison, on a busy machine."""

MOST_SECONDS = 60


def test_there_are_lessons() -> None:
    assert [path for path in LESSONS if path.name.startswith("00")]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_outputs_are_what_is_stored(path: Path) -> None:
    start = time.perf_counter()
    code, output = notebook.strict(path)
    took = time.perf_counter() - start
    assert code == 0, output
    assert took < SECONDS.get(path.name[:2], MOST_SECONDS), "a lesson that is run from the top must not make anybody wait"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_reader_without_a_kernel_sees_the_pictures(path: Path) -> None:
    """As a page: every picture of an output is whole, every picture of the text is there, and nothing waits for a live view."""
    page, _ = HTMLExporter(template_name="basic").from_filename(str(path))  # type: ignore[no-untyped-call]
    sources = re.findall(r'<img[^>]*?src="([^"]+)"', page)
    data = [base64.b64decode(source.partition("base64,")[2]) for source in sources if source.startswith("data:")]
    assert all(ElementTree.fromstring(picture).tag.endswith("svg") for picture in data)
    cells = notebook.read(path)["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    assert len(data) == sum("".join(found.get("text/html", "")).count("<img") for found in outputs) > 0
    named = [source for source in sources if not source.startswith("data:")]
    assert named, "the scene and the summary are drawn"
    assert all((path.parent / source).is_file() for source in named)
    assert "widget-view" not in page
    assert "model_id" not in page


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_file_keeps_the_rules(path: Path) -> None:
    assert notebook.faults(path) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_code_cell_was_run_in_order(path: Path) -> None:
    """A cell without a count would run and be compared with nothing."""
    counts = [cell["execution_count"] for cell in notebook.read(path)["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
