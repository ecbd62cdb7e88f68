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

from fclab import Lab, UsageError
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
        "lab.invoke('hello')\nprint(lab._driver.platform.functions['hello'].instances[1].world.group.pid, flush=True)\nsys.stdin.read()"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        watch = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait(DEADLINE)
        assert select.select([watch], [], [], DEADLINE)[0], "the instance is still there"
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
