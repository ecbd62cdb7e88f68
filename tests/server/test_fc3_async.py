"""Async configurations and tasks through the product's own client."""

from __future__ import annotations

from pathlib import Path

from alibabacloud_fc20230330 import models as m
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from fclab import Lab
from tests.server.kit import client, create, refusal, wait_for

FAILS = "def handler(event, context):\n    raise ValueError(event.decode())\n"
ECHO = "def handler(event, context):\n    return event\n"
SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(20)\n"


def send(fc: Client, name: str, task: str, body: bytes = b"") -> None:
    said = m.InvokeFunctionHeaders(x_fc_invocation_type="Async", x_fc_async_task_id=task)
    assert fc.invoke_function_with_options(name, m.InvokeFunctionRequest(body=body), said, RuntimeOptions()).status_code == 202


def task(fc: Client, name: str, task_id: str) -> m.AsyncTask:
    return fc.get_async_task(name, task_id, m.GetAsyncTaskRequest()).body


def configure(fc: Client, name: str, **options: object) -> m.AsyncConfig:
    return fc.put_async_invoke_config(name, m.PutAsyncInvokeConfigRequest(body=m.PutAsyncInvokeConfigInput(**options))).body


def test_a_configuration_is_kept_and_counts(fc: Client, lab: Lab) -> None:
    create(fc, "f", FAILS)
    create(fc, "told", ECHO)
    to = m.DestinationConfig(
        on_success=m.Destination(destination="acs:fc:lab:0:functions/told"),
        on_failure=m.Destination(destination="acs:mns:lab:0:/queues/failures/messages"),
    )
    put = configure(fc, "f", max_async_retry_attempts=0, max_async_event_age_in_seconds=60, destination_config=to)
    got = fc.get_async_invoke_config("f", m.GetAsyncInvokeConfigRequest()).body
    assert got.to_map() == put.to_map()
    assert (got.max_async_retry_attempts, got.max_async_event_age_in_seconds) == (0, 60)
    assert got.destination_config.to_map() == to.to_map()
    assert got.function_arn.endswith(":functions/f")
    send(fc, "f", "one", b"why")
    outcome = lab.task("one").result(20)
    assert outcome.error_type == "UnhandledInvocationError"
    wait_for(lambda: lab.queues.get("failures"))
    assert task(fc, "f", "one").already_retried_times == 0
    listed = fc.list_async_invoke_configs(m.ListAsyncInvokeConfigsRequest()).body
    assert [one.function_arn for one in listed.configs] == [got.function_arn]
    assert fc.delete_async_invoke_config("f", m.DeleteAsyncInvokeConfigRequest()).status_code == 204
    assert refusal(lambda: fc.get_async_invoke_config("f", m.GetAsyncInvokeConfigRequest()))[0] == 404
    assert lab.functions["f"].async_config.max_retries is None


def test_configurations_that_cannot_be(fc: Client) -> None:
    create(fc, "f", ECHO)
    assert refusal(lambda: configure(fc, "none", max_async_retry_attempts=1)) == (404, "FunctionNotFound")
    assert refusal(lambda: configure(fc, "f", max_async_retry_attempts=9)) == (400, "InvalidArgument")
    assert refusal(lambda: configure(fc, "f", max_async_event_age_in_seconds=0)) == (400, "InvalidArgument")
    nowhere = m.DestinationConfig(on_failure=m.Destination(destination="acs:sms:lab:0:somebody"))
    assert refusal(lambda: configure(fc, "f", destination_config=nowhere)) == (400, "InvalidArgument")
    assert refusal(lambda: fc.get_async_invoke_config("f", m.GetAsyncInvokeConfigRequest()))[0] == 404


