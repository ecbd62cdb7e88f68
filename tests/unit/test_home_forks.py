"""A forked child of a process whose lab has a home: whatever it does with the lab, the home is the parent's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fclab import Lab

CHILDREN = {
    "exits": "sys.exit(0)",
    "ends": "pass",
    "drops": "del lab, tasks; gc.collect(); sys.exit(0)",
    "closes": "lab.close(); lab.close(); lab._platform.queue.close(3); sys.exit(0)",
    "uses": """
for use in (lambda: lab.invoke_async("f"), lambda: lab.invoke("f"), lab.run, lab.step, lambda: lab.tasks(), lambda: tasks[0].stop(),
            lambda: lab._platform.queue.task(1), lambda: lab._platform.queue.lease("f", 10**12, 10**13), lab._platform.queue.flush):
    try:
        use()
    except WrongThread as error:
        assert "forked from" in str(error)
    else:
        os._exit(7)
""",
}

PARENT = """
import gc, os, signal, sys
from fclab import Lab
from fclab.errors import WrongThread
home, backend = sys.argv[1:]
lab = Lab(backend, home=home)
if backend == "virtual":
    lab.declare("f", duration=1)
else:
    lab.function(name="f")(lambda event, context: 1)
tasks = [lab.invoke_async("f", str(number), delay=3600) for number in range(30)]
assert {task.status for task in tasks} == {202}
child = os.fork()
if child == 0:
    CHILD
else:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lab.invoke_async("f", "after", delay=3600).status == 202
    print(len(lab.tasks(limit=100)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("backend", ["virtual", "process"])
@pytest.mark.parametrize("does", CHILDREN)
def test_a_forked_child_changes_nothing(does: str, backend: str, tmp_path: Path) -> None:
    child = CHILDREN[does].strip().replace("\n", "\n    ")
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("CHILD", child), encoding="utf-8")
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(home), backend], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.split() == ["31"]
    with Lab(backend, home=home) as lab:
        tasks = lab.tasks(limit=100)
        assert [task.payload.decode() for task in reversed(tasks)] == [*map(str, range(30)), "after"]


def test_a_forked_child_does_not_remove_the_code(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("def handler(event, context): return 1\n", encoding="utf-8")
    with Lab() as lab:
        lab.deploy("f", tmp_path)
        folder = lab._code.folder
        child = os.fork()
        if child == 0:
            try:
                lab._code.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert (folder / "unpacked").is_dir()
        assert lab.invoke("f").json() == 1
    assert not folder.exists()
