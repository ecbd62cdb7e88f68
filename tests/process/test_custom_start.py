"""How servers start: their port, their environment, their hooks, and what is said where they do not start."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab
from fclab.backends.custom import launch, ports
from tests.process.custom_kit import bodies, deploy, pid, server
from tests.process.kit import state, wait_for


@pytest.fixture
def lab(nothing_left: Path) -> Iterator[Lab]:
    with Lab("process") as lab:
        yield lab


def test_several_instances_at_once_have_a_port_each(lab: Lab, tmp_path: Path) -> None:
    """Six requests are in six servers at the same time."""
    met = tmp_path / "met"
    met.mkdir()
    deploy(lab, tmp_path, server('meet(os.environ["MET"], 6)\nself.answer(os.environ["PORT"].encode())'), environment={"MET": str(met)})
    calls = lab.invoke_at("shop", [0] * 6)
    lab.run()
    said = {call.response.text for call in calls if call.response is not None}
    assert len(said) == 6
    assert all(text.isdigit() for text in said), said
    assert len(lab.instances("shop")) == 6


def test_the_environment_of_a_server(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented variables, its own, the port and PATH; nothing else of the lab's."""
    monkeypatch.setenv("SECRET_OF_THE_LAB", "1")
    deploy(lab, tmp_path, server('self.answer(json.dumps([os.getcwd(), sys.executable, dict(os.environ)]).encode())'),
           environment={"STAGE": "test", "PORT": "1", "FC_REGION": "mine"})  # fmt: skip
    folder, python, there = json.loads(lab.invoke("shop").payload)
    assert python == os.path.realpath(python) or Path(python).exists()
    assert Path(folder).name == "code"
    assert there["FC_FUNC_CODE_PATH"] == folder
    assert there["PORT"] == there["FC_SERVER_PORT"] != "1"
    assert there["STAGE"] == "test"
    assert there["FC_REGION"] == "lab"
    assert there["FC_RUNTIME_VERSION"] == "custom"
    assert there["PATH"] == os.environ["PATH"]
    assert "SECRET_OF_THE_LAB" not in there


PRINTS = {"app.py": "print('I tried')\nraise SystemExit(3)\n"}

FAILS: list[tuple[str, dict[str, str], list[str], str]] = [
    ("no program", {}, ["no-such-program"], "there is no program 'no-such-program' in PATH"),
    ("no file", {}, ["./serve"], "there is no file ./serve in the code package"),
    ("no right", {"serve": "#!/bin/sh\n"}, ["./serve"], "cannot be run: Permission denied"),
    ("ends", PRINTS, ["python", "app.py"], "(exit code: 3): the server never listened on port"),
    ("killed", {"app.py": "import os; os.kill(os.getpid(), 9)"}, ["python", "app.py"], "(killed by SIGKILL): the server never listened"),
    ("wrong file", {}, ["python", "app.py"], "can't open file"),
]


@pytest.mark.parametrize(("files", "command", "said"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_a_server_that_cannot_start_is_the_functions_failure(
    lab: Lab, tmp_path: Path, files: dict[str, str], command: list[str], said: str
) -> None:
    deploy(lab, tmp_path, {"README": "", **files}, command)
    response = lab.invoke("shop")
    assert (response.status, response.error_type) == (200, "FunctionNotStarted")
    assert response.error is not None
    assert said in response.error
    body = response.json()
    assert isinstance(body, dict)
    assert body == {"errorMessage": response.error, "errorType": "FunctionNotStarted"}
    assert [phase.name for phase in response.phases][-1] == "start"
    if files is PRINTS:
        assert response.error.endswith("\nLogs:\nI tried")
        assert response.logs.startswith("I tried\n")


def test_a_server_that_listens_elsewhere(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "LISTEN_LIMIT", 600_000)
    deploy(lab, tmp_path, {"app.py": "import socket\nprint('here I am')\nwith socket.create_server(('127.0.0.1', 0)) as it: it.accept()"})
    response = lab.invoke("shop")
    assert response.error_type == "FunctionNotStarted"
    assert response.error is not None
    assert response.error.startswith("Function instance health check failed on port ")
    assert response.error.endswith(" in 0.6 seconds.\nLogs:\nhere I am")


def test_a_port_that_somebody_else_took_first(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is mistaken for the server, and it is started again on another port (`Launch`, clause 2)."""
    claim = ports.claim
    with socket.create_server((ports.HOST, 0)) as foreign:
        taken = foreign.getsockname()[1]
        offers = iter([taken])
        monkeypatch.setattr(ports, "claim", lambda: next(offers, 0) or claim())
        deploy(lab, tmp_path, server('self.answer(os.environ["PORT"].encode())'))
        response = lab.invoke("shop")
    assert response.error is None
    assert int(response.text) != taken
    assert "already in use" in "".join(bodies(lab)[0].log)
    with socket.create_server((ports.HOST, 0)) as foreign:
        taken = foreign.getsockname()[1]
        monkeypatch.setattr(launch, "PORT_LIMIT", 50_000)
        deploy(lab, tmp_path, server("self.answer()"), name="fixed", port=taken)
        refused = lab.invoke("fixed")
    assert refused.error == f"Failed to start function instance. Error: port {taken} of this machine is in use"


NOTES = """
    with open(os.environ["NOTES"], "a") as notes:
        print(self.command, self.path, self.headers["x-fc-control-path"], self.body().decode(), file=notes)
    self.answer(status=int(os.environ.get(self.path[1:], 200)))
"""


def noting(lab: Lab, folder: Path, environment: dict[str, str] | None = None, **options: Any) -> Path:
    """A server that writes down what it is asked for."""
    notes = folder / "notes"
    notes.touch()
    hooks = {"initializer": "/initialize", "pre_freeze": "/pre-freeze", "pre_stop": "/pre-stop"}
    deploy(lab, folder, server(NOTES), environment={"NOTES": str(notes), **(environment or {})}, **{**hooks, **options})
    return notes


def test_hooks_are_paths_of_the_server(lab: Lab, tmp_path: Path) -> None:
    notes = noting(lab, tmp_path, idle_timeout=0.1)
    response = lab.invoke("shop", b"event")
    assert [phase.name for phase in response.phases][-1] == "initialize"
    wait_for(lambda: not lab.instances("shop"))
    wait_for(lambda: notes.read_text().count("\n") == 4)
    assert notes.read_text().splitlines() == [
        "POST /initialize /initialize ", "POST /invoke /invoke event", "GET /pre-freeze /pre-freeze ", "GET /pre-stop /pre-stop ",
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["400", "404", "500"])
def test_an_initializer_that_fails_fails_the_boot(lab: Lab, tmp_path: Path, status: str) -> None:
    notes = noting(lab, tmp_path, {"initialize": status})
    response = lab.invoke("shop", b"event")
    assert response.error is not None
    assert response.error.startswith(f"the server answered {status} ")
    assert response.error.endswith(" to POST /initialize")
    assert response.status == 200
    assert "/invoke" not in notes.read_text()


@pytest.mark.parametrize(("status", "lives"), [("404", True), ("500", False)])
def test_a_pre_freeze_hook_that_fails(lab: Lab, tmp_path: Path, status: str, lives: bool) -> None:
    """404 is no reason not to freeze; 500 asks for another instance."""
    noting(lab, tmp_path, {"pre-freeze": status})
    assert lab.invoke("shop", b"a").instance_id == "shop#1"
    if lives:
        wait_for(lambda: state(pid(lab)) == "T")
    else:
        wait_for(lambda: not lab.instances("shop"))
    assert lab.invoke("shop", b"b").instance_id == ("shop#1" if lives else "shop#2")
