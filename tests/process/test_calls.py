"""The context at work: calls of other functions, threads, coroutines, logs of each request, the zygote."""

from __future__ import annotations

import json
from typing import Any

from tests.process.kit import ProcessLab


def test_calls_of_other_functions(lab: ProcessLab) -> None:
    lab.function(
        """
        import json
        def handler(event, context):
            r = context.invoke("inner", {"a": 1})
            bad = context.invoke("inner", b"bad")
            none = context.invoke("nowhere")
            task = context.invoke_async("inner", b"later", task_id="mine")
            again = context.invoke_async("inner", b"later", task_id="mine")
            return json.dumps([r.text, r.ok, r.cold, [p.name for p in r.phases],
                bad.error_type, bad.json()["errorMessage"], bad.logs.splitlines()[1], none.status, repr(task),
                task.status, task.state, again.status, again.state, again.result().error_type])
        """,
        timeout=20,
    )
    lab.function("""
        def handler(event, context):
            print("inner", event.decode())
            if event == b"bad":
                raise ValueError("no")
            return event
        """, name="inner")  # fmt: skip
    response = lab.invoke()
    assert response.error is None, response.text
    assert response.json() == [
        '{"a": 1}', True, True, ["schedule", "download", "unpack", "start"], "UnhandledInvocationError", "no", "inner bad", 404,
        "Task(R5, Enqueued)", 202, "Enqueued", 409, "Rejected", "StatefulAsyncInvocationAlreadyExists",
    ]  # fmt: skip
    lab.until(lambda: lab.platform.work == 0)


def test_a_raised_answer(lab: ProcessLab) -> None:
    lab.function("def handler(event, context):\n    return context.invoke('nowhere').raise_for_error().text")
    response = lab.invoke()
    assert response.json()["errorType"] == "RequestRefused"  # type: ignore[index]
    assert "404" in (response.error or "")


def test_hooks_cannot_call(lab: ProcessLab) -> None:
    lab.function(
        """
        said = None
        def prepare(context):
            global said
            said = context.invoke("f")
        def handler(event, context):
            return f"{said.status} {said.error_type} {said.text}"
        """,
        initializer="index.prepare",
    )
    assert lab.invoke().text == "403 AccessDenied initializers and hooks cannot call functions"


def test_several_requests_on_one_instance(lab: ProcessLab) -> None:
    """Threads: what each prints is in its own log, calls come back to whoever made them, and all run at once."""
    lab.function(
        """
        import os, threading
        room = threading.Barrier(8)
        def handler(event, context):
            if event == b"warm":
                return event
            print("I am", event.decode())
            room.wait(10)
            inner = context.invoke("echo", event).text
            print("still", inner)
            return f"{inner} {os.getpid()}"
        """,
        concurrency=8,
        timeout=15,
    )
    lab.function("def handler(event, context):\n    return event\n", name="echo")
    lab.invoke(b"warm")
    calls = [lab.start(str(number).encode()) for number in range(8)]
    for number, call in enumerate(calls):
        response = call.result
        assert (response.error, response.instance_id) == (None, "f#1"), response.logs
        assert response.text.split()[0] == str(number)
        assert response.logs.splitlines()[1:-1] == [f"I am {number}", f"still {number}"]


def test_coroutines(lab: ProcessLab) -> None:
    """`async def`: each request in a loop of its own; calls, work and sleeps are awaited, side by side."""
    lab.function(
        """
        import asyncio
        async def handler(event, context):
            async def one(number):
                await context.work(0.1)
                print("one", number)
                return (await context.invoke("echo", str(number))).text
            told = await asyncio.gather(*map(one, range(5)))
            task = await context.invoke_async("echo", b"x")
            await asyncio.to_thread(print, "from a thread")
            return " ".join(told) + " " + task.state
        """,
        timeout=15,
    )
    lab.function("def handler(event, context):\n    return event\n", name="echo")
    for _ in range(2):
        response = lab.invoke()
        assert response.text == "0 1 2 3 4 Enqueued", response.logs
        assert response.logs.count("one ") == 5
        assert "from a thread" in response.logs
    lab.until(lambda: lab.platform.work == 0)


