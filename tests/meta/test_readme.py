"""The README and the design page tell the truth: promises name tests that exist, the names are the ones the package exports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fclab
from fclab.cli import main
from fclab.observe import events
from tests.meta.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below the heading `title`, up to the next one of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {title!r}"
    return found[1]


def test_all_names_are_documented() -> None:
    """`from fclab import *` gives exactly the names of the README's list, and the events, each with a sentence of its own."""
    rows = "\n".join(row for row in section("Names").splitlines() if row.startswith("| `"))
    listed = {name for name in re.findall(r"`(\w+)`", rows) if name[0].isupper() or name in fclab.__all__} - {"Exception"}
    assert listed == set(fclab.__all__) - set(events.__all__)
    assert [name for name in events.__all__ if name != "EVENT_TYPES" and not getattr(events, name).__doc__] == []


def test_every_promise_has_its_test_or_says_so() -> None:
    rows = [row for row in section("Promises").splitlines() if row.startswith("| ") and not row.startswith(("| Promise", "|---"))]
    assert len(rows) >= 10
    for row in rows:
        check = row.split("|")[3]
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", check)
        assert named or "not tested yet" in check, row
        for path, test in named:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert not test or re.search(rf"^\s*(async )?def {test}\b", text, re.MULTILINE), f"{path} has no {test}"


def test_every_path_named_exists() -> None:
    pages = README + (ROOT / "fclab/DESIGN.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[`(]((?:fclab|widgets|lessons|tests|\.ci)/[\w./-]+?)(?:::\w+)?[`)]", pages))
    assert not sorted(path for path in named if not (ROOT / path).exists())


def test_the_picture_is_what_fclab_draws(tmp_path: Path) -> None:
    """Made by: fclab run lessons/data/three-requests.toml --record rec.json; fclab export rec.json lessons/data/three-requests.svg."""
    picture = ROOT / "lessons/data/three-requests.svg"
    assert f"]({picture.relative_to(ROOT)})" in README
    assert main(["run", str(picture.with_suffix(".toml")), "--record", str(tmp_path / "rec.json")]) == 0
    assert main(["export", str(tmp_path / "rec.json"), str(tmp_path / "now.svg")]) == 0
    assert (tmp_path / "now.svg").read_text(encoding="utf-8") == picture.read_text(encoding="utf-8")


def test_the_two_lines_are_there() -> None:
    lines = section("Two lines")
    assert re.search(r"-m venv .* && .*\bfclab lab$", lines, re.MULTILINE)
    assert re.search(r"-m venv .* && .*\bpytest$", lines, re.MULTILINE)


def test_what_calls_a_function_runs_as_it_stands() -> None:
    """The example can be pasted: it imports what it uses, and the upload leads to the small picture and the table's row."""
    (code,) = re.findall(r"```python\n(.*?)```", section("What calls a function"), re.DOTALL)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, "README.md", "exec"), space)
    lab = space["lab"]
    assert lab.tables.get_row("sizes", {"photo": "in/a.jpg"})["columns"]["bytes"] == len(lab.objects.get("photos", "out/a.jpg"))
    assert {"source objects photos", "queue", "thumbnail#1", "source tables sizes"} <= set(lab.recording.chain(1))
