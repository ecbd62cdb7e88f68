"""InvokeFunction through the product's own client: bytes, headers, logs, failures, tasks. The clauses are those of `Invocations`."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from alibabacloud_fc20230330 import models as m
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from fclab import Lab
from fclab.server.endpoint import Endpoint
from tests.server.kit import ask, create, refusal, wait_for, zipped

ECHO = "def handler(event, context):\n    print('got', len(event), flush=True)\n    return event\n"
RUNTIME = RuntimeOptions()
_INVOKE = "/2023-03-30/functions/f/invocations"


def invoke(fc: Client, body: bytes = b"", **headers: str) -> m.InvokeFunctionResponse:
    said = m.InvokeFunctionHeaders(
        x_fc_invocation_type=headers.pop("kind", None), x_fc_log_type=headers.pop("log", None),
        x_fc_async_task_id=headers.pop("task", None),
        common_headers={f"x-fc-{name.replace('_', '-')}": value for name, value in headers.items()},
    )  # fmt: skip
    return fc.invoke_function_with_options("f", m.InvokeFunctionRequest(body=body), said, RUNTIME)


def test_bytes_pass_untouched(fc: Client) -> None:
    """Clause 1."""
    create(fc, "f", ECHO)
    every = bytes(range(256)) * 4096
    answer = invoke(fc, every)
    assert (answer.status_code, answer.body.read()) == (200, every)
    assert invoke(fc).body.read() == b""


def test_the_documented_headers(fc: Client) -> None:
    made = create(fc, "f", ECHO)
    headers = invoke(fc, b"abc").headers
    assert headers["x-fc-request-id"].startswith("1-")
    assert headers["x-fc-instance-id"] == "f#1"
    assert int(headers["x-fc-invocation-duration"]) >= 1
    assert float(headers["x-fc-max-memory-usage"]) > 1
    assert headers["x-fc-code-checksum"] == made.code_checksum
    assert headers["x-fc-invocation-service-version"] == "LATEST"
    assert headers["content-type"] == "application/octet-stream"
    assert "X-Fc-Request-Id" in headers["access-control-expose-headers"]
    assert not {"x-fc-error-type", "x-fc-log-result"} & set(headers)


def test_the_tail_of_the_log(fc: Client) -> None:
    create(fc, "f", "def handler(event, context):\n    print('é' * 6000)\n    print('last')\n")
    answer = invoke(fc, log="Tail")
    log = base64.b64decode(answer.headers["x-fc-log-result"])
    assert len(log) <= 4096
    assert log.decode("utf-8", "ignore").endswith(f"last\nFC Invoke End RequestId: {answer.headers['x-fc-request-id']}\n")
    assert refusal(lambda: invoke(fc, log="Everything")) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('no')", {"errorType": "ValueError", "errorMessage": "no"}),
        ("import time; time.sleep(20)", {"errorType": "FunctionTimeoutError"}),
        ("import os; os._exit(3)", {}),
    ],
)
def test_a_function_that_fails(fc: Client, source: str, said: dict[str, str]) -> None:
    """Clause 1."""
    create(fc, "f", f"def handler(event, context):\n    {source}\n", timeout=1)
    answer = invoke(fc)
    assert (answer.status_code, answer.headers["x-fc-error-type"]) == (200, "UnhandledInvocationError")
    assert answer.headers["content-type"] == "application/json"
    body = json.loads(answer.body.read())
    assert body["errorMessage"]
    assert said.items() <= body.items()


def test_what_does_not_reach_the_function(fc: Client, lab: Lab, endpoint: Endpoint) -> None:
    """Clause 2."""
    create(fc, "f", ECHO)
    lab.disable("f")
    assert refusal(lambda: invoke(fc)) == (403, "FunctionDisabled")
    lab.enable("f")
    lab.limit("f", 0)
    assert refusal(lambda: invoke(fc)) == (429, "ResourceExhausted")
    assert refusal(lambda: invoke(fc, kind="Sometimes")) == (400, "InvalidArgument")
    assert refusal(lambda: invoke(fc, bytes(129 << 10), kind="Async")) == (400, "EntityTooLarge")
    assert ask(endpoint, "POST", _INVOKE, headers={"content-length": str(40 << 20)}).code == "EntityTooLarge"
    assert ask(endpoint, "POST", f"{_INVOKE}?qualifier=7").code == "VersionNotFound"


def test_an_async_call(fc: Client, lab: Lab) -> None:
    """Clause 3."""
    create(fc, "f", ECHO)
    answer = invoke(fc, b"later", kind="Async", task="order-7")
    assert (answer.status_code, answer.body.read()) == (202, b"")
    assert answer.headers["x-fc-async-task-id"] == "order-7"
    assert lab.task("order-7").result(20).payload == b"later"
    assert refusal(lambda: invoke(fc, kind="Async", task="order-7")) == (409, "StatefulAsyncInvocationAlreadyExists")
    assert refusal(lambda: invoke(fc, kind="Async", task="7 no")) == (400, "InvalidArgument")
    unnamed = invoke(fc, kind="Async").headers
    assert unnamed["x-fc-async-task-id"] == unnamed["x-fc-request-id"]


def test_an_async_call_held_back(fc: Client, lab: Lab) -> None:
    create(fc, "f", ECHO)
    began = lab.now
    invoke(fc, kind="Async", task="late", async_delay="1")
    handle = lab.task("late")
    handle.result(20)
    assert lab.now - began >= 1
    for delay in ("-1", "3601", "1.5", "x"):
        assert refusal(lambda delay=delay: invoke(fc, kind="Async", async_delay=delay)) == (400, "InvalidArgument")  # type: ignore[misc]


def test_many_callers_at_once(fc: Client) -> None:
    create(fc, "f", ECHO, instance_concurrency=20)
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda n: invoke(fc, b"%d" % n).body.read(), range(400)))
    assert answers == [b"%d" % n for n in range(400)]


def test_a_custom_runtime(fc: Client) -> None:
    server = """
        import http.server, os
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[::-1])
        http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    """
    create(
        fc, "f", code=m.InputCodeLocation(zip_file=zipped(server, "app.py")), runtime="custom.debian12", timeout=10,
        custom_runtime_config=m.CustomRuntimeConfig(command=["python3"], args=["app.py"]),
    )  # fmt: skip
    assert invoke(fc, b"abc").body.read() == b"cba"


def test_closing_lets_a_running_call_end(lab: Lab, endpoint: Endpoint, fc: Client) -> None:
    create(fc, "f", "import time\ndef handler(event, context):\n    time.sleep(0.5)\n    return 'ended'\n")
    with ThreadPoolExecutor(1) as caller:
        under_way = caller.submit(lambda: invoke(fc).body.read())
        wait_for(lambda: any(one.state == "busy" for one in lab.instances("f")))
        lab.close()
        assert under_way.result(20) == b"ended"


def test_a_call_that_outlasts_the_grace_is_told_so(lab: Lab) -> None:
    endpoint = lab.serve(grace=1)
    lab.function(name="f", timeout=60)(_sleeps)
    with ThreadPoolExecutor(1) as caller:
        under_way = caller.submit(lambda: ask(endpoint, "POST", _INVOKE))
        wait_for(lambda: any(one.state == "busy" for one in lab.instances("f")))
        endpoint.close()
        answer = under_way.result(20)
    assert (answer.status, answer.code) == (503, "ServiceUnavailable")


def _sleeps(event: object, context: object) -> None:
    import time

    time.sleep(30)
