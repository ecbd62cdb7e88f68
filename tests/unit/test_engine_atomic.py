"""The core where there are no greenlets, no threads and no numpy, as in Python in a browser: handlers in one piece, or `async def`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BLOCKED = """
import _thread, builtins, sys

def no_thread(*args):
    raise RuntimeError("can't start new thread")

_thread.start_new_thread = no_thread
really_import = builtins.__import__

def without(name, namespace=None, *rest):
    blocked = ("greenlet", "numpy") if not (namespace or {}).get("__name__", "").startswith("fclab") else ("greenlet", "numpy", "threading")
    if name.partition(".")[0] in blocked:
        raise ImportError(f"{name} is blocked")
    return really_import(name, namespace, *rest)

builtins.__import__ = without  # the standard library's own logging may name threading, as it does in a browser; we may not
import time
from fclab import *

lab = Lab()

def connect(context):
    time.sleep(0.2)
"""

CASES = {
    "lesson 00": """
@lab.function(initializer=connect)
def hello(event, context):
    time.sleep(0.1)
    print("hi", time.time())
    return "hello"

calls = lab.invoke_at("hello", [0, 60, 600])
lab.run()
assert [call.response.latency for call in calls] == [1.1, 0.1, 1.1], calls
assert [call.response.cold for call in calls] == [True, False, True]
assert "hi 1767225601.1" in calls[0].response.logs, calls[0].response.logs
assert "greenlet" not in sys.modules and "numpy" not in sys.modules
""",
    "lesson 04": """
@lab.function(initializer=connect, timeout=10, max_instances=2)
def slow(event, context):
    time.sleep(5)
    return "done"

tasks = [lab.invoke_async("slow") for _ in range(10)]
lab.run()
assert [task.history[-1][0] for task in tasks] == [6, 6, 11, 11, 16, 16, 21, 21, 26, 26]
""",
    "lesson 05": """
@lab.function(initializer=connect)
def broken(event, context):
    time.sleep(0.1)
    raise ValueError("no")

task = lab.invoke_async("broken")
lab.run()
assert [event.time for event in lab.recording.select(DeliveryStarted)] == [0, 1.6, 2.7, 4.8]
assert (lab.now, task.executions) == (4.9, 4)
""",
    "lesson 08": """
@lab.function(initializer=connect)
def hello(event, context):
    time.sleep(0.1)

lab.reserve("hello", 1)
calls = lab.invoke_at("hello", [36000] * 3)
lab.run()
assert [call.response.latency for call in calls] == [0.1, 1.1, 1.1]
""",
    "a handler is atomic": """
seen = []
@lab.function
def two(event, context):
    seen.append(event); time.sleep(1); seen.append(event)

lab.invoke_at("two", [0], b"a"); lab.invoke_at("two", [0.5], b"b")
lab.run()
assert seen == [b"a", b"a", b"b", b"b"], seen
""",
    "a time-out": """
@lab.function(timeout=2)
def long(event, context):
    time.sleep(5)
    return "late"

response = lab.invoke("long")
assert (response.error_type, response.duration) == ("FunctionTimeoutError", 2.0), response
lab.run(until=100)
assert [event.reason for event in lab.recording.select(InstanceDestroyed)] == ["timeout"]
""",
    "a nested sync call is a clear error": """
lab.declare("other", duration=1)
@lab.function
def outer(event, context):
    context.invoke("other")

response = lab.invoke("outer")
assert "without greenlets a plain handler runs in one piece" in response.error, response.error
assert "async def" in response.error
@lab.function
def fire(event, context):
    context.invoke_async("other")

assert "without greenlets" in lab.invoke("fire").error
""",
    "async def waits and calls": """
import asyncio
lab.declare("other", duration=1, boot=1)
@lab.function(timeout=10)
async def outer(event, context):
    await asyncio.sleep(1)
    answer = await context.invoke("other")
    await context.work(0.5)
    return f"{answer.status} {context.now}"

lab.run(until=10)
response = lab.invoke("outer")
assert (response.text, response.latency) == ("200 14.3", 4.3), response
""",
    "models": """
lab.declare("load", duration="exponential(0.2)", boot=1.0)
lab.traffic("load", rate=10, duration=100)
lab.run()
assert lab.metrics() is not None
assert "load" in str(lab.table())
""",
    "closing": """
@lab.function
def f(event, context):
    return 1

lab.invoke("f")
lab.close()
lab.close()
""",
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """All cases in one process, each with a lab of its own: starting Python takes longer than the cases."""
    script = BLOCKED + "import traceback\n" + "".join(
        f"try:\n    lab = Lab()\n    exec({code!r}, dict(globals(), lab=lab))\n    print({name!r}, 'ok', sep='\\t')\n"
        f"except BaseException as error:\n    print({name!r}, repr(error) + traceback.format_exc().replace('\\n', ' | '), sep='\\t')\n"
        for name, code in CASES.items()
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", CASES)
def test_without_greenlets_threads_and_numpy(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] == "ok"
