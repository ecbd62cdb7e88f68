"""`Home`, clause by clause."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fclab.controls.home import Home

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
DEADLINE = 20.0


def gone(folder: Path) -> bool:
    """The folder disappears before the deadline: told by the janitor's exit, which closes its end of the pipe."""
    return not folder.exists()


def test_clause_1_close_leaves_nothing() -> None:
    home = Home()
    (home.folder / "packages" / "x").write_text("x")
    folder, janitor = home.folder, home._janitor
    assert sorted(part.name for part in folder.iterdir()) == ["instances", "logs", "packages"]
    home.close()
    home.close()
    assert gone(folder)
    assert janitor.returncode == 0


PARENT = """
import os, sys
from fclab.controls.home import Home
home = Home()
(home.folder / "packages" / "x").write_text("x")
if sys.argv[1] == "fork":
    if os.fork() == 0:
        os.close(1)
        sys.stdin.buffer.read()
        os._exit(0)
print(home.folder, home._janitor.pid, flush=True)
sys.stdin.buffer.read()
"""


@pytest.mark.parametrize("how", ["plain", "fork"])
def test_clauses_2_and_3_a_killed_process_leaves_no_folder(how: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        folder, janitor = parent.stdout.readline().split()
        assert Path(folder).is_dir()
        watch = os.pidfd_open(int(janitor))
        parent.send_signal(signal.SIGKILL)
        parent.wait(DEADLINE)
        ready, _, _ = select.select([watch], [], [], DEADLINE)
        os.close(watch)
        assert ready, "the janitor is still there"
        assert gone(Path(folder))


def test_the_janitor_is_not_interrupted() -> None:
    home = Home()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        os.kill(home._janitor.pid, number)
    assert home._janitor.poll() is None
    home.close()
    assert home._janitor.returncode == 0
