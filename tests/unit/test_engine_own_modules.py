"""Each instance has the learner's module to itself; names that any module of his bound before dispatch inside handlers, and only there."""

from __future__ import annotations

import gc
import importlib
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from random import randint
from time import perf_counter, sleep
from types import ModuleType
from typing import Any

import pytest

from fclab import Lab
from tests.unit.engine_kit import hello, latencies, model_lab, one

ROOT = Path(__file__).resolve().parents[2]

# ---- names bound before


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the learner's own, beside his notebook."""
    text = (
        "from random import choice\nfrom time import sleep, time\n\n"
        "def rest(seconds):\n    sleep(seconds)\n    return time()\n\n"
        "def pick():\n    return choice(range(10**6))\n"
    )
    (tmp_path / "own_helper.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_helper", raising=False)
    return importlib.import_module("own_helper")


def test_a_helper_module_tells_lab_time_inside_and_real_time_outside(helper: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "own_helper", helper)

    def handler(event: bytes, context: Any) -> float:
        told: float = own_helper.rest(1.5)  # type: ignore[name-defined]  # noqa: F821
        return told

    response = one(handler).invoke("f")
    assert (response.latency, response.json()) == (1.5, 1_767_225_601.5)
    began = perf_counter()
    assert abs(helper.rest(0) - time.time()) < 60
    assert perf_counter() - began < 1


def test_a_function_of_a_helper_module_imported_by_name(helper: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "own_pick", helper.pick)

    def handler(event: bytes, context: Any) -> int:
        picked: int = own_pick()  # type: ignore[name-defined]  # noqa: F821
        return picked

    def run(seed: int) -> list[object]:
        lab = Lab(seed=seed, profile="instant")
        lab.function(name="f")(handler)
        return [lab.invoke("f").json() for _ in range(5)]

    random.seed(1)
    state = random.getstate()
    assert run(7) == run(7) != run(8)
    assert random.getstate() == state, "the notebook's own stream is untouched"
    random.seed(5)
    outside = helper.pick()
    random.seed(5)
    assert outside == random.choice(range(10**6))


class Napper:
    def nap(self) -> None:
        sleep(1)

    def method(self, event: bytes, context: Any) -> None:
        sleep(1)

    def __call__(self, event: bytes, context: Any) -> None:
        sleep(1)


def by_method(event: bytes, context: Any) -> None:
    Napper().nap()


def with_extra(seconds: float, event: bytes, context: Any) -> None:
    sleep(seconds)


def by_default(event: bytes, context: Any, wait: Callable[[float], object] = time.sleep, *, again: Any = time.sleep) -> None:
    wait(0.5)
    again(0.5)


def in_a_closure() -> Callable[[bytes, Any], None]:
    from time import sleep as inner

    def handler(event: bytes, context: Any) -> None:
        inner(1)

    return handler


@pytest.mark.parametrize(
    "handler",
    [by_method, Napper(), Napper().method, partial(with_extra, 1), by_default, in_a_closure()],
    ids=["a method", "an object", "a bound method", "a partial", "a default", "a closure"],
)
def test_wherever_a_learner_keeps_sleep_it_takes_lab_time(handler: Any) -> None:
    began = perf_counter()
    assert one(handler).invoke("f").latency == 1
    assert perf_counter() - began < 0.9


SCENARIO = """
from tests.unit.test_engine_own_modules import drawing
print(drawing({seed}))
"""


def draws(event: bytes, context: Any) -> str:
    time.sleep(random.uniform(0.1, 0.5))
    return f"{randint(1, 10**6)} {random.random()}"


def drawing(seed: int) -> str:
    """The digest of a run whose handlers draw."""
    lab = Lab(seed=seed)
    lab.function(name="f")(draws)
    lab.traffic("f", rate=3, duration=10)
    lab.run()
    return lab.recording.digest


