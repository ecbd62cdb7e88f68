"""Every lesson, run in a fresh kernel and compared with its stored outputs; each file within the limits of a lesson."""

from __future__ import annotations

from pathlib import Path

import pytest

from fclab.commands import notebook
from fclab.commands.places import notebooks
from tests.meta.tree import ROOT

LESSONS = notebooks(ROOT / "lessons")


def test_there_are_lessons() -> None:
    assert [path for path in LESSONS if path.name.startswith("00")]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_outputs_are_what_is_stored(path: Path) -> None:
    code, output = notebook.strict(path)
    assert code == 0, output


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_file_keeps_the_rules(path: Path) -> None:
    assert notebook.faults(path) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_code_cell_was_run_in_order(path: Path) -> None:
    """A cell without a count would run and be compared with nothing."""
    counts = [cell["execution_count"] for cell in notebook.read(path)["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