def test_the_context(lab: ProcessLab) -> None:
    lab.function(
        """
        import json, threading
        kept = []
        def handler(event, context):
            context.logger.info("hello %s", "log")
            context.logger.debug("hidden")
            try:
                1 / 0
            except ZeroDivisionError:
                context.logger.exception("caught")
            wrong = []
            def elsewhere():
                try:
                    context.invoke("f")
                except ValueError as error:
                    wrong.append(str(error))
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            for old in kept:
                try:
                    old.now
                except ValueError as error:
                    wrong.append(str(error))
            kept.append(context)
            before = context.now
            context.work(0.05)
            f = context.function
            return {"id": context.request_id, "same": context.requestId, "f": [f.name, f.handler, f.memory, f.timeout],
                "retry": context.retry_count, "where": [context.region, context.account_id, context.credentials.access_key_id],
                "passed": context.now - before, "now": context.now,
                "left": context.remaining_s, "wrong": wrong}
        """,
        timeout=5,
    )
    for count in (1, 2):
        response = lab.invoke()
        said: Any = response.json()
        assert said["id"] == said["same"] == response.request_id
        assert said["f"] == ["f", "index.handler", 512, 5.0]
        assert said["retry"] == 0
        assert said["where"] == ["lab", "000000000000", "lab-key-id"]
        assert 0.05 <= said["passed"] < 0.2
        assert 4 < said["left"] < 4.96
        assert abs(said["now"] - lab.clock.reading() / 1e6) < 1
        assert len(said["wrong"]) == count
        assert all("outside its own run" in text for text in said["wrong"])
        lines = response.logs.splitlines()
        assert lines[1].endswith(f"Z {response.request_id} [INFO] hello log")
        assert lines[2].endswith(f"Z {response.request_id} [ERROR] caught")
        assert lines[3] == "ZeroDivisionError: division by zero"


def test_results(lab: ProcessLab) -> None:
    lab.function("""
        import datetime, decimal
        class Own:
            def to_json(self):
                return [1]
        values = {b"none": None, b"text": "é", b"bytes": b"\\x00", b"plain": {"b": [1, 2.5, {}], "a": (True, None, [])},
            b"other": {"d": datetime.date(2026, 1, 2), "n": decimal.Decimal("1.5"), "o": Own()},
            b"number": 3, b"set": {1}, b"large": "x" * (33 << 20)}
        def handler(event, context):
            return values[event]
        """)
    expected = {
        b"none": b"null", b"text": "é".encode(), b"bytes": b"\0", b"number": b"3",
        b"plain": json.dumps({"a": [True, None, []], "b": [1, 2.5, {}]}, indent=4).encode(),
        b"other": b'{\n    "d": "2026-01-02",\n    "n": 1.5,\n    "o": [\n        1\n    ]\n}',
    }  # fmt: skip
    for event, payload in expected.items():
        assert lab.invoke(event).payload == payload
    assert lab.invoke(b"set").error == "TypeError: Object of type set is not JSON serializable"
    large = lab.invoke(b"large")
    assert (large.status, large.error_type) == (200, "EntityTooLarge")
    assert not large.cold


def test_large_payloads(lab: ProcessLab) -> None:
    """As much as may be sent, both ways, by one that dawdles."""
    lab.function("def handler(event, context):\n    return event\n", timeout=20)
    payload = bytes(range(256)) * (32 << 12)
    assert len(payload) == 32 << 20
    assert lab.invoke(payload).payload == payload


def test_retries_tell_their_number(lab: ProcessLab) -> None:
    lab.function("def handler(event, context):\n    print(context.retry_count)\n    assert context.retry_count\n    return 'done'\n")
    task = lab.send()
    assert task.state == "Succeeded"
    assert task.response is not None
    assert (task.response.text, task.executions) == ("done", 2)


def test_a_zygote_has_what_it_preloads(lab: ProcessLab) -> None:
    """Forked instances share the modules, and nothing else: memory, variables and random numbers are their own."""
    lab.function(
        """
        import sys
        there = sorted({"decimal", "random", "fractions"} & set(sys.modules))
        import os, random
        def handler(event, context):
            import time
            time.sleep(0.2)
            return {"there": there, "pid": os.getpid(), "zygote": os.getppid(), "group": os.getpgrp(), "drawn": random.random()}
        """,
        start="fork",
        preload=("decimal", "random", "no_such_module"),
    )
    calls = [lab.start() for _ in range(3)]
    said: list[Any] = [call.result.json() for call in calls]
    assert len({one["pid"] for one in said}) == len({one["drawn"] for one in said}) == 3
    assert len({one["zygote"] for one in said}) == 1
    assert all(one["there"] == ["decimal", "random"] and one["group"] == one["pid"] for one in said)
    assert "fork" in [phase.name for phase in calls[0].result.phases]
