"""`lab.deploy` in virtual time: a real package, imported by each instance for itself; and the options that belong to packages."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab, PackageError, UsageError
from tests.unit.packages_kit import make_zip

MadeLab: Any = Lab
"""`Lab` without its types, for what they forbid."""

INDEX = """
import time
from pathlib import Path
from time import sleep

import helper
from lib.deep import VALUE

count = 0

def setup(context):
    global count
    count = 100

def handler(event, context):
    global count
    count += 1
    from lib import late
    sleep(0.25)
    return [count, helper.NAME, VALUE, late.LATE, Path("data.txt").read_text(), context.function.handler]

async def patient(event, context):
    import asyncio
    await asyncio.sleep(1)
    return __name__

def fails(event, context):
    return helper.fail()

def leave(context):
    print("left")
"""


def write(folder: Path, **files: str) -> Path:
    for name, content in {"index": INDEX, "helper": f"NAME = {folder.name!r}\n\ndef fail():\n    raise ValueError('x')\n", **files}.items():
        (folder / name.replace("__", "/")).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name.replace('__', '/')}.py").write_text(content)
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "lib/deep.py").write_text("VALUE = 7\n")
    (folder / "lib/late.py").write_text("LATE = 'late'\n")
    (folder / "data.txt").write_text("data")
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return write(tmp_path / "thumbnail")


def test_each_instance_imports_its_package_for_itself(code: Path) -> None:
    before, path, cwd = set(sys.modules), list(sys.path), Path.cwd()
    with Lab(profile="instant") as lab:
        lab.deploy("thumbnail", code)
        first, second = lab.invoke_at("thumbnail", [0, 0])
        lab.run()
        third = lab.invoke("thumbnail")
        rest = ["thumbnail", 7, "late", "data", "index.handler"]
        assert [call.response and call.response.json() for call in (first, second)] == [[1, *rest], [1, *rest]]
        assert third.json() == [2, *rest]
        assert third.latency == 0.25
    assert not {name for name in set(sys.modules) - before if name.partition(".")[0] in ("index", "helper", "lib")}
    assert (sys.path, Path.cwd()) == (path, cwd)


def test_functions_with_modules_of_one_name_do_not_mix(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = type(sys)("helper")
    monkeypatch.setitem(sys.modules, "helper", mine)
    lab, other = Lab(), Lab()
    lab.deploy("a", code)
    lab.deploy("b", write(tmp_path / "resize"))
    other.deploy("a", tmp_path / "resize")
    assert [one.invoke(name).json()[1] for one, name in ((lab, "a"), (lab, "b"), (other, "a"), (lab, "a"))] == [  # type: ignore[index]
        "thumbnail", "resize", "resize", "thumbnail",
    ]  # fmt: skip
    assert sys.modules["helper"] is mine


def test_a_zip_is_taken_as_it_is(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "code.zip", {"main.py": b"def run(event, context):\n    return event\n"})
    lab = Lab()
    lab.deploy("echo", str(path), handler="main.run")
    assert lab.invoke("echo", b"hi").text == "hi"
    package = lab.functions["echo"].package
    assert package is not None
    assert package.size == path.stat().st_size


def test_initializer_hooks_and_async_handlers(code: Path) -> None:
    lab = Lab(profile="instant")
    lab.deploy("a", code, initializer="index.setup", pre_stop="index.leave")
    assert lab.invoke("a").json()[0] == 101  # type: ignore[index]
    lab.deploy("b", code, handler="index.patient")
    assert (lab.invoke("b").text, lab.invoke("b").latency) == ("index", 1.0)


def test_loading_takes_part_in_the_first_requests_time_and_time_out(code: Path) -> None:
    write(code, index="import time\ntime.sleep(2)\n\ndef handler(event, context):\n    time.sleep(0.5)\n")
    lab = Lab(profile="instant")
    lab.deploy("slow", code)
    assert [lab.invoke("slow").latency for _ in range(2)] == [2.5, 0.5]
    lab.deploy("late", code, timeout=1)
    response = lab.invoke("late")
    assert (response.latency, response.error_type) == (1.0, "FunctionTimeoutError")
    lab.deploy("prepared", code, timeout=1, initializer="index.handler", init_timeout=1)
    assert lab.invoke("prepared").error_type == "FunctionTimeoutError"


def test_two_instances_import_at_the_same_time(code: Path) -> None:
    body = "\n\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n"
    write(code, index="import time\nn = 0\ntime.sleep(1)\nimport helper\n" + body)
    lab = Lab(profile="instant")
    lab.deploy("slow", code)
    calls = lab.invoke_at("slow", [0, 0.3, 0.6])
    lab.run()
    assert [(call.response.text, call.response.latency) for call in calls if call.response] == [("1", 1.0)] * 3


def test_a_stack_trace_shows_places_in_the_package(code: Path) -> None:
    lab = Lab()
    lab.deploy("fails", code, handler="index.fails")
    response: Any = lab.invoke("fails")
    frames = response.json()["stackTrace"]
    assert [frame[0] for frame in frames] == ['File "/code/index.py"', 'File "/code/helper.py"']
    assert frames[-1][2:] == ["in fail", "raise ValueError('x')"]


LOADS: list[tuple[str, str, str, str, str]] = [
    ("no such module", "pass", "nope.handler", "ImportModuleError: Unable to import module 'nope'", "No module named 'nope'"),
    ("missing inside", "import gone_for_good", "index.handler", "ImportModuleError: Unable to import module 'index'", "gone_for_good"),
    ("syntax", "def (:", "index.handler", "UserCodeSyntaxError: Syntax error in module 'index'", 'File "/code/index.py", line 1'),
    ("raises", "1 / 0", "index.handler", "UserCodeError: Module initialization error: 'division by zero'", "ZeroDivisionError"),
    ("no function", "x = 1", "index.handler", "HandlerNotFound: Handler 'handler' is missing on module 'index'", ""),
    ("not callable", "handler = 1", "index.handler", "HandlerNotFound: Handler 'handler' is missing on module 'index'", ""),
    ("no dot", "pass", "index", "InvalidHandleName: Invalid handler 'index'", ""),
    ("leaves", "import sys; sys.exit(3)", "index.handler", "Process exited unexpectedly", ""),
]


@pytest.mark.parametrize(("index", "handler", "error", "log"), [row[1:] for row in LOADS], ids=[row[0] for row in LOADS])
def test_what_cannot_be_loaded_is_a_function_error_of_its_kind(index: str, handler: str, error: str, log: str, code: Path) -> None:
    write(code, index=index)
    lab = Lab()
    lab.deploy("f", code, handler=handler)
    response: Any = lab.invoke("f")
    assert response.status == 200
    assert response.error.startswith(error)
    assert response.json().get("errorType") == (error.partition(":")[0] if ":" in error else None)
    assert log in response.logs
    lab.deploy("g", code, handler=handler if "." in handler else "index.x", initializer=handler)
    assert str(lab.invoke("g").error).startswith(error), "an initializer is loaded likewise"


def test_a_module_may_lie_in_a_folder_of_the_package(code: Path) -> None:
    lab = Lab()
    write(code, lib__main="def run(event, context):\n    return __name__\n")
    for name, handler in (("dots", "lib.main.run"), ("slashes", "lib/main.run")):
        lab.deploy(name, code, handler=handler)
        assert lab.invoke(name).text == "lib.main"


def test_code_mb_is_the_packages_size_unless_given(code: Path) -> None:
    (code / "noise").write_bytes(os.urandom(3 << 20))
    lab = Lab()
    lab.deploy("f", code)
    lab.deploy("g", code, code_mb=10)
    assert [lab.functions[name].code_mb for name in "fg"] == [pytest.approx(3, abs=0.02), 10]
    assert lab.invoke("f").phases[1].duration == pytest.approx(3 * 0.06, abs=0.002)


def test_closing_leaves_no_folder_and_fresh_keeps_deployments(code: Path) -> None:
    lab = Lab()
    assert lab._code._folder is None, "a lab without packages has none"
    lab.deploy("f", code)
    folder = lab._code.folder
    again = lab.fresh()
    shutil.rmtree(code / "lib")
    lab.close()
    assert not folder.exists()
    assert again.invoke("f").json()[0] == 1  # type: ignore[index]
    with pytest.raises(PackageError, match="was changed since"):
        lab.fresh()
    write(code)
    assert lab.fresh().invoke("f").ok


def test_a_lab_that_is_dropped_or_never_closed_leaves_no_folder(code: Path) -> None:
    lab = Lab()
    lab.deploy("f", code)
    folder = lab._code.folder
    del lab
    gc.collect()
    assert not folder.exists()
    script = f"from fclab import Lab\nlab = Lab()\nlab.deploy('f', {str(code)!r})\nprint(lab._code.folder)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert not Path(done.stdout.strip()).exists()


def test_equal_deployments_give_equal_recordings(code: Path) -> None:
    def run() -> str:
        with Lab(seed=3) as lab:
            lab.deploy("f", code)
            lab.traffic("f", rate=5, duration=10)
            lab.run()
            return lab.recording.digest

    assert run() == run()


def test_a_custom_runtime_is_a_model_in_virtual_time(code: Path) -> None:
    lab = Lab(profile="instant")
    lab.deploy("shop", code, runtime="custom", command=["python", "app.py"], port=8000, duration=0.2)
    spec = lab.functions["shop"]
    assert (spec.command, spec.port, spec.max_instances, spec.runs_python) == (("python", "app.py"), 8000, 1, False)
    assert lab.invoke("shop").latency == 0.2


def deployed(**options: Any) -> Callable[[Any, Path], object]:
    return lambda lab, code: lab.deploy("f", code, **options)


def custom(**options: Any) -> Callable[[Any, Path], object]:
    return deployed(**{"runtime": "custom", "command": ["x"], "duration": 1, **options})


WRONG: list[tuple[str, Callable[[Any, Path], object], str]] = [
    ("no folder", lambda lab, code: lab.deploy("f", code / "gone"), "There is no folder or .zip"),
    ("no path", lambda lab, code: lab.deploy("f", 3), "folder or a .zip, not from 3"),
    ("no zip", lambda lab, code: lab.deploy("f", code / "data.txt"), "no sound zip"),
    ("a function as handler", deployed(handler=print), "handler of 'f' must name code"),
    ("a function as hook", deployed(initializer=print), "initializer of 'f' must name code"),
    ("a path as hook of a cell", lambda lab, code: lab.function(name="f", initializer="index.x")(lambda e, c: 1), "must be a function"),
    ("package by hand", lambda lab, code: lab.function(name="f", package=1)(lambda e, c: 1), "no option 'package'"),
    ("custom, no duration", custom(duration=None), "runs in real time only"),
    ("custom, no command", custom(command=()), "no command"),
    ("command as text", custom(command="python app.py"), "must list words"),
    ("custom with a function as hook", custom(initializer="index.x"), "must be a path of its server"),
    ("custom with hooks", custom(pre_stop="/pre-stop"), "runs in real time only"),
    ("custom in a cell", lambda lab, code: lab.declare("f", duration=1, runtime="custom", command=["x"]), "no package"),
    ("unknown runtime", deployed(runtime="go"), "'python' or 'custom'"),
    ("port out of range", custom(port=70_000), "1 to 65535"),
    ("port and instances", custom(port=8000, max_instances=2), "one instance only"),
    ("port and reserved", custom(port=8000, reserved=2), "reserves 2 instances"),
    ("port without custom", deployed(port=8000), "is for a custom runtime"),
    ("preload without fork", deployed(preload=["json"]), "without a warmed interpreter"),
    ("preload as text", deployed(preload="json", start="fork"), "must list modules"),
    ("preload no module", deployed(preload=["a b"], start="fork"), "must name modules"),
]


@pytest.mark.parametrize(("use", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_use_is_refused_when_it_is_declared(use: Callable[[Any, Path], object], said: str, code: Path) -> None:
    lab = MadeLab()
    with pytest.raises(UsageError, match=said) as caught:
        use(lab, code)
    assert caught.value.hint
    assert lab.functions == {}


def test_preload_is_kept() -> None:
    lab = Lab()
    lab.function(name="f", start="fork", preload=["json", "xml.dom"])(lambda event, context: 1)
    assert lab.functions["f"].preload == ("json", "xml.dom")


def test_an_unsound_zip_is_named_as_the_user_calls_it(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"/etc/x": b"x"})
    with Lab() as lab, pytest.raises(PackageError, match=r"^The package 'a\.zip' has an entry '/etc/x'"):
        lab.deploy("z", path)
