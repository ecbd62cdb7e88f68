"""Frozen and thawed, hooks, stops at any moment, and what becomes of instances when their lab dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fclab.engine.instance import State
from tests.process.kit import ProcessLab, running, state, wait_for

ECHO = "def handler(event, context):\n    return event\n"


def test_an_idle_instance_is_frozen_and_thawed(lab: ProcessLab) -> None:
    lab.function("""
        import threading, time
        count = 0
        def tick():
            global count
            while True:
                time.sleep(0.001)
                count += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            return str(count)
        """)
    lab.invoke()
    pid = lab.pid()
    wait_for(lambda: state(pid) == "T")
    before = int(lab.invoke().text)
    assert lab.body().instance.served == 2
    wait_for(lambda: state(pid) == "T")
    lab.until(lambda: lab.clock.now() > 0)
    assert int(lab.invoke().text) < before + 200


def test_a_reserved_instance_stays_running(lab: ProcessLab) -> None:
    lab.function(ECHO, reserved=1)
    lab.until(lambda: any(body.instance.state is State.IDLE for body in lab.backend.bodies))
    response = lab.invoke(b"x")
    assert (response.text, response.cold) == ("x", False)
    lab.function(ECHO, name="g")
    lab.invoke(name="g")
    frozen = next(body for body in lab.bodies() if body.instance.function.name == "g")
    wait_for(lambda: frozen.group is not None and state(frozen.group.pid) == "T")
    reserved = next(body for body in lab.bodies() if body.instance.function.name == "f")
    assert reserved.group is not None
    assert state(reserved.group.pid) == "S"


def test_hooks_run_before_freezing_and_stopping(lab: ProcessLab, tmp_path: Path) -> None:
    note = tmp_path / "note"
    lab.function(
        f"""
        def handler(event, context):
            return "fine"
        def freeze(context):
            print("freezing")
            raise ValueError("it is no matter")
        def stop(context):
            with open({str(note)!r}, "w") as file:
                file.write("stopped " + context.request_id)
        """,
        pre_freeze="index.freeze", pre_stop="index.stop", idle_timeout=0.3,
    )  # fmt: skip
    lab.invoke()
    body = lab.body()
    lab.until(lambda: not lab.backend.bodies)
    log = "".join(body.log)
    assert log.startswith("freezing\nthe pre_freeze hook failed: {")
    assert "it is no matter" in log
    assert note.read_text() == "stopped f#1"
    assert not body.room.folder.exists()


@pytest.mark.parametrize("ending", ["os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_a_hook_that_ends_the_process(lab: ProcessLab, ending: str) -> None:
    lab.function(f"""
        import os
        def handler(event, context):
            return "fine"
        def hook(context):
            {ending}
        """, pre_freeze="index.hook")  # fmt: skip
    assert lab.invoke().text == "fine"
    lab.until(lambda: not lab.backend.bodies)
    assert lab.invoke().cold
    lab.function(f"import os\ndef handler(event, context): return 'x'\ndef hook(context): {ending}\n", name="g", pre_stop="index.hook",
                 idle_timeout=0.1)  # fmt: skip
    assert lab.invoke(name="g").text == "x"
    lab.until(lambda: not any(body.instance.function.name == "g" for body in lab.backend.bodies))


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_closed_at_any_moment(lab: ProcessLab, start: str) -> None:
    """Instances in every phase of their lives when the lab is closed; the fixture looks for what is left."""
    lab.function("import time\ndef handler(event, context):\n    time.sleep(30) if event else None\n", start=start, timeout=60)
    lab.function("import time\ntime.sleep(30)\ndef handler(event, context): pass\n", name="slow", start=start)
    lab.invoke()
    frozen = lab.pid()
    wait_for(lambda: state(frozen) == "T")
    lab.start(name="slow")
    lab.until(lambda: len(lab.backend.bodies) == 2 and all(body.group is not None for body in lab.backend.bodies))
    lab.start(b"x")
    lab.start(b"x")
    lab.start(name="slow")
    lab.close()


def test_stopped_while_it_downloads(tmp_path: Path, nothing_left: Path) -> None:
    lab = ProcessLab(tmp_path, bytes_per_second=1.0)
    lab.function(ECHO)
    call = lab.start()
    lab.until(lambda: any(body.pending for body in lab.backend.bodies))
    body = lab.body()
    lab.on_engine(lab.platform.kill, body.instance)
    assert call.result.status == 500
    lab.until(lambda: not lab.backend.bodies)
    lab.start()
    lab.until(lambda: any(body.pending for body in lab.backend.bodies))
    lab.close()


_PARENT = """
import os, sys, tempfile
from pathlib import Path
from tests.process.kit import ProcessLab, state, wait_for
tempfile.tempdir = sys.argv[1]
lab = ProcessLab(Path(sys.argv[2]))
BUSY = "import os\\ndef handler(event, context):\\n    print(os.getpid())\\n    {}\\n"
IGNORE = "import signal\\n    [signal.signal(s, signal.SIG_IGN) for s in range(1, 32) if s not in (9, 19)]\\n"
LOOP = IGNORE + "    while event: sum(range(10**9))"
lab.function(BUSY.format(LOOP), name="busy", timeout=600)
lab.function(BUSY.format("os.fork(); os.fork(); import time; time.sleep(600) if event else None"), name="forks", timeout=600)
lab.function(BUSY.format("pass"), name="frozen")
lab.function(BUSY.format("pass"), name="forked", start="fork")
lab.function(BUSY.format(LOOP), name="looping", start="fork", timeout=600)
lab.start(b"x", "busy"); lab.start(b"x", "forks"); lab.start(b"x", "looping")
lab.invoke(name="frozen"); lab.invoke(name="forked")
bodies = lab.backend.bodies
lab.until(lambda: len(bodies) == 5 and all(b.group and (b.instance.running or b.frozen) for b in bodies))
by = {b.instance.function.name: b.group.pid for b in lab.bodies()}
wait_for(lambda: state(by["frozen"]) == "T" and state(by["forked"]) == "T")
zygote = lab.on_engine(lambda: [z.group.pid for z in lab.backend._zygotes.values()])
print(*by.values(), *zygote, lab.backend.lifeline._sweeper.pid, flush=True)
sys.stdin.read()
"""


def test_a_killed_lab_leaves_nothing(tmp_path: Path, nothing_left: Path) -> None:
    """kill -9 of the lab's process: what loops in C and ignores every signal, what forked, what is frozen, the zygote, all folders."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(nothing_left), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with parent:
        assert parent.stdout is not None
        try:
            pids = [int(pid) for pid in parent.stdout.readline().split()]
            assert len(pids) == 7
            assert all(map(running, pids))
            members = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _group(path) in pids]
            assert len(members) >= len(pids) + 3
        finally:
            parent.kill()
    wait_for(lambda: not any(map(running, members)), 5)
    wait_for(lambda: not list(nothing_left.iterdir()), 5)


def _group(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(") ")[2].split()[2])
    except OSError:
        return 0


def test_a_copy_of_the_labs_process_keeps_nothing_alive(lab: ProcessLab) -> None:
    """A forked child of the lab's process does not hold the lifeline."""
    child = os.fork()
    if child == 0:
        held = {fd.stat().st_ino for fd in Path("/proc/self/fd").iterdir() if fd.exists()}
        os._exit(int(lab.inode in held))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_zygote_that_dies_takes_its_instances_along(lab: ProcessLab) -> None:
    lab.function(ECHO, start="fork")
    assert lab.invoke(b"x").text == "x"
    (zygote,) = lab.on_engine(lambda: list(lab.backend._zygotes.values()))
    os.kill(zygote.group.pid, signal.SIGKILL)
    lab.until(lambda: not lab.backend.bodies)
    response = lab.invoke(b"y")
    assert (response.text, response.cold) == ("y", True)
