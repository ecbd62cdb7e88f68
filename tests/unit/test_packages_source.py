"""Packing functions as source, from a plain module: this one. Each is run by a bare interpreter that has nothing but the package.

What is defined below the imports is what a learner might write; clauses are those of `packages.source`.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import json
import logging
import math
import re
import xml.etree.ElementTree
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import sleep, time
from typing import Any

import pytest

from fclab import Lab, PackageError
from fclab.backends.virtual import handler_time
from tests.unit.packages_kit import called, packed, text

lab = Lab()
observed: Any = lab

LIMIT = 3
WORDS = {"b", "a"}
STRANGE: Any = (float("inf"), -float("inf"), float("nan"), 1e300, 2**70, b"\0\xff", "é\n'\"", None, True, (), (1,), frozenset(), ..., 1j)
DAY = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)  # noqa: UP017  the singleton, as learners import it
PRICE = Decimal("1.10")
PATTERN = re.compile(r"x+", re.IGNORECASE)
HERE = Path("data/in.txt")
NESTED: dict[str, Any] = {"list": [1, {"set": {1, 2}}], "pi": math.pi}
log = logging.getLogger("mine")
Point = namedtuple("Point", "x y", defaults=[3])
ORIGIN = Point(0)
count = 0


class Colour(enum.Enum):
    RED = 1


class Base:
    scale = LIMIT


@dataclass
class Item(Base):
    n: int = LIMIT

    def worth(self) -> int:
        return double(self.n) * self.scale


def double(x: int, factor: int = 2) -> int:
    return x * factor


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n != 0 and even(n - 1)


TABLE: dict[str, Any] = {"double": double, "red": Colour.RED}


def logged(code: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(code)
    def inner(*args: Any) -> Any:
        return ["logged", LIMIT, code(*args)]

    return inner


@functools.lru_cache
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


shout: Callable[[str], str] = lambda word: word.upper() + "!"  # noqa: E731


def print(*args: object) -> str:  # noqa: A001  a learner may take a builtin's name
    return "mine"


# ---- what is kept


def test_clause_2_what_is_named_comes_along(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any) -> Any:
        return [double(LIMIT), Item().worth(), sorted(WORDS), even(10), TABLE["double"](5), TABLE["red"].value, fib(20), shout("a")]

    assert called(packed(handler), tmp_path) == [6, 18, ["a", "b"], True, 10, 1, 6765, "A!"]


def test_clause_2_constants_are_written_by_value(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any) -> Any:
        return [repr(STRANGE), repr(DAY), str(PRICE), PATTERN.findall("aXx"), HERE.name, repr(NESTED), repr(ORIGIN), log.name]

    here = [repr(STRANGE), repr(DAY), "1.10", ["Xx"], "in.txt", repr(NESTED), "Point(x=0, y=3)", "mine"]
    assert called(packed(handler), tmp_path) == here


def test_clause_2_imports_are_made_anew(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any) -> Any:
        tag = xml.etree.ElementTree.fromstring("<a/>").tag
        sleep(0)
        return [json.dumps(tag), dt.date(2026, 1, 1).isoformat(), time() > 0]

    source = packed(handler)
    lines = ["import datetime as dt", "import json", "import xml.etree.ElementTree", "from time import sleep"]
    assert not set(lines) - set(text(source).splitlines())
    assert called(source, tmp_path) == ['"a"', "2026-01-01", True]


def test_names_bound_to_the_labs_clocks_are_packed_as_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(event: bytes, context: Any) -> Any:
        return [sleep.__module__, time.__module__]

    handler_time.adopt(globals())
    assert sleep.__module__ == "time"
    assert hasattr(sleep, "__wrapped__"), "a virtual lab has rebound it"
    try:
        assert "from time import sleep\n" in text(packed(handler))
    finally:
        globals().update(sleep=sleep.__wrapped__, time=time.__wrapped__)  # type: ignore[attr-defined]


def test_all_kinds_of_scopes_are_looked_into(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any, start: int = LIMIT) -> Any:
        class Inner(Base):
            top = double(1)

        def deep() -> int:
            return (lambda: double(start))()

        return [Inner.top + Inner.scale, deep(), [double(n) for n in range(LIMIT)], {shout(w) for w in "a"}.pop(), f"{double(4)}"]

    assert called(packed(handler), tmp_path) == [5, 6, [0, 2, 4], "A!", "8"]


def test_roles_share_one_module_and_its_globals(tmp_path: Path) -> None:
    assert called(packed(counting, initializer=begin), tmp_path) == 101


def begin(context: Any) -> None:
    global count
    count = 100


def counting(event: bytes, context: Any) -> int:
    global count
    count += 1
    return count


def test_a_builtin_of_the_learners_own(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any) -> str:
        return print("x")

    assert called(packed(handler), tmp_path) == "mine"


# ---- decorators


@lab.function(
    timeout=3,
)
@logged
# kept
@observed.on()  # type: ignore[untyped-decorator]
def decorated(event: bytes, context: Any) -> str:
    return "inner"


@logged
@lab.function
def decorated_above(event: bytes, context: Any) -> str:
    return "plain"


def test_clause_1_decorators_of_the_lab_go_others_stay(tmp_path: Path) -> None:
    source = packed(lab.functions["decorated"].handler)  # type: ignore[arg-type]
    assert "lab." not in text(source)
    assert "@logged\n# kept\ndef decorated" in text(source)
    assert called(source, tmp_path) == ["logged", 3, "inner"]


def test_clause_1_what_the_lab_was_given_is_what_is_packed(tmp_path: Path) -> None:
    assert called(packed(lab.functions["decorated_above"].handler), tmp_path) == "plain"  # type: ignore[arg-type]


def test_a_decorator_that_hides_what_it_wraps(tmp_path: Path) -> None:
    def quiet(code: Callable[..., Any]) -> Callable[..., Any]:
        def inner(event: bytes, context: Any) -> Any:
            return ["quiet", code(event, context)]

        return inner

    @quiet
    def handler(event: bytes, context: Any) -> str:
        return "seen"

    assert called(packed(handler), tmp_path) == ["quiet", "seen"]


# ---- nested, lambdas, objects


def adder(n: int, words: list[str]) -> Callable[..., Any]:
    def recursive(k: int) -> int:
        return 0 if k == 0 else n + recursive(k - 1)

    def handler(event: bytes, context: Any) -> Any:
        """Keeps
  its lines."""
        nonlocal n
        n += 1
        return [n, words, recursive(2), handler.__doc__]

    return handler


def test_a_nested_function_with_what_it_holds(tmp_path: Path) -> None:
    assert called(packed(adder(4, ["a"])), tmp_path) == [5, ["a"], 8, "Keeps\n  its lines."]


def test_lambdas_even_two_in_a_line(tmp_path: Path) -> None:
    first, second = (lambda event, context: [LIMIT, 1]), (lambda event, context: [LIMIT, 2])
    assert called(packed(first), tmp_path / "1") == [3, 1]
    assert called(packed(second), tmp_path / "2") == [3, 2]


def test_a_partial_of_what_can_be_packed(tmp_path: Path) -> None:
    assert called(packed(functools.partial(with_word, "w", n=2)), tmp_path) == ["w", 2]


def with_word(word: str, event: bytes, context: Any, n: int = 0) -> Any:
    return [word, n]


def test_clause_3_an_old_function_is_packed_though_its_name_means_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = counting_down
    monkeypatch.setitem(globals(), "counting_down", double)
    assert called(packed(old), tmp_path) == [2, 1, 0]


def counting_down(event: Any, context: Any) -> Any:
    left = 2 if event == b"event" else event
    return [left, *(counting_down(left - 1, context) if left else [])]


def test_clause_6_equal_definitions_give_equal_bytes() -> None:
    def handler(event: bytes, context: Any) -> Any:
        return [WORDS, TABLE, Item, fib, NESTED]

    assert packed(handler).files == packed(handler).files


def test_clause_1_a_stack_trace_shows_the_learners_lines(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any) -> Any:
        raise ValueError("x")  # as it was written

    line = next(line for line in text(packed(handler)).splitlines() if "raise" in line)
    assert line.strip() == 'raise ValueError("x")  # as it was written'


# ---- modules beside


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "beside"
    (folder / "own_pack").mkdir(parents=True)
    (folder / "own_one.py").write_text("import own_two\n\ndef one():\n    return own_two.TWO\n")
    (folder / "own_two.py").write_text("TWO = 2\n")
    (folder / "own_pack/__init__.py").write_text("")
    (folder / "own_pack/deep.py").write_text("from own_pack import data\n\ndef read():\n    return data.X\n")
    (folder / "own_pack/data.py").write_text("X = 'x'\n")
    (folder / "own_lab.py").write_text("from fclab import Lab\nlab = Lab()\ndef f():\n    return 1\n")
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_clause_2_modules_beside_are_packed_as_files(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import own_one  # type: ignore[import-not-found]
    import own_pack.deep  # type: ignore[import-not-found]

    monkeypatch.setitem(globals(), "one", own_one.one)
    monkeypatch.setitem(globals(), "own_pack", own_pack)

    source = packed(uses_modules)
    assert sorted(source.files) == ["index.py", "own_one.py", "own_pack/__init__.py", "own_pack/data.py", "own_pack/deep.py", "own_two.py"]
    assert called(source, tmp_path / "out") == [2, "x"]


def uses_modules(event: bytes, context: Any) -> Any:
    return [one(), own_pack.deep.read()]  # type: ignore[name-defined]  # noqa: F821


def test_a_module_that_makes_a_lab_is_refused(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import own_lab  # type: ignore[import-not-found]

    def handler(event: bytes, context: Any) -> Any:
        return labs_own()  # type: ignore[name-defined]  # noqa: F821

    monkeypatch.setitem(globals(), "labs_own", own_lab.f)
    with pytest.raises(PackageError, match="'own_lab' makes a Lab"):
        packed(handler)


def test_clause_4_a_name_that_is_nowhere_stays(tmp_path: Path) -> None:
    def handler(event: bytes, context: Any) -> Any:
        try:
            return nowhere  # type: ignore[name-defined]
        except NameError as error:
            return str(error)

    assert called(packed(handler), tmp_path) == "name 'nowhere' is not defined"
