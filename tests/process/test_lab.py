"""`Lab("process")` as a user holds it: what it leaves behind, and what it says of wrong use."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from fclab import AsyncConfig, Lab, UsageError
from fclab.errors import PackageError
from tests.process.kit import DEADLINE, family, wait_for

door = threading.Lock()


def hello(event: bytes, context: Any) -> str:
    return "hello"


def opens(event: bytes, context: Any) -> str:
    with door:
        return "open"


def test_a_lab_that_nobody_holds_any_more_ends_with_all_its_processes() -> None:
    before = family()
    lab = Lab("process")
    lab.function(hello)
    assert lab.invoke("hello").text == "hello"
    assert family() > before
    del lab
    gc.collect()
    wait_for(lambda: family() <= before, DEADLINE)


def test_the_interpreter_ends_with_an_open_lab(tmp_path: Path) -> None:
    code = (
        "from fclab import Lab\nfrom tests.process.test_lab import hello\nlab = Lab('process')\nlab.function(hello)\n"
        "print(lab.invoke('hello').text)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("hello\n", "")
    wait_for(lambda: not list(tmp_path.glob("fclab-*")), DEADLINE)


def test_an_interpreter_killed_with_an_open_lab_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom fclab import Lab\nfrom tests.process.test_lab import hello\nlab = Lab('process')\nlab.function(hello)\n"
        "lab.invoke('hello')\nprint(lab._driver.platform.functions['hello'].instances[1].world.group.pid)\n"
        "from tests.process.test_lab import escapes\nlab.function(escapes)\nprint(lab.invoke('escapes', 'return').text, flush=True)\n"
        "sys.stdin.read()"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        watches = [os.pidfd_open(int(parent.stdout.readline())) for _ in range(2)]
        parent.send_signal(signal.SIGKILL)
        parent.wait(DEADLINE)
        for watch, what in zip(watches, ("the instance", "what left its group"), strict=True):
            assert select.select([watch], [], [], DEADLINE)[0], f"{what} is still there"
            os.close(watch)
    wait_for(lambda: not list(tmp_path.glob("fclab-*")), DEADLINE)


def test_what_cannot_be_packed_is_refused_when_it_is_declared() -> None:
    with Lab("process") as lab:
        with pytest.raises(PackageError, match="door"):
            lab.function(opens)
        assert lab.functions == {}


def test_models_and_other_things_of_virtual_time_are_refused() -> None:
    with Lab("process") as lab:
        with pytest.raises(UsageError, match="duration"):
            lab.declare("load", duration=0.1)
        with pytest.raises(UsageError, match="size"):
            lab.function(code_mb=200)(hello)
        lab.function(hello)
        assert 0 < lab.functions["hello"].code_mb < 0.01
        with pytest.raises(UsageError, match="speed"):
            lab.play(10)
        lab.play()
    with pytest.raises(UsageError, match="bandwidth"):
        Lab(bandwidth=1)
    for wrong in (0, -1, float("inf"), "fast", True):
        with pytest.raises(UsageError, match="bandwidth"):
            Lab("process", bandwidth=wrong)  # type: ignore[arg-type]


def test_a_bandwidth_makes_size_visible(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "index.py").write_text("def handler(event, context):\n    return 'ran'\n")
    (folder / "model.bin").write_bytes(os.urandom(500_000))
    with Lab("process", bandwidth=5) as lab:
        lab.deploy("f", folder)
        response = lab.invoke("f")
        assert response.text == "ran"
        download = next(phase for phase in response.phases if phase.name == "download")
        assert 0.1 <= download.duration < 2


def escapes(event: bytes, context: Any) -> str:
    """Starts what leaves the instance's group and session, and says which process it is."""
    how = event.decode()
    stray = subprocess.Popen(["sleep", "999"], start_new_session=True)
    if how == "exit":
        print(stray.pid, flush=True)
        os._exit(1)
    if how == "sleep":
        print(stray.pid, flush=True)
        threading.Event().wait()
    return str(stray.pid)


@pytest.mark.parametrize("start", ["spawn", "fork"])
@pytest.mark.parametrize("how", ["return", "exit", "sleep"])
def test_what_leaves_the_group_ends_with_its_instance(how: str, start: Any) -> None:
    with Lab("process") as lab:
        lab.function(timeout=0.5, start=start)(escapes)
        response = lab.invoke("escapes", how)
        text = response.text if response.ok else next(line for line in response.logs.splitlines() if line.isdigit())
        watch = os.pidfd_open(int(text))
    ended = select.select([watch], [], [], DEADLINE)[0]
    os.close(watch)
    assert ended


def fatal(event: bytes, context: Any) -> str:
    if event == b"poison":
        os._exit(1)
    threading.Event().wait(0.2)
    return "fine"


def test_an_event_that_kills_a_shared_instance_is_retried_as_a_function_error() -> None:
    with Lab("process") as lab:
        lab.function(concurrency=8, async_config=AsyncConfig(max_retries=1, first_delay=0.05))(fatal)
        lab.invoke("fatal")
        calls = lab.invoke_at("fatal", [lab.now] * 3)
        poison = lab.invoke_async("fatal", "poison", delay=0.05)
        lab.run()
        assert (poison.state, poison.executions) == ("Failed", 2)
        kinds = {call.response.error_type for call in calls if call.response and not call.response.ok}
        assert kinds <= {"ProcessExited"}


def test_a_bad_environment_is_refused_at_once() -> None:
    for lab in (Lab(), Lab("process")):
        for wrong in ({"A=B": "1"}, {"": "1"}, {"A": "x\0y"}):
            with pytest.raises(UsageError, match="environment"):
                lab.function(environment=wrong)(hello)
        lab.close()


def test_a_lab_whose_folder_was_emptied_says_that_it_is_the_platforms() -> None:
    with Lab("process") as lab:
        lab.function(hello)
        folder = lab._driver.platform.backend.home.folder  # type: ignore[attr-defined]
        (folder / "inside.bin").unlink()
        response = lab.invoke("hello")
        assert response.status == 500
        assert "emptied" in str(response.error)


def fails(context: Any) -> None:
    raise ValueError("hook trouble")


def test_a_failing_hook_leaves_its_trace() -> None:
    for lab in (Lab(profile="instant"), Lab("process")):
        with lab:
            lab.function(pre_freeze=fails, pre_stop=fails, idle_timeout=0.05)(hello)
            lab.invoke("hello")
            lab.run_for(0.6)
            assert str(lab.log("hello")).count("hook trouble") >= 2
