"""Servers as functions: packages from texts, and the labs they run in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from fclab import Lab
from fclab.backends.process.body import Body

PYTHON = ("python", "app.py")

SERVER = '''
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))
    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.serve()
    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET
    def serve(self):
        {serve}

class Server(ThreadingHTTPServer):
    request_queue_size = 128

def meet(folder, count):
    """Wait until `count` of these are here."""
    open(os.path.join(folder, f"{{os.getpid()}}-{{threading.get_ident()}}"), "w").close()
    while len(os.listdir(folder)) < count:
        threading.Event().wait(0.002)

if __name__ == "__main__":
    {before}
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''


def server(serve: str, before: str = "pass") -> dict[str, str]:
    """The files of a server that does `serve` with each request, and `before` before it listens."""

    def lines(text: str, indent: int) -> str:
        return ("\n" + " " * indent).join(dedent(text).strip().splitlines())

    return {"app.py": SERVER.format(serve=lines(serve, 8), before=lines(before, 4))}


def deploy(
    lab: Lab, folder: Path, files: dict[str, str] | dict[str, bytes], command: Sequence[str] = PYTHON, name: str = "shop", **options: Any
) -> None:
    """Deploy a server from its files."""
    code = folder / f"code-{name}"
    code.mkdir()
    for file, content in files.items():
        (code / file).write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
    lab.deploy(name, code, runtime="custom", command=command, **{"timeout": 15.0, **options})


def bodies(lab: Lab) -> list[Body]:
    """The instances there are."""
    driver = lab._driver
    return driver.ask(lambda: list(driver.platform.backend.bodies))  # type: ignore[attr-defined]


def pid(lab: Lab) -> int:
    """The process of the one instance there is."""
    (body,) = bodies(lab)
    assert body.group is not None
    return body.group.pid


def needs(program: str) -> None:
    """Skip where a program is not installed, but fail in CI."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is missing")
        pytest.skip(f"{program} is not installed")
