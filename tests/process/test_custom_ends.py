"""How requests and servers end badly, and how servers are let go."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fclab import AsyncConfig, Lab
from tests.process.custom_kit import bodies, deploy, pid, server
from tests.process.kit import running, state, wait_for


@pytest.fixture
def lab(nothing_left: Path) -> Iterator[Lab]:
    with Lab("process") as lab:
        yield lab


TRICKS = server("""
    import socket
    trick = self.headers["trick"] or self.body().decode()
    if trick == "exit":
        os._exit(9)
    elif trick == "kill":
        os.kill(os.getpid(), 9)
    elif trick == "hang":
        threading.Event().wait()
    elif trick == "half":
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 100\\r\\n\\r\\nhalf of it")
        self.connection.shutdown(socket.SHUT_RDWR)
    elif trick == "nothing":
        self.connection.shutdown(socket.SHUT_RDWR)
    elif trick == "garbage":
        self.wfile.write(b"220 mail.example ESMTP\\r\\n\\r\\n")
    elif trick == "eat":
        eaten = []
        while True:
            eaten.append(b"x" * (4 << 20))
            threading.Event().wait(0.002)
    else:
        self.answer(str(os.getpid()).encode())
    self.wfile.flush()
""")


@pytest.mark.parametrize(("trick", "how"), [("exit", "exit code: 9"), ("kill", "killed by SIGKILL")])
def test_a_server_that_ends_in_mid_request(lab: Lab, tmp_path: Path, trick: str, how: str) -> None:
    deploy(lab, tmp_path, TRICKS)
    first = lab.invoke("shop")
    gone = lab.invoke("shop", trick)
    assert (gone.status, gone.error_type) == (200, "ProcessExited")
    assert gone.error == f"Process exited unexpectedly before completing request ({how})"
    assert gone.json() == {"errorMessage": gone.error}
    again = lab.invoke("shop")
    assert again.error is None
    assert again.instance_id == "shop#2"
    assert again.text != first.text
    assert lab.http.request("GET", "/", headers={"trick": trick}).status == 502


@pytest.mark.parametrize(("trick", "how"), [
    ("half", "the server closed the connection in mid-answer"),
    ("nothing", "the server closed the connection and did not answer"),
    ("garbage", "the server does not speak HTTP/1.1"),
])  # fmt: skip
def test_a_connection_that_breaks_is_one_requests_failure(lab: Lab, tmp_path: Path, trick: str, how: str) -> None:
    """The server lives, and so does its instance (`CustomGuest`, clause 5)."""
    deploy(lab, tmp_path, TRICKS)
    first = lab.invoke("shop")
    broken = lab.invoke("shop", trick)
    assert (broken.status, broken.error_type) == (200, "UnhandledInvocationError")
    assert broken.error is not None
    assert broken.error.startswith(how)
    assert lab.invoke("shop").text == first.text
    assert lab.http.request("POST", "/", headers={"trick": trick}).status == 502


STALE = {"app.py": """
    import os, socket
    with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as door:
        while True:
            connection, _ = door.accept()
            with connection:
                for turn in range(2):
                    said = connection.recv(65536)
                    if not said:
                        break
                    if turn == 0:
                        body = said.split()[0] + b" answered"
                        connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