def test_chance_in_handlers_is_the_labs_in_any_process() -> None:
    random.seed(3)
    state = random.getstate()
    digest = drawing(7)
    random.seed(4)
    assert drawing(7) == digest != drawing(8)
    random.setstate(state)
    assert random.random() == random.Random(3).random()
    command = [sys.executable, "-c", SCENARIO.format(seed=7)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == digest


def test_functions_draw_from_streams_of_their_own() -> None:
    alone = Lab(profile="instant")
    alone.function(name="f")(draws)
    both = Lab(profile="instant")
    both.function(name="f")(draws)
    both.function(name="g")(draws)
    seen = []
    for _ in range(3):
        both.invoke("g")
        seen.append(both.invoke("f").text)
    assert seen == [alone.invoke("f").text for _ in range(3)]


# ---- a module for each instance

count = 0
db: str | None = None
shared: list[str] = []


def counts(event: bytes, context: Any) -> str:
    global count
    count += 1
    time.sleep(1)
    return f"{count}"


def steps(event: bytes, context: Any) -> str:
    step()
    time.sleep(1)
    shared.append(event.decode())
    return f"{count}"


def step() -> None:
    global count
    count += 1


def logged(function: Callable[..., str]) -> Callable[..., str]:
    @wraps(function)
    def inner(event: bytes, context: Any) -> str:
        return function(event, context)

    return inner


@logged
def wrapped(event: bytes, context: Any) -> str:
    global count
    count += 1
    time.sleep(1)
    return f"{count}"


@pytest.mark.parametrize("handler", [counts, steps, wrapped])
def test_a_global_counts_per_instance(handler: Any) -> None:
    lab = one(handler, idle_timeout=10)
    calls = lab.invoke_at("f", [0, 0.5, 2, 30], b"x")
    lab.run()
    assert latencies(calls) == [1] * 4
    assert [call.response.text for call in calls if call.response] == ["1", "1", "2", "1"], "a warm one remembers, a cold one starts anew"
    assert count == 0, "and the notebook has its own"


def test_a_list_is_the_notebooks() -> None:
    shared.clear()
    lab = one(steps)
    lab.invoke_at("f", [0, 0], b"x")
    lab.run()
    assert shared == ["x", "x"]


def open_db(context: Any) -> None:
    global db
    time.sleep(0.1)
    db = f"connection of {context.request_id}"


def reads(event: bytes, context: Any) -> str:
    time.sleep(1)
    return f"{db}"


def close_db(context: Any) -> None:
    shared.append(f"closing {db}")


def test_initializer_and_hooks_see_their_own_instances_names() -> None:
    shared.clear()
    lab = one(reads, initializer=open_db, pre_stop=close_db, pre_freeze=close_db, idle_timeout=5)
    calls = lab.invoke_at("f", [0, 0])
    lab.run(until=20)
    said = [call.response.text for call in calls if call.response]
    assert said == ["connection of f#1", "connection of f#2"]
    assert sorted(shared) == sorted(f"closing {text}" for text in said * 2)
    assert db is None


def test_a_function_that_calls_itself_through_its_closure() -> None:
    def outer() -> Callable[[bytes, Any], int]:
        def down(n: int) -> int:
            return n if n == 0 else down(n - 1) + 1

        def handler(event: bytes, context: Any) -> int:
            return down(5)

        return handler

    assert one(outer()).invoke("f").json() == 5


# ---- what is left behind


def of_a_request(thing: object) -> bool:
    """It is the platform's, or a frame with what hangs on it; the JSON encoder's own closures are small and not ours."""
    return type(thing).__module__.startswith("fclab") or type(thing).__name__ in ("frame", "traceback", "greenlet", "coroutine")


@pytest.mark.parametrize("kind", ["a model", "a handler", "an async handler", "events", "events that fail"])
def test_no_circle_of_references_is_left_by_a_request(kind: str) -> None:
    async def coroutine(event: bytes, context: Any) -> None:
        await context.work(0.1)

    def fails(event: bytes, context: Any) -> None:
        raise ValueError("no")

    handlers: dict[str, Any] = {"a handler": hello, "an async handler": coroutine, "events": hello, "events that fail": fails}
    lab = model_lab(0.1, 0.5) if kind == "a model" else one(handlers[kind])
    lab.traffic("f", rate=100, duration=20, arrivals="uniform", mode="async" if "events" in kind else "sync")
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        lab.run()
        gc.collect()
        found = Counter(type(thing).__name__ for thing in gc.garbage if of_a_request(thing))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert len(lab.recording) > 10_000
    assert found.total() < 10, found
