"""The help for idempotent handlers, clause by clause, in virtual time and in packed functions."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fclab
from fclab import AsyncConfig, InProgress, Lab, idempotent
from fclab.packages.source import pack_source


def context(request_id: str = "r1", timeout: float = 3.0, retry_count: int = 0) -> Any:
    return SimpleNamespace(request_id=request_id, function=SimpleNamespace(timeout=timeout), retry_count=retry_count)


def test_clause_2_a_result_is_kept(tmp_path: Path) -> None:
    ran: list[object] = []

    @idempotent(tmp_path / "s.db")
    def handler(event: object, context: Any) -> object:
        ran.append(event)
        return event

    for value in ("text", b"bytes", {"a": [1, None]}, None):
        name = repr(value)
        assert [handler(value, context(name)) for _ in range(3)] == [value] * 3
    assert len(ran) == 4


def test_clause_1_another_delivery_does_not_run_beside_it(tmp_path: Path) -> None:
    @idempotent(tmp_path / "s.db")
    def handler(event: bool, context: Any) -> str:
        if event:
            with pytest.raises(InProgress, match="'r1' is being worked on"):
                handler(False, context)
        return "first"

    assert handler(True, context()) == "first"
    assert handler(False, context()) == "first"


class Killed(BaseException):
    """Ends a handler as a killed process would: nothing after it runs."""


def test_clause_1_the_next_delivery_of_a_request_takes_over_at_once(tmp_path: Path) -> None:
    ran: list[object] = []

    @idempotent(tmp_path / "s.db", key=lambda event, context: "order-7", lease=900)
    def handler(event: object, context: Any) -> str:
        ran.append(context.retry_count)
        if context.retry_count < 2:
            raise Killed
        return "paid"

    for retry in (0, 1):
        with pytest.raises(Killed):
            handler(b"", context(retry_count=retry))
        for other in (context(retry_count=retry), context("r2", retry_count=5), context(retry_count=0)):
            with pytest.raises(InProgress):
                handler(b"", other)
    assert handler(b"", context(retry_count=2)) == "paid"
    assert handler(b"", context("r2")) == "paid"
    assert ran == [0, 1, 2]


def test_clause_1_who_was_taken_over_does_not_decide(tmp_path: Path) -> None:
    @idempotent(tmp_path / "s.db")
    def handler(event: bool, given: Any) -> str:
        if given.retry_count == 0:
            assert handler(False, context(retry_count=1)) == "second"
            raise ValueError("the first was slow")
        return "second"

    with pytest.raises(ValueError, match="slow"):
        handler(True, context())
    assert handler(True, context(retry_count=2)) == "second"


def test_a_crash_costs_no_retries(tmp_path: Path) -> None:
    """The first delivery's process ends; those after it come within the time-out, and are not refused."""
    lab = Lab(profile="instant")
    effects: list[int] = []

    @lab.function(name="f", timeout=30, async_config=AsyncConfig(max_retries=1, first_delay=1))
    @idempotent(tmp_path / "s.db")
    def pay(event: bytes, context: Any) -> str:
        effects.append(context.retry_count)
        if context.retry_count == 0:
            raise SystemExit(1)
        return "paid"

    task = lab.invoke_async("f")
    lab.run()
    assert (task.state, effects) == ("Succeeded", [0, 1])


def test_a_store_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("CREATE TABLE idempotent (key TEXT PRIMARY KEY, state TEXT NOT NULL, owner TEXT NOT NULL, until REAL NOT NULL, "
                   "result BLOB) WITHOUT ROWID")  # fmt: skip
        db.execute("INSERT INTO idempotent VALUES ('r1', 'done', 'x', 1e12, ?)", (b'j"paid"',))
    db.close()

    @idempotent(tmp_path / "s.db")
    def handler(event: bytes, context: Any) -> str:
        return "again"

    assert handler(b"", context()) == "paid"
    assert handler(b"", context("r2")) == "again"


def test_it_says_what_it_needs() -> None:
    with pytest.raises(TypeError, match=r"write @idempotent\("):

        @idempotent  # type: ignore[arg-type]
        def handler(event: object, context: Any) -> None: ...

    with pytest.raises(TypeError, match="needs a store"):
        idempotent(7)  # type: ignore[arg-type]
    for wrong in (0, -1, float("nan"), True, "60"):
        for name in ("expires", "lease"):
            with pytest.raises(ValueError, match=f"{name} must be a positive number"):
                idempotent("/s.db", **{name: wrong})  # type: ignore[arg-type]


def test_clause_3_a_failure_leaves_nothing(tmp_path: Path) -> None:
    left = [True]

    @idempotent(tmp_path / "s.db")
    def handler(event: object, context: Any) -> str:
        if left.pop() if left else False:
            raise ValueError("no")
        return "well"

    with pytest.raises(ValueError, match="no"):
        handler(b"", context())
    assert handler(b"", context()) == "well"


def test_clause_4_records_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    ran: list[float] = []

    @idempotent(tmp_path / "s.db", expires=60, lease=5)
    def handler(event: object, context: Any) -> int:
        ran.append(now[0])
        if len(ran) == 1:
            raise Killed
        return len(ran)

    with pytest.raises(Killed):
        handler(b"", context())
    now[0] = 1004.9
    with pytest.raises(InProgress):
        handler(b"", context())
    now[0] = 1005.0
    assert handler(b"", context()) == 2
    now[0] = 1064.9
    assert handler(b"", context()) == 2
    now[0] = 1065.0
    assert handler(b"", context()) == 3


