"""`fclab serve` as a user runs it: a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alibabacloud_fc20230330 import models as m
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config

from tests.server.kit import DEADLINE, create, wait_for

ECHO = "def handler(event, context):\n    return event\n"
KEYS = ("--access-key-id", "mine", "--access-key-secret", "a long secret")


class Served:
    """The command, running: what it said, and how it ends."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fclab", "serve", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        self.lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if "listening" in line:
                break

    @property
    def endpoint(self) -> str:
        assert self.lines, self.process.stderr.read() if self.process.stderr else ""
        assert self.lines[-1].startswith("fclab is listening on http://127.0.0.1:")
        return self.lines[-1].removeprefix("fclab is listening on http://")

    def client(self, key: str = "mine", secret: str = "a long secret") -> Client:
        return Client(Config(endpoint=self.endpoint, protocol="http", region_id="lab", access_key_id=key, access_key_secret=secret))

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """(exit code, what it said on stderr)."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, said


@contextmanager
def served(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    made = Served(*arguments, environment=environment)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate(timeout=DEADLINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_and_ends_well(number: int) -> None:
    with served(*KEYS) as fclab:
        assert len(fclab.lines) == 1
        create(fclab.client(), "f", ECHO)
        assert fclab.client().invoke_function("f", m.InvokeFunctionRequest(body=b"x")).body.read() == b"x"
        assert fclab.end(number) == (0, "")


def test_a_random_key_is_printed() -> None:
    with served() as fclab:
        key, secret = (line.partition(": ")[2] for line in fclab.lines[:2])
        assert fclab.client(key, secret).list_functions(m.ListFunctionsRequest()).body.functions == []
        assert fclab.end() == (0, "")


def test_the_secret_may_come_from_the_environment() -> None:
    with served("--access-key-id", "mine", environment={"FCLAB_ACCESS_KEY_SECRET": "a long secret"}) as fclab:
        assert len(fclab.lines) == 1
        assert fclab.client().list_functions(m.ListFunctionsRequest()).status_code == 200


def test_a_home_survives_even_a_kill(tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "home"), *KEYS)
    with served(*home) as fclab:
        create(fclab.client(), "f", ECHO)
        fclab.process.kill()
        fclab.process.wait(DEADLINE)
    with served(*home) as fclab:
        assert fclab.client().invoke_function("f", m.InvokeFunctionRequest(body=b"again")).body.read() == b"again"
        assert fclab.end() == (0, "")


def test_a_running_request_ends_first(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    begun = tmp_path / "begun"
    slow = f"import time\ndef handler(event, context):\n    open({str(begun)!r}, 'w').close()\n    time.sleep(1)\n    return 'ended'\n"
    with served(*KEYS) as fclab, ThreadPoolExecutor(1) as caller:
        create(fclab.client(), "f", slow)
        answer = caller.submit(lambda: fclab.client().invoke_function("f", m.InvokeFunctionRequest()).body.read())
        wait_for(begun.exists)
        assert fclab.end() == (0, "")
        assert answer.result(DEADLINE) == b"ended"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0", *KEYS), "--public"),
        (("--host", "0.0.0.0", "--public"), "access_key"),
        (("--access-key-id", "mine"), "an id and a secret"),
        (("--grace", "-1"), "--grace"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], said: str) -> None:
    with served(*arguments) as fclab:
        assert fclab.lines == []
        _, error = fclab.process.communicate(timeout=DEADLINE)
        assert fclab.process.returncode == 2
        assert said in error
        assert "Traceback" not in error