def test_a_task_is_told_of(fc: Client, lab: Lab) -> None:
    create(fc, "f", ECHO)
    send(fc, "f", "good", "né".encode())
    lab.task("good").result(20)
    got = task(fc, "f", "good")
    assert (got.task_id, got.status, got.task_payload, got.return_payload) == ("good", "Succeeded", "né", "né")
    assert (got.function_arn[-12:], got.qualifier, got.already_retried_times) == (":functions/f", "LATEST", 0)
    assert got.started_time <= got.end_time
    assert got.duration_ms == got.end_time - got.started_time or abs(got.duration_ms - (got.end_time - got.started_time)) <= 1
    assert [one.status for one in got.events] == ["Enqueued", "Running", "Succeeded"]
    assert [one.event_id for one in got.events] == [1, 2, 3]
    assert refusal(lambda: task(fc, "f", "none")) == (404, "AsyncTaskNotFound")
    assert refusal(lambda: task(fc, "none", "good")) == (404, "FunctionNotFound")


def test_tasks_are_listed_by_filter_and_page(fc: Client, lab: Lab) -> None:
    create(fc, "f", "def handler(event, context):\n    if event == b'bad': raise ValueError('bad')\n    return event\n")
    configure(fc, "f", max_async_retry_attempts=0)
    for number in range(3):
        send(fc, "f", f"a-{number}", b"good")
    send(fc, "f", "b-1", b"bad")
    for name in ("a-0", "a-1", "a-2", "b-1"):
        lab.task(name).result(20)

    def ids(**options: object) -> tuple[list[str], str | None]:
        page = fc.list_async_tasks("f", m.ListAsyncTasksRequest(**options)).body
        return [one.task_id for one in page.tasks], page.next_token

    assert ids() == (["b-1", "a-2", "a-1", "a-0"], None)
    assert ids(status="Failed") == (["b-1"], None)
    first, token = ids(prefix="a-", sort_order_by_time="asc", limit=2)
    assert (first, ids(prefix="a-", sort_order_by_time="asc", limit=2, next_token=token)) == (["a-0", "a-1"], (["a-2"], None))
    began = task(fc, "f", "a-0").started_time
    assert "a-0" not in ids(started_time_begin=began + 60_000)[0]
    assert "a-0" in ids(started_time_begin=began - 60_000, started_time_end=began + 60_000)[0]
    bare = fc.list_async_tasks("f", m.ListAsyncTasksRequest(status="Failed")).body.tasks[0]
    whole = fc.list_async_tasks("f", m.ListAsyncTasksRequest(status="Failed", include_payload=True)).body.tasks[0]
    assert (bare.task_payload, whole.task_payload) == (None, "bad")
    assert "bad" in bare.task_error_message
    assert refusal(lambda: ids(status="Sleeping")) == (400, "InvalidArgument")
    assert refusal(lambda: ids(sort_order_by_time="up")) == (400, "InvalidArgument")
    assert refusal(lambda: ids(next_token="x")) == (400, "InvalidArgument")


def test_a_task_is_stopped_once(fc: Client, lab: Lab) -> None:
    create(fc, "f", SLEEPS, timeout=60)
    send(fc, "f", "long")
    wait_for(lambda: task(fc, "f", "long").status == "Running")
    assert fc.stop_async_task("f", "long", m.StopAsyncTaskRequest()).status_code == 204
    wait_for(lambda: task(fc, "f", "long").status == "Stopped")
    assert refusal(lambda: fc.stop_async_task("f", "long", m.StopAsyncTaskRequest())) == (412, "PreconditionFailed")
    assert refusal(lambda: fc.stop_async_task("f", "none", m.StopAsyncTaskRequest())) == (404, "AsyncTaskNotFound")


def test_a_home_keeps_configurations_and_tasks(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        create(fc, "f", FAILS)
        put = configure(fc, "f", max_async_retry_attempts=0)
        send(fc, "f", "one", b"kept")
        lab.task("one").result(20)
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        assert fc.get_async_invoke_config("f", m.GetAsyncInvokeConfigRequest()).body.to_map() == put.to_map()
        assert lab.functions["f"].async_config.max_retries == 0
        assert (task(fc, "f", "one").status, task(fc, "f", "one").task_payload) == ("Failed", "kept")
