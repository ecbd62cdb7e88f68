"""How runs and processes end other than well: each ending is a function error of its kind, and the next request is served."""

from __future__ import annotations

import pytest

from tests.process.kit import ProcessLab, running, wait_for


def good_again(lab: ProcessLab, instance: str = "f#2") -> None:
    response = lab.invoke(b"good")
    assert (response.text, response.cold, response.instance_id, response.error) == ("fine", True, instance, None)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import os; os._exit(3)", "ProcessExited", "exit code: 3"),
        ("raise SystemExit(4)", "ProcessExited", "exit code: 4"),
        ("raise SystemExit", "ProcessExited", "exit code: 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ProcessExited", "killed by SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ProcessExited", "killed by SIGKILL"),
        ("import os; os.closerange(3, 100)", "ProcessExited", "it closed its connection to the platform"),
        ("import os\n        os.closerange(3, 100)\n        while True: pass", "ProcessExited", "it closed its connection to the platform"),
        ("raise MemoryError", "FunctionOOMError", "Function ran out of memory (limit: 128 MB)"),
        ("bytearray(64 << 30)", "FunctionOOMError", "Function ran out of memory (limit: 128 MB)"),
        ("held = [b'x' * 1000000 for _ in range(200)]\n        while True: pass", "FunctionOOMError", "Function ran out of memory"),
        ("held = b'x' * 200000000", "FunctionOOMError", "Function ran out of memory"),
        ("import os, time\n        while True:\n            if not os.fork(): time.sleep(60)", "ProcessExited", "more than 64 processes"),
    ],
)
def test_the_process_ends(lab: ProcessLab, code: str, kind: str, said: str) -> None:
    lab.function(
        f"""
def handler(event, context):
    print("before")
    if event == b"bad":
        {code}
    return "fine"
""",
        memory_mb=128,
        timeout=20,
    )
    bad = lab.invoke(b"bad")
    assert (bad.status, bad.error_type) == (200, kind)
    assert said in (bad.error or "")
    assert bad.logs.splitlines()[1] == "before"
    assert bad.json().get("errorType") in (None, kind)  # type: ignore[attr-defined]
    good_again(lab)


def test_a_time_out(lab: ProcessLab) -> None:
    """It ends at the time-out, its stacks are in the instance's log, the next call is good, remaining time was right."""
    lab.function(
        """
        import time
        def handler(event, context):
            if event == b"bad":
                print(round(context.remaining_s, 1))
                time.sleep(0.1)
                print(round(context.remaining_s, 1))
                stuck()
            return "fine"
        def stuck():
            time.sleep(60)
        """,
        timeout=0.5,
    )
    call = lab.start(b"bad")
    lab.until(lambda: len(lab.backend.bodies) == 1)
    body = lab.body()
    bad = call.result
    assert (bad.status, bad.error, bad.error_type) == (200, "Function timed out after 0.5 seconds", "FunctionTimeoutError")
    assert bad.duration is not None
    assert 0.5 <= bad.duration < 0.7
    assert bad.logs.splitlines()[1:] == ["0.5", "0.4", f"FC Invoke End RequestId: {bad.request_id}, Error: timeout"]
    good_again(lab)
    lab.until(lambda: body not in lab.backend.bodies)
    assert "in stuck" in "".join(body.log)


def test_a_time_out_of_what_ignores_everything(lab: ProcessLab) -> None:
    lab.function(
        """
        import signal
        def handler(event, context):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while event == b"bad":
                pass
            return "fine"
        """,
        timeout=0.3,
    )
    call = lab.start(b"bad")
    lab.until(lambda: len(lab.backend.bodies) == 1)
    body = lab.body()
    assert call.result.error_type == "FunctionTimeoutError"
    good_again(lab)
    lab.until(lambda: body not in lab.backend.bodies)


def test_a_flood_blocks_nothing_and_is_cut(lab: ProcessLab) -> None:
    lab.function("""
        import os, sys
        def handler(event, context):
            if event == b"print":
                for _ in range(3000):
                    print("x" * 1000)
            if event == b"raw":
                for _ in range(3000):
                    os.write(1, b"y" * 1000)
            return "fine"
        """)
    for event, letter in ((b"print", "x"), (b"raw", "y")):
        response = lab.invoke(event)
        assert (response.text, response.error) == ("fine", None)
        assert (1 << 20) <= len(response.logs) < (1 << 20) + 200
        assert "[log cut]" in response.logs
        assert letter * 1000 in response.logs


