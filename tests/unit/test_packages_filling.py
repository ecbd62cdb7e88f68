"""Registries: containers that decorators fill are filled by them again in the package. Clauses are those of `packages.filling`."""

from __future__ import annotations

from pathlib import Path

import pytest

from fclab import PackageError
from tests.unit.packages_kit import packed, run_here_and_packed, script_space

SCRIPTS: dict[str, str] = {
    "registry": """
        REG = {}
        def register(f):
            REG[f.__name__] = f
            return f
        @register
        def a(): return "a"
        @register
        def b(): return "b"
        def handler(event, context): return [REG[k]() for k in sorted(REG)]
    """,
    "registry by a decorator with an argument": """
        HANDLERS = {}
        ORDER = []
        def on(name):
            def deco(f):
                HANDLERS[name] = f
                ORDER.append(name)
                return f
            return deco
        @on("x")
        def a(): return "a"
        @on("y")
        def b(): return helper()
        def helper(): return HANDLERS["x"]() + "b"
        def handler(event, context): return [HANDLERS["x"](), HANDLERS["y"](), ORDER]
    """,
    "registry with a first entry": """
        REG = {"keep": 1}
        def register(f):
            REG[f.__name__] = f
            return f
        @register
        def a(): return "a"
        def handler(event, context): return [a(), len(REG), REG["keep"]]
    """,
    "registry of subclasses": """
        REG = {}
        class Base:
            def __init_subclass__(cls, **k):
                REG[cls.__name__] = cls
        class A(Base): pass
        class B(Base): pass
        def handler(event, context): return sorted(REG)
    """,
    "registry of classes": """
        REG = []
        def reg(c):
            REG.append(c)
            return c
        @reg
        class A: v = 1
        @reg
        class B: v = 2
        def handler(event, context): return [c.v for c in REG]
    """,
    "registry of names only": """
        NAMES = []
        def named(f):
            NAMES.append(f.__name__)
            return f
        @named
        def a(): return 1
        @named
        def b(): return 2
        def handler(event, context): return [NAMES, b()]
    """,
    "registry of what is wrapped, all of one name": """
        import functools
        STEPS = []
        def step(f):
            STEPS.append(f)
            @functools.wraps(f)
            def inner(): return f() + 1
            return inner
        @step
        def _(): return 1
        @step
        def _(): return 20
        @step
        def last(): return 300
        def handler(event, context): return [[f() for f in STEPS], last()]
    """,
    "table that only a wrapper reads": """
        import functools
        LEVELS = {"a": 1}
        LEVELS["a"] = 2
        def logged(f):
            @functools.wraps(f)
            def inner(): return [LEVELS["a"], f()]
            return inner
        @logged
        def a(): return 1
        def handler(event, context): return a()
    """,
    "table of functions that read it": """
        TABLE = {}
        def a(n): return TABLE["b"](n - 1) if n else "a"
        def b(n): return TABLE["a"](n - 1) if n else "b"
        TABLE["a"] = a
        TABLE["b"] = b
        def handler(event, context): return TABLE["a"](3)
    """,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_clause_1_a_handler_finds_in_containers_what_it_finds_in_its_script(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = run_here_and_packed(script, tmp_path, monkeypatch)
    assert there == here


MIXED = """
    REG = {}
    def register(f):
        REG[f.__name__] = f
        return f
    @register
    def a(): return "a"
    def b(): return "b"
    %s
    def handler(event, context): return REG
"""


@pytest.mark.parametrize("other", ["REG['b'] = b", "register(b)", "REG.update(n=1)"])
def test_clause_2_what_is_not_filled_by_decorators_alone_is_refused(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = script_space(MIXED % other, tmp_path, monkeypatch)
    with pytest.raises(PackageError, match="'REG' cannot be packed: it is filled by decorators"):
        packed(space["handler"])
