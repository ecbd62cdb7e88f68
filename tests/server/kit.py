"""A served lab, the product's own client for it, code as zips, and requests by hand."""

from __future__ import annotations

import base64
import io
import json
import socket
import time
import zipfile
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from textwrap import dedent
from typing import Any, cast

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from darabonba.exceptions import DaraException

from fclab.server.endpoint import Endpoint
from fclab.sources.http.signature import Message, sign

DEADLINE = 20.0
"""Seconds a test waits for anything."""
_COUNT = iter(range(1, 1 << 30))


def client(endpoint: Endpoint, secret: str | None = None, key: str | None = None) -> Client:
    """The official client of FC 3.0, pointed at a served lab as its user would."""
    return Client(
        Config(
            endpoint=endpoint.url.removeprefix("http://"), protocol="http", region_id="lab",
            access_key_id=key or endpoint.access_key_id, access_key_secret=secret or endpoint.access_key_secret, read_timeout=20_000,
        )
    )


def zipped(source: str, name: str = "index.py") -> str:
    """A package with one file, as zipFile carries it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), dedent(source))
    return base64.b64encode(held.getvalue()).decode()


class Answer:
    """An answer read to its end."""

    def __init__(self, raw: HTTPResponse) -> None:
        self.status = raw.status
        self.headers = {name.lower(): value for name, value in raw.getheaders()}
        self.body = raw.read()

    @property
    def json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.body))

    @property
    def code(self) -> str:
        """The error's code; the whole shape is looked at."""
        said = self.json
        assert set(said) == {"Code", "Message", "RequestId"}
        assert said["RequestId"] == self.headers["x-fc-request-id"]
        assert self.headers["content-type"] == "application/json"
        return str(said["Code"])


def ask(
    endpoint: Endpoint, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, signed: bool = True,
    change: Callable[[dict[str, str]], object] = lambda headers: None, now: float | None = None, nonce: str | None = None,
) -> Answer:  # fmt: skip
    """One request by hand; `change` may spoil its headers once they are signed."""
    plain, _, query = path.partition("?")
    given = {"host": endpoint.url.removeprefix("http://"), **(headers or {})}
    if signed:
        message = Message(method, plain, query, given, body)
        nonce = nonce or f"nonce-{next(_COUNT)}"
        given = sign(message, endpoint.access_key_id, endpoint.access_key_secret, now=time.time() if now is None else now, nonce=nonce)
    change(given)
    connection = HTTPConnection(endpoint.host, endpoint.port, timeout=DEADLINE)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        if "content-length" not in given and "transfer-encoding" not in given:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def exchange(endpoint: Endpoint, sent: bytes) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    with socket.create_connection((endpoint.host, endpoint.port), DEADLINE) as plain:
        plain.sendall(sent)
        got = b""
        while piece := plain.recv(65_536):
            got += piece
        return got


def wait_for(done: Callable[[], object]) -> None:
    """Ask again until it is so, at most `DEADLINE`."""
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def create(fc: Client, name: str, source: str = "", *, code: models.InputCodeLocation | None = None, **options: Any) -> models.Function:
    """CreateFunction, of a Python function unless the options say otherwise."""
    given = {"runtime": "python3.12", "handler": "index.handler", **options}
    made = models.CreateFunctionInput(function_name=name, code=code or models.InputCodeLocation(zip_file=zipped(source)), **given)
    return fc.create_function(models.CreateFunctionRequest(body=made)).body


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    """(status, code) of the client's own error."""
    with pytest.raises(DaraException) as error:
        call()
    assert error.value.message
    return error.value.status_code, error.value.code
