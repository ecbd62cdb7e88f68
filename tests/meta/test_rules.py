"""House rules that a machine can check: no wall clock, no heavy import at the top, short modules, documented names, clean words."""

from __future__ import annotations

import ast
import importlib
import inspect
import re

import pytest

from tests.meta.tree import ROOT, SOURCES, dotted, files, imports, modules, tree

WALL_CLOCK: dict[str, str] = {
    "fclab/wall_clock.py": "real time comes from here",
    "fclab/controls/progress.py": "a bar is shown when a wait in real time has become a long one",
    "fclab/controls/pace.py": "lab.play paces virtual time against the wall clock",
    "fclab/packages/store.py": "a download with a bandwidth limit waits real seconds, on a thread of its own",
    "fclab/backends/process/surroundings.py": "tells instances where lab time 0 is on the machine's clock",
    "fclab/backends/process/inside/context.py": "a handler in a process waits and logs in real time",
    "fclab/backends/process/inside/instance.py": "it runs in real time, and measures whether a run was long enough to use memory",
    "fclab/controls/feeds.py": "views are shown what is new at the pace of people and browsers, whatever lab time does",
    "fclab/server/intake.py": "clients are out there, in real time: ids of answers tell when they were given",
    "fclab/server/oss/face.py": "as in fc3: a signature's date is compared with the time of day",
    "fclab/server/tickets.py": "addresses of code are good for an hour of real time",
    "fclab/server/fc3/face.py": "a signature's date is compared with the time of day",
    "fclab/idempotency.py": "it runs inside handlers, where Python's time functions tell lab time or, in processes, the time of day",
    "fclab/backends/virtual/guard.py": "the guard counts real seconds of a handler that never waits",
    "fclab/backends/virtual/handler_time.py": "inside handlers Python's time functions tell lab time: it replaces them there",
}
"""Who may read or wait on real time, and why."""

TELLS_TIME = {"time", "sched", "asyncio.sleep", "asyncio.wait_for", "threading.Timer"}

READS_OR_WAITS = {"sleep", "utcnow", "today", "monotonic", "perf_counter"}

LONG: dict[str, str] = {}
"""Modules that may pass 300 lines, each with its reason."""

MOST_LINES = 300
MOST_TEST_LINES = 400
"""Tests are read one at a time, and share a kit a file; they may be a third longer."""

SLOW = {"networkx", "ipywidgets", "anywidget", "IPython"}
NOT_AT_THE_TOP = {"numpy", "threading", "greenlet", "multiprocessing", "concurrent", "asyncio"} | SLOW
"""Python in the browser has no threads, no numpy and no greenlets; the others would make `import fclab` slow."""

LAZY: dict[str, str] = {
    "fclab/backends/virtual/greenlets.py": "imported by the virtual backend when the first plain handler runs, and nowhere else",
    "fclab/controls/pace.py": "imported by lab.play, and nowhere else",
    "fclab/controls/live.py": "imported by a lab of real processes, and nowhere else",
    **{path: "imported by lab.serve, and nowhere else" for path in modules("fclab") if path.startswith("fclab/server/")},
}


@pytest.mark.parametrize("path", modules("fclab"))
def test_no_wall_clock(path: str) -> None:
    if path in WALL_CLOCK:
        return
    wrong = [f"line {line}: {name}" for name, line in imports(tree(path)) if name in TELLS_TIME or name.partition(".")[0] in TELLS_TIME]
    wrong += [
        f"line {node.lineno}: .{node.func.attr}()"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in READS_OR_WAITS or (node.func.attr == "now" and ast.unparse(node.func.value).endswith("datetime"))
    ]
    assert not wrong, "lab time comes from the clock; a module that must know real time is named in WALL_CLOCK with its reason"


@pytest.mark.parametrize("path", modules("fclab"))
def test_nothing_heavy_at_the_top(path: str) -> None:
    wrong = [f"line {line}: {name}" for name, line in imports(tree(path), lazy=False) if name.partition(".")[0] in NOT_AT_THE_TOP]
    assert not wrong or path in LAZY


@pytest.mark.parametrize("path", [*modules(*SOURCES, "tests"), *(n for n in files() if n.startswith("widgets/src/"))])
def test_modules_are_short(path: str) -> None:
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    most = MOST_TEST_LINES if path.startswith("tests/") else MOST_LINES
    assert lines <= most or path in LONG, f"{lines} lines: a module that passes {most} is asking to be two"


def test_excuses_are_needed() -> None:
    for table in (WALL_CLOCK, LAZY, LONG):
        assert all(reason for reason in table.values())
    assert not [path for path in LONG if len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= MOST_LINES]


def _bare(value: object) -> bool:
    return (inspect.isclass(value) or inspect.isfunction(value)) and not (value.__doc__ or "").strip()


@pytest.mark.parametrize("path", modules("fclab"))
def test_public_names_are_documented(path: str) -> None:
    """`__all__` is there and true, and every function and class in it has a docstring; so has the module."""
    if path.endswith("__main__.py"):
        return
    if path.endswith("__init__.py") and not (ROOT / path).read_text(encoding="utf-8").strip():
        return
    module = importlib.import_module(dotted(path))
    assert module.__doc__, "a module says in its first line what it is"
    if path.endswith("__init__.py") and not hasattr(module, "__all__"):
        return
    names = list(module.__all__)
    assert len(set(names)) == len(names)
    missing = [name for name in names if not hasattr(module, name)]
    bare = [name for name in names if _bare(getattr(module, name, None))]
    assert not missing
    assert not bare


def _banned() -> list[tuple[str, tuple[str, ...]]]:
    """(pattern, path beginnings it holds for). Written in pieces, so that this file does not hold what it forbids."""
    hosts = "|".join(["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "deb" + r"\.debian"])
    places = "|".join([r"/wo" + "rk/", r"/fa" + "rm/", r"/ro" + "ot/", r"/ho" + "me/"])
    marks = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "Not" + "ImplementedError", "# st" + "ub"])
    return [(hosts, ("",)), (places, ("",)), (marks, ("fclab/", "widgets/", "lessons/"))]


@pytest.mark.parametrize(("pattern", "where"), _banned())
def test_no_unwanted_words(pattern: str, where: tuple[str, ...]) -> None:
    """No registry's address and no path of one machine anywhere; no unfinished mark in what we ship."""
    found = []
    for name in files():
        if name.startswith(where) and not name.endswith((".png", ".svg")):
            text = (ROOT / name).read_bytes().decode("utf-8", "replace")
            found += [f"{name}:{number}: {hit[0]}" for number, line in enumerate(text.splitlines(), 1) if (hit := re.search(pattern, line))]
    assert not found


def test_the_top_level_has_six_entries() -> None:
    extra = {name.partition("/")[0] for name in files()} - {"pyproject.toml", "README.md", "lessons", "fclab", "widgets", "tests"}
    assert not {name for name in extra if not name.startswith(".")}
