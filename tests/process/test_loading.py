"""From package to first request: load errors of the documented kinds, initializer and hooks, environment, broken packages."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from tests.process.kit import ProcessLab

GOOD = "def handler(event, context):\n    return 'fine'\n"


@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"),
    [
        ({"main.py": GOOD}, "index.handler", "ImportModuleError", "Unable to import module 'index'"),
        ({"index.py": "import nowhere\n"}, "index.handler", "ImportModuleError", "Unable to import module 'index'"),
        ({"index.py": "def handler(:\n"}, "index.handler", "UserCodeSyntaxError", "Syntax error in module 'index'"),
        ({"index.py": "1 / 0\n"}, "index.handler", "UserCodeError", "Module initialization error: 'division by zero'"),
        ({"index.py": GOOD}, "handler", "InvalidHandleName", "Invalid handler 'handler'"),
        ({"index.py": GOOD}, "index.other", "HandlerNotFound", "Handler 'other' is missing on module 'index'"),
    ],
)
def test_load_errors(lab: ProcessLab, files: dict[str, str], handler: str, kind: str, message: str) -> None:
    """A function error, 200, with the documented object; the next request boots anew."""
    lab.function(files, handler=handler)
    for instance in ("f#1", "f#2"):
        response = lab.invoke()
        assert (response.status, response.error_type, response.error, response.instance_id) == (200, kind, message, instance)
        body: Any = response.json()
        assert (body["errorType"], body["errorMessage"]) == (kind, message)
        assert [phase.name for phase in response.phases][-1] == "start"
    if "nowhere" in str(files):
        assert "No module named 'nowhere'" in response.logs
        assert body["stackTrace"] == [['File "/code/index.py"', "line 1", "in <module>", "import nowhere"]]


@pytest.mark.parametrize(("code", "kind"), [("import os; os._exit(9)", "ProcessExited"), ("raise SystemExit(9)", "ProcessExited"),
                                            ("raise MemoryError", "FunctionOOMError")])  # fmt: skip
def test_the_process_ends_while_it_loads(lab: ProcessLab, code: str, kind: str) -> None:
    lab.function(f"print('loading')\n{code}\n")
    response = lab.invoke()
    assert (response.status, response.error_type) == (200, kind)
    assert "loading" in response.logs


def test_dotted_and_slashed_places(lab: ProcessLab) -> None:
    lab.function({"a/b/main.py": GOOD, "a/__init__.py": "", "a/b/__init__.py": ""}, handler="a.b.main.handler")
    assert lab.invoke().text == "fine"
    lab.function({"plain/main.py": GOOD}, handler="plain/main.handler", name="g")
    assert lab.invoke(name="g").text == "fine"


def test_the_initializer_is_a_phase_of_its_own(lab: ProcessLab) -> None:
    lab.function(
        """
        import time
        ready = False
        def prepare(context):
            global ready
            time.sleep(0.1)
            ready = True
            print("prepared", context.function.name)
        def handler(event, context):
            return str(ready)
        """,
        initializer="index.prepare",
    )
    call = lab.start()
    response = call.result
    assert response.text == "True"
    assert [phase.name for phase in response.phases] == ["schedule", "download", "unpack", "start", "initialize"]
    assert 0.1 <= response.phases[-1].duration < 0.5
    assert "".join(lab.body().log) == "prepared f\n"


def test_initializers_that_fail(lab: ProcessLab) -> None:
    lab.function(
        """
        import os, time
        def raises(context):
            raise ValueError("not ready")
        def ends(context):
            os._exit(1)
        def hangs(context):
            time.sleep(60)
        def handler(event, context):
            return "fine"
        """,
        initializer="index.raises",
    )
    response = lab.invoke()
    assert (response.status, response.error, response.error_type) == (200, "ValueError: not ready", "UnhandledInvocationError")
    for name, kind in (("ends", "ProcessExited"), ("hangs", "FunctionTimeoutError")):
        lab.function(
            "import os, time\ndef ends(context): os._exit(1)\ndef hangs(context): time.sleep(60)\ndef handler(event, context): pass\n",
            name=name, initializer=f"index.{name}", init_timeout=0.2,
        )  # fmt: skip
        response = lab.invoke(name=name)
        assert (response.status, response.error_type) == (200, kind)
        assert response.phases[-1].name == "initialize"


def test_the_environment_is_the_documented_one(lab: ProcessLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the parent's: neither its variables, nor its folder, nor its modules, nor its descriptors."""
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "x")
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    source = """
        import json, os, sys
        def handler(event, context):
            return json.dumps({"env": dict(os.environ), "own": dict(context.environment), "cwd": os.getcwd(),
                "fds": os.listdir("/proc/self/fd"), "stdin": sys.stdin.read(), "group": os.getpgrp() == os.getpid(),
                "fclab": [m for m in sys.modules if "fclab" in m],
                "path": sys.path[0], "pytest": any("site-packages" in path for path in sys.path)})
        """
    try:
        for start in ("spawn", "fork"):
            lab.function(source, name=start, environment={"STAGE": "test", "FC_REGION": "elsewhere"}, start=start, memory_mb=256)
            seen: Any = lab.invoke(name=start).json()
            env = seen["env"]
            assert "SECRET_OF_THE_PARENT" not in env
            assert (env["STAGE"], env["FC_FUNCTION_NAME"], env["FC_REGION"]) == ("test", start, "lab")
            assert env["FC_FUNCTION_MEMORY_SIZE"] == "256"
            assert {name for name in env if not name.startswith(("FC_", "ALIBABA_CLOUD_"))} <= {
                "PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", "STAGE", "LC_CTYPE"}  # fmt: skip
            assert env["FC_INSTANCE_ID"] == f"{start}#1"
            assert seen["own"] == {"STAGE": "test", "FC_REGION": "lab"}
            assert seen["cwd"] == env["HOME"]
            assert seen["path"] == env["FC_FUNC_CODE_PATH"] == f"{env['HOME']}/code"
            assert (seen["stdin"], seen["group"], seen["fclab"], seen["pytest"]) == ("", True, [], True)
            assert len(seen["fds"]) <= 7
    finally:
        os.close(reader)
        os.close(writer)


def test_a_package_that_is_missing_or_no_zip(lab: ProcessLab) -> None:
    """The platform's fault is a system error, the author's a function error; the lab goes on."""
    lab.function(GOOD)
    package = lab.store.path(lab.codes["f"].digest)
    package.write_bytes(b"damaged")
    for _ in range(2):
        response = lab.invoke()
        assert (response.status, response.error_type) == (500, "InternalServerError")
        assert "damaged" in (response.error or "")
    package.unlink()
    assert lab.invoke().status == 500
    lab.codes["f"] = replace(lab.codes["f"], digest=lab.store.put(b"no zip").digest)
    response = lab.invoke()
    assert (response.status, response.error_type) == (200, "PackageError")
    lab.function(GOOD, name="g")
    assert lab.invoke(name="g").text == "fine"