def test_a_delivery_that_lost_its_lease_does_not_overwrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "time", lambda: now[0])

    @idempotent(tmp_path / "s.db", lease=5)
    def handler(event: bool, context: Any) -> str:
        if event:
            now[0] += 10
            assert handler(False, context) == "second"
            return "first"
        return "second"

    assert handler(True, context()) == "first"
    assert handler(False, context()) == "second"


def test_a_key_of_ones_own_and_a_result_that_cannot_be_kept(tmp_path: Path) -> None:
    ran: list[bytes] = []

    @idempotent(tmp_path / "s.db", key=lambda event, context: event.decode().partition(":")[0])
    def handler(event: bytes, context: Any) -> object:
        ran.append(event)
        return object() if event == b"bad" else len(ran)

    assert (handler(b"a:1", context("x")), handler(b"a:2", context("y")), handler(b"b:1", context("z"))) == (1, 1, 2)
    with pytest.raises(TypeError, match="not JSON"):
        handler(b"bad", context())
    assert [row[0] for row in sqlite3.connect(tmp_path / "s.db").execute("SELECT key FROM idempotent ORDER BY key")] == ["a", "b"]


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute path"):
        idempotent("store.db")


def test_retried_events_have_their_effect_once(tmp_path: Path) -> None:
    """The answer is lost on its way after the effect; the next delivery finds the result. Also where a time-out ended a run."""
    lab = Lab(profile="instant")
    effects: list[str] = []
    for wrap in (idempotent(tmp_path / "s.db"), lambda handler: handler):

        @lab.function(name="f", async_config=AsyncConfig(max_retries=3))
        @wrap
        def pay(event: bytes, context: Any) -> str:
            effects.append(context.request_id)
            time.sleep(0.1)
            return "paid"

        lab.faults.add("instance->dispatcher", drop=1.0, times=2)
        task = lab.invoke_async("f")
        lab.run()
        assert task.state == "Succeeded"
        lab.faults.clear()
    assert len(effects) == 1 + 3


def test_async_handlers(tmp_path: Path) -> None:
    lab = Lab(profile="instant")
    ran: list[int] = []

    @lab.function(name="f")
    @idempotent(tmp_path / "s.db", key=lambda event, context: "same")
    async def handler(event: bytes, context: Any) -> int:
        ran.append(1)
        return len(ran)

    assert [lab.invoke("f").json() for _ in range(3)] == [1, 1, 1]


STORE = "/nowhere/s.db"


@fclab.idempotent(STORE)
def by_module(event: bytes, context: Any) -> str:
    return "packed"


@idempotent(STORE)
def by_name(event: bytes, context: Any) -> str:
    return "packed"


@pytest.mark.parametrize("handler", [by_module, by_name])
def test_it_can_be_packed(handler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is packed runs in an interpreter that sees no fclab."""
    monkeypatch.setattr(sys.modules[__name__], "STORE", str(tmp_path / "s.db"))
    source = pack_source({"handler": handler})
    for name, data in source.files.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    run = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'code')!r}); import index; from types import SimpleNamespace as N; "
        f"c = N(request_id='r', function=N(timeout=3)); print(index.{source.names['handler']}(b'', c), 'fclab.lab' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", run], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["packed", "False"], done.stderr


OTHER = """
import os, sys
from types import SimpleNamespace
from fclab import idempotent

@idempotent(sys.argv[1], lease=900)
def handler(event, context):
    print("running", flush=True)
    sys.stdin.read()
    return "never"

handler(b"", SimpleNamespace(request_id="r1", function=SimpleNamespace(timeout=3.0), retry_count=2))
"""


def test_clause_1_a_delivery_with_the_same_count_takes_over_from_a_process_that_is_gone(tmp_path: Path) -> None:
    ran: list[int] = []

    @idempotent(tmp_path / "s.db", lease=900)
    def handler(event: object, context: Any) -> str:
        ran.append(context.retry_count)
        return "paid"

    code = [sys.executable, "-c", OTHER, str(tmp_path / "s.db")]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "running\n"
        with pytest.raises(InProgress):
            handler(b"", context(retry_count=2))
        other.kill()
    assert handler(b"", context(retry_count=2)) == "paid"
    assert ran == [2]


@pytest.mark.parametrize("changed", ["began", "where"])
def test_clause_1_the_id_of_a_process_alone_proves_nothing(changed: str, tmp_path: Path) -> None:
    """Another process may have the id by now: then the owner is gone. On another machine nobody knows."""

    @idempotent(tmp_path / "s.db", lease=900)
    def handler(event: object, context: Any) -> str:
        if event:
            raise Killed
        return "paid"

    with pytest.raises(Killed):
        handler(True, context())
    with sqlite3.connect(tmp_path / "s.db") as db:
        token, pid, began, *where = db.execute("SELECT owner FROM idempotent").fetchone()[0].split(" ")
        owner = [token, pid, "1", *where] if changed == "began" else [token, "0", began, "elsewhere"]
        db.execute("UPDATE idempotent SET owner = ?", (" ".join(owner),))
    db.close()
    if changed == "began":
        assert handler(False, context()) == "paid"
    else:
        with pytest.raises(InProgress):
            handler(False, context())
