"""Servers that people really have, as functions: Flask, Node, the standard library's file server, a shell script."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fclab import Lab
from fclab.backends.custom import ports
from tests.process.custom_kit import deploy, needs, server


@pytest.fixture
def lab(nothing_left: Path) -> Iterator[Lab]:
    with Lab("process") as lab:
        yield lab


FLASK = """
    import os
    from flask import Flask, jsonify, request, session

    app = Flask(__name__)
    app.secret_key = "x"

    @app.route("/orders/<int:number>", methods=["GET", "PUT"])
    def orders(number):
        print("asked for", number)
        return jsonify(number=number, tags=request.args.getlist("tag"), body=request.get_json(silent=True), agent=request.user_agent.string)

    @app.get("/log in")
    def log_in():
        session["user"] = "ann"
        answer = jsonify(path=request.path)
        answer.set_cookie("seen", "1")
        return answer

    @app.get("/bug")
    def bug():
        raise KeyError("a bug")

    @app.get("/stream")
    def stream():
        return (f"{part} " * 1000 for part in range(50)), {"content-type": "text/plain"}

    @app.post("/invoke")
    def invoke():
        return f"{request.headers['x-fc-request-id']} {request.get_data(as_text=True)}"

    if __name__ == "__main__":
        app.run(port=int(os.environ["FC_SERVER_PORT"]))
"""


def test_a_flask_application(lab: Lab, tmp_path: Path) -> None:
    deploy(lab, tmp_path, {"app.py": FLASK})
    answer = lab.http.request("GET", "/orders/7?tag=a&tag=b,c", headers={"User-Agent": "me"})
    assert answer.status == 200
    assert answer.json() == {"number": 7, "tags": ["a", "b,c"], "body": None, "agent": "me"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["server"].startswith("Werkzeug/")
    assert [phase.name for phase in answer.response.phases] == ["schedule", "download", "unpack", "start"]
    assert answer.response.logs.splitlines()[1] == "asked for 7"
    put = lab.http.request("PUT", "/orders/8", body={"count": 2}, query={"tag": ["x y", "ü"]})
    assert put.json() == {"number": 8, "tags": ["x y", "ü"], "body": {"count": 2}, "agent": "fclab"}
    assert not put.response.cold
    event = lab.invoke("shop", "an event")
    assert event.text == f"{event.request_id} an event"
    assert event.memory_mb is not None
    assert 5 < event.memory_mb < 200


def test_what_an_application_answers_is_passed_on(lab: Lab, tmp_path: Path) -> None:
    """Cookies, redirects to nowhere, failures: to an HTTP caller they are answers, not failures of the function."""
    deploy(lab, tmp_path, {"app.py": FLASK})
    cookies = lab.http.request("GET", "/log%20in")
    assert cookies.json() == {"path": "/log in"}
    assert cookies.headers["set-cookie"].startswith("seen=1; Path=/, session=")
    assert isinstance(json.loads(cookies.response.payload)["headers"]["set-cookie"], list)
    missing = lab.http.request("GET", "/nothing/here")
    assert (missing.status, missing.response.error) == (404, None)
    bug = lab.http.request("GET", "/bug")
    assert (bug.status, bug.response.error) == (500, None)
    assert "KeyError: 'a bug'" in bug.response.logs
    stream = lab.http.request("GET", "/stream")
    assert stream.text == "".join(f"{part} " * 1000 for part in range(50))


NODE = """
    const http = require("http");
    http.createServer((request, response) => {
      const parts = [];
      request.on("data", part => parts.push(part));
      request.on("end", () => {
        console.log("served", request.method, request.url);
        const body = Buffer.concat(parts);
        response.setHeader("x-pid", process.pid);
        if (request.url === "/invoke") { response.write(body); response.end("!"); return; }
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({url: request.url, size: body.length, control: request.headers["x-fc-control-path"]}));
      });
    }).listen(process.env.PORT);
"""


def test_a_node_server(lab: Lab, tmp_path: Path) -> None:
    needs("node")
    deploy(lab, tmp_path, {"server.js": NODE}, ["node", "server.js"])
    first = lab.http.request("POST", "/a%20b?x=1", body=b"\xff" * 1000)
    assert first.json() == {"url": "/a%20b?x=1", "size": 1000, "control": "/http-invoke"}
    assert first.response.logs.splitlines()[1] == "served POST /a%20b?x=1"
    event = lab.invoke("shop", b"chunked")
    assert event.payload == b"chunked!"
    assert not event.cold
    assert lab.http.request("GET", "/").headers["x-pid"] == first.headers["x-pid"]


def test_the_file_server_of_the_standard_library(lab: Lab, tmp_path: Path) -> None:
    """A server that cannot read PORT, and speaks HTTP/1.0; a binary file comes back to the byte."""
    port = ports.claim()
    picture = random.Random(1).randbytes(300_000)
    files = {"picture.bin": picture, "index.html": b"<h1>shop</h1>"}
    try:
        deploy(lab, tmp_path, files, ["python", "-m", "http.server", "--bind", "127.0.0.1", str(port)], port=port)
        page = lab.http.request("GET", "/")
        assert (page.status, page.text) == (200, "<h1>shop</h1>")
        got = lab.http.request("GET", "/picture.bin")
        assert got.body == picture
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.response.instance_id == page.response.instance_id == "shop#1"
        head = lab.http.request("HEAD", "/picture.bin")
        assert (head.status, head.body) == (200, b"")
        event = lab.invoke("shop", b"no such method")
        assert event.status == 200
        assert event.error == "the server answered 501 Not Implemented to POST /invoke"
        assert event.error_type == "UnhandledInvocationError"
    finally:
        ports.release(port)


def test_a_fixed_port_is_free_again_for_the_next_instance(lab: Lab, tmp_path: Path) -> None:
    """The instance that timed out may still be there when the next one starts."""
    port = ports.claim()
    stubborn = server(
        """
        if self.body() == b"hang":
            threading.Event().wait()
        self.answer(str(os.getpid()).encode())
        """,
        before="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    )
    try:
        deploy(lab, tmp_path, stubborn, port=port, timeout=0.5)
        first = lab.invoke("shop")
        assert lab.invoke("shop", b"hang").error_type == "FunctionTimeoutError"
        again = lab.invoke("shop")
        assert again.error is None
        assert again.cold
        assert again.text != first.text
    finally:
        ports.release(port)


def test_a_script_of_the_package(lab: Lab, tmp_path: Path) -> None:
    """A program given by a path is looked for in the code, which is the working directory; PATH is the lab's."""
    files = server('self.answer(os.environ["GREETING"].encode())') | {"serve.sh": "#!/bin/sh\nexport GREETING=hello\nexec python3 app.py\n"}
    deploy(lab, tmp_path, files, ["sh", "serve.sh"])
    assert lab.invoke("shop").text == "hello"
    (tmp_path / "code-shop" / "serve.sh").chmod(0o755)
    lab.deploy("own", tmp_path / "code-shop", runtime="custom", command=["./serve.sh"])
    assert lab.invoke("own").text == "hello"