def test_what_a_handler_started_ends_with_its_instance(lab: ProcessLab) -> None:
    lab.function("""
        import os, subprocess, sys
        def handler(event, context):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=event == b"away")
            print(child.pid)
            os._exit(1) if event == b"exit" else None
            if event == b"away":
                raise MemoryError
        """)
    for event in (b"exit", b"away"):
        pid = int(lab.invoke(event).logs.splitlines()[1])
        wait_for(lambda pid=pid: not running(pid))  # type: ignore[misc]


def test_an_idle_instance_that_dies_is_noticed(lab: ProcessLab) -> None:
    lab.function("def handler(event, context):\n    return 'fine'")
    lab.invoke()
    import os
    import signal

    os.kill(lab.pid(), signal.SIGKILL)
    lab.until(lambda: not lab.backend.bodies)
    good_again(lab)


def test_four_at_once_are_four_instances(lab: ProcessLab) -> None:
    lab.function("""
        import os, time
        def handler(event, context):
            time.sleep(0.2)
            return str(os.getpid())
        """)
    calls = [lab.start() for _ in range(4)]
    assert len({call.result.text for call in calls}) == 4
    assert [call.result.instance_id for call in calls] == ["f#1", "f#2", "f#3", "f#4"]
    assert max(call.result.latency for call in calls) < 0.8


def test_a_death_among_several_runs(lab: ProcessLab) -> None:
    """Nobody can tell whose doing it was: it is a function error for all of them, so a poisonous event runs out of retries."""
    lab.function(
        """
        import os, time
        def handler(event, context):
            if event == b"bad":
                time.sleep(0.2)
                os._exit(5)
            time.sleep(30)
        """,
        concurrency=3,
        timeout=60,
        max_instances=1,
    )
    lab.function("def handler(event, context):\n    return 'other'", name="g")
    bad = lab.start(b"bad")
    lab.until(lambda: any(body.busy and body.instance.running for body in lab.backend.bodies))
    other = lab.start(b"good")
    assert bad.result.error_type == "ProcessExited"
    assert (other.result.status, other.result.error_type) == (200, "ProcessExited")
    assert lab.invoke(name="g").text == "other"


NONSENSE = {
    "an unknown kind": "HEAD.pack(99, 0, 0, 0)",
    "too few fields": "HEAD.pack(12, 1, 0, 0)",
    "a cut field": "HEAD.pack(12, 1, 0, 3) + b'abc'",
    "a field too long": "HEAD.pack(12, 1, 0, 4) + bytes([9, 0, 0, 0])",
    "a frame too large": "HEAD.pack(12, 1, 0, (1 << 32) - 1)",
    "a delay that is no number": "HEAD.pack(15, 1, 0, 17) + (bytes(12) + bytes([1, 0, 0, 0]) + b'x')",
}


@pytest.mark.parametrize("what", list(NONSENSE))
def test_nonsense_ends_the_instance_and_nothing_else(lab: ProcessLab, what: str) -> None:
    """The other end of the socket is not believed."""
    lab.function(f"""
        import os, struct, time
        HEAD = struct.Struct("<BIqI")
        def handler(event, context):
            if event == b"bad":
                for fd in range(3, 1024):
                    if os.path.realpath(f"/proc/self/fd/{{fd}}").rpartition("/")[2].startswith("socket"):
                        os.write(fd, {NONSENSE[what]})
                time.sleep(30)
            return "fine"
        """, timeout=20)  # fmt: skip
    lab.function("def handler(event, context):\n    return 'other'", name="g")
    assert lab.invoke(name="g").text == "other"
    bad = lab.invoke(b"bad")
    assert (bad.status, bad.error_type) == (200, "ProcessExited")
    assert "it broke the protocol" in (bad.error or "")
    assert not lab.invoke(name="g").cold
    good_again(lab)