"""}


def test_only_what_may_be_repeated_is_repeated(lab: Lab, tmp_path: Path) -> None:
    """The server takes a second request from a connection, and closes it instead of answering (`HttpClient`, clause 3)."""
    deploy(lab, tmp_path, STALE)
    assert lab.http.request("GET", "/").text == "GET answered"
    assert lab.http.request("GET", "/").text == "GET answered"
    lost = lab.http.request("POST", "/")
    assert lost.status == 502
    assert lost.response.error == "the server closed the connection and did not answer"
    assert lab.http.request("POST", "/").text == "POST answered"


def test_a_request_that_takes_too_long(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, TRICKS, timeout=0.4)
    lab.invoke("shop")
    process = pid(lab)
    late = lab.invoke("shop", b"hang")
    assert (late.status, late.error, late.error_type) == (200, "Function timed out after 0.4 seconds", "FunctionTimeoutError")
    wait_for(lambda: not running(process))
    assert lab.invoke("shop").instance_id == "shop#2"
    assert lab.http.request("GET", "/", headers={"trick": "hang"}).status == 502


def test_a_server_that_needs_too_much_memory(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, TRICKS, memory_mb=128)
    lab.invoke("shop")
    full = lab.invoke("shop", b"eat")
    assert (full.error, full.error_type) == ("Function ran out of memory (limit: 128 MB)", "FunctionOOMError")
    assert full.memory_mb is not None
    assert full.memory_mb > 128
    assert lab.invoke("shop").instance_id == "shop#2"


def test_other_requests_in_a_server_that_ends(lab: Lab, tmp_path: Path) -> None:
    """One of them has the outcome, the others lost their instance; each is answered."""
    deploy(lab, tmp_path, TRICKS, concurrency=4)
    lab.invoke("shop")
    calls = lab.invoke_at("shop", [0, 0], b"hang")
    lab.invoke("shop", b"exit")
    lab.run()
    answers = sorted((call.response.status, call.response.error_type) for call in calls if call.response is not None)
    assert len(answers) == 2
    assert all(kind in ((200, "ProcessExited"), (500, "InternalServerError")) for kind in answers)


ASKED = server(
    "self.answer()",
    before="""
    import signal
    def leave(number, frame):
        open(os.environ["NOTE"], "w").write("left in order")
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
    """,
)


def test_a_server_may_end_in_order(lab: Lab, tmp_path: Path) -> None:
    """It is thawed and asked (SIGTERM) before it is ended."""
    note = tmp_path / "note"
    deploy(lab, tmp_path, ASKED, idle_timeout=2.0, environment={"NOTE": str(note)})
    lab.invoke("shop")
    wait_for(lambda: state(pid(lab)) == "T")
    wait_for(note.exists)
    wait_for(lambda: not bodies(lab))
    assert note.read_text() == "left in order"


def test_a_server_that_will_not_end_is_ended(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, server("self.answer()", before="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"), idle_timeout=0.1)
    lab.invoke("shop")
    process = pid(lab)
    wait_for(lambda: not running(process))
    wait_for(lambda: not bodies(lab))


def test_an_idle_server_is_frozen_and_thawed(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, TRICKS)
    first = lab.invoke("shop")
    process = pid(lab)
    wait_for(lambda: state(process) == "T")
    assert lab.invoke("shop").text == first.text == str(process)


def test_a_server_that_dies_at_rest_is_replaced(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, TRICKS)
    lab.invoke("shop")
    os.kill(pid(lab), signal.SIGKILL)
    wait_for(lambda: not lab.instances("shop"))
    assert lab.invoke("shop").instance_id == "shop#2"


def test_what_a_server_started_goes_with_it(lab: Lab, tmp_path: Path) -> None:
    """The fixture looks for what is left: here a child of a shell, and a lab that is closed in the middle of requests."""
    deploy(lab, tmp_path, TRICKS, ["sh", "-c", "python3 app.py & wait"], concurrency=3)
    answer = lab.invoke("shop")
    calls = lab.invoke_at("shop", [0, 0], b"hang")
    wait_for(lambda: all(view.running == 2 for view in lab.instances("shop")))
    lab.close()
    assert not running(int(answer.text))
    assert [call.response for call in calls] == [None, None]


def test_events_are_retried_with_their_count(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, server("""
        self.body()
        retry = self.headers["x-fc-retry-count"]
        self.answer(json.dumps(retry).encode(), 200 if retry == "1" else 500)
    """), async_config=AsyncConfig(first_delay=0.01))  # fmt: skip
    task = lab.invoke_async("shop", b"event")
    response = task.result(timeout=10)
    assert (task.state, task.executions, json.loads(response.payload)) == ("Succeeded", 2, "1")
