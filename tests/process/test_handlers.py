"""What a handler may rely on in a real process: event, result, errors, log, context."""

from __future__ import annotations

import json

from tests.process.kit import ProcessLab


def test_a_cold_then_a_warm_call(lab: ProcessLab) -> None:
    """Warm reuse: the second call meets the same process, which remembers."""
    lab.function("""
        import os
        count = 0
        def handler(event, context):
            global count
            count += 1
            return f"{event.decode()} {count} {os.getpid()}"
        """)
    cold, warm = lab.invoke(b"a"), lab.invoke(b"b")
    assert [phase.name for phase in cold.phases] == ["schedule", "download", "unpack", "start"]
    assert warm.phases == ()
    assert cold.text.split()[:2] == ["a", "1"]
    assert warm.text.split() == ["b", "2", cold.text.split()[2]]
    assert cold.instance_id == warm.instance_id == "f#1"
    assert warm.memory_mb is not None
    assert 5 < warm.memory_mb < 60
    assert cold.logs == f"FC Invoke Start RequestId: {cold.request_id}\nFC Invoke End RequestId: {cold.request_id}\n"


def test_an_exception_is_an_answer_and_the_instance_lives_on(lab: ProcessLab) -> None:
    lab.function("""
        def inner():
            raise ValueError("no")
        def handler(event, context):
            print("before")
            if event == b"bad":
                inner()
            return "fine"
        """)
    bad = lab.invoke(b"bad")
    assert (bad.status, bad.error, bad.error_type) == (200, "ValueError: no", "UnhandledInvocationError")
    body = bad.json()
    assert body == {
        "errorMessage": "no",
        "errorType": "ValueError",
        "stackTrace": [
            ['File "/code/index.py"', "line 7", "in handler", "inner()"],
            ['File "/code/index.py"', "line 3", "in inner", 'raise ValueError("no")'],
        ],
    }
    assert bad.payload == json.dumps(body, indent=4, sort_keys=True).encode()
    assert bad.logs.splitlines()[1] == "before"
    assert bad.logs.endswith(f"FC Invoke End RequestId: {bad.request_id}, Error: Unhandled function error\n")
    good = lab.invoke(b"good")
    assert (good.text, good.cold, good.instance_id) == ("fine", False, bad.instance_id)
