"""What cannot be packed as source: each is refused with the name that is to blame, and where it is used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from fclab import Lab, PackageError
from fclab.packages.source import pack_source

lab = Lab()
LOCK = threading.Lock()
LOCKS = {"one": [LOCK]}


def uses_lock(event: bytes, context: Any) -> None:
    LOCK.acquire()


def uses_locks(event: bytes, context: Any) -> None:
    LOCKS.clear()


def uses_lab(event: bytes, context: Any) -> None:
    lab.invoke("x")


def through_helper(event: bytes, context: Any) -> None:
    uses_lock(event, context)


class Callable1:
    def __call__(self, event: bytes, context: Any) -> None: ...


def of_a_loop() -> Callable[..., object]:
    made: list[object] = []
    made.append(made)
    return lambda event, context: made


def mutual() -> Callable[..., object]:
    def ping(event: object, context: object) -> object:
        return pong

    def pong() -> object:
        return ping

    return ping


def executed() -> Callable[..., object]:
    space: dict[str, Any] = {"__name__": __name__}
    exec("def handler(event, context): pass", space)
    return FunctionType(space["handler"].__code__, globals())


def with_file() -> Callable[..., object]:
    with Path(__file__).open() as file:
        return lambda event, context: file.read()


class Marked: ...


Marked.lock = LOCK  # type: ignore[attr-defined]


def marked(event: bytes, context: Any) -> None:
    Marked()


def with_lock(event: bytes, context: Any) -> None: ...


with_lock.lock = LOCK  # type: ignore[attr-defined]


REFUSED: list[tuple[str, Callable[..., object], str]] = [
    ("a lock", uses_lock, r"'LOCK' cannot be packed: it is a lock. 'uses_lock' uses it: LOCK.acquire\(\)"),
    ("a lock inside", uses_locks, "'LOCKS' cannot be packed: it is a value that holds a lock"),
    ("the lab", uses_lab, "'lab' cannot be packed: it is the lab itself. 'uses_lab' uses it: lab.invoke"),
    ("in a helper", through_helper, "'LOCK' cannot be packed.*'uses_lock' uses it"),
    ("an object", Callable1(), "handler cannot be packed: it is a live object of the class 'Callable1'"),
    ("a method", Callable1().__call__, "handler cannot be packed"),
    ("holds itself", of_a_loop(), "'made' cannot be packed: it is a value that holds itself"),
    ("hold each other", mutual(), "hold each other"),
    ("no source", executed(), "source cannot be read"),
    ("given to a class", marked, "'lock' of 'Marked' cannot be packed: it is a lock"),
    ("given to a function", with_lock, "'lock' of 'with_lock' cannot be packed: it is a lock"),
    ("an open file", with_file(), "'file' cannot be packed: it is an open file"),
]


@pytest.mark.parametrize(("code", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_clause_5_what_cannot_be_packed_is_named(code: Callable[..., object], said: str) -> None:
    with pytest.raises(PackageError, match=said) as caught:
        pack_source({"handler": code})
    assert "lab.deploy" in caught.value.hint


def test_clause_5_a_function_typed_at_the_prompt_is_told_where_to_write_it() -> None:
    with pytest.raises(PackageError, match=r"there is no text of '<string>'") as caught:
        pack_source({"handler": executed()})
    assert caught.value.hint == "write it in a notebook or a file and run that, or put the code in a folder and use lab.deploy"
