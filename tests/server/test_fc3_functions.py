"""Functions through the product's own client."""

from __future__ import annotations

import base64
import io
import json
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as m
from alibabacloud_fc20230330.client import Client
from darabonba.exceptions import DaraException

from fclab import Lab
from fclab.packages.checksum import crc64
from fclab.server.endpoint import Endpoint
from tests.server.kit import ask, client, create, refusal, zipped

HELLO = "def handler(event, context):\n    return b'hello ' + event\n"


def test_created_and_read(fc: Client) -> None:
    zip_file = zipped(HELLO)
    made = create(
        fc, "hello", HELLO, memory_size=256, timeout=7, instance_concurrency=2, description="says hello",
        environment_variables={"STAGE": "test"}, tags=[m.Tag(key="team", value="blue")],
    )  # fmt: skip
    got = fc.get_function("hello", m.GetFunctionRequest()).body
    assert got.to_map() == made.to_map()
    assert (got.function_name, got.runtime, got.handler) == ("hello", "python3.12", "index.handler")
    assert (got.memory_size, got.timeout, got.instance_concurrency, got.description) == (256, 7, 2, "says hello")
    assert (got.environment_variables, got.tags[0].to_map()) == ({"STAGE": "test"}, {"Key": "team", "Value": "blue"})
    data = base64.b64decode(zip_file)
    assert (got.code_size, got.code_checksum) == (len(data), crc64([data]))
    assert (got.state, got.last_update_status, got.layers) == ("Active", "Successful", [])
    assert got.function_arn.endswith(":functions/hello")
    assert got.created_time == got.last_modified_time
    assert got.created_time.endswith("Z")


def test_the_environment_reaches_the_handler(fc: Client) -> None:
    create(fc, "env", "import os\ndef handler(event, context):\n    return os.environ['STAGE']\n", environment_variables={"STAGE": "né"})
    assert fc.invoke_function("env", m.InvokeFunctionRequest()).body.read() == "né".encode()


def test_what_cannot_be_created(fc: Client) -> None:
    create(fc, "there", HELLO)
    assert refusal(lambda: create(fc, "there", HELLO)) == (409, "FunctionAlreadyExists")
    assert refusal(lambda: create(fc, "9lives", HELLO)) == (400, "InvalidArgument")
    assert refusal(lambda: create(fc, "f", HELLO, runtime="nodejs20")) == (400, "InvalidArgument")
    assert refusal(lambda: create(fc, "f", HELLO, memory_size=1)) == (400, "InvalidArgument")
    assert refusal(lambda: create(fc, "f", HELLO, layers=["acs:fc:lab:1:layers/x/versions/1"])) == (400, "InvalidArgument")
    no_zip = m.InputCodeLocation(zip_file=base64.b64encode(b"no zip").decode())
    assert refusal(lambda: create(fc, "f", code=no_zip)) == (400, "InvalidArgument")
    assert refusal(lambda: create(fc, "f", code=m.InputCodeLocation(zip_file="no base64!"))) == (400, "InvalidArgument")
    wrong = m.InputCodeLocation(zip_file=zipped(HELLO), checksum="1")
    assert refusal(lambda: create(fc, "f", code=wrong)) == (400, "InvalidArgument")
    assert refusal(lambda: create(fc, "f", code=m.InputCodeLocation(oss_bucket_name="none", oss_object_name="k"))) == (404, "NoSuchBucket")
    assert [one.function_name for one in fc.list_functions(m.ListFunctionsRequest()).body.functions] == ["there"]


@pytest.mark.parametrize(
    "spoilt",
    [
        [], "text", {"functionName": None}, {"functionName": 7}, {"runtime": 3}, {"code": 4}, {"code": {}}, {"memorySize": "512"},
        {"timeout": True}, {"environmentVariables": {"A": 1}}, {"tags": [1]}, {"tags": [{"Value": "x"}]}, {"unheardOf": 1}, {"layers": {}},
        {"customRuntimeConfig": {"command": "python app.py"}, "runtime": "custom"}, {"instanceLifecycleConfig": {"initializer": 1}},
        {"nasConfig": {"mountPoints": [{}]}}, {"timeout": 10**30},
    ],
)  # fmt: skip
def test_bodies_of_another_shape(endpoint: Endpoint, spoilt: Any) -> None:
    good = {"functionName": "f", "runtime": "python3.10", "handler": "index.handler", "code": {"zipFile": zipped(HELLO)}}
    body = json.dumps({**good, **spoilt} if isinstance(spoilt, dict) else spoilt).encode()
    answer = ask(endpoint, "POST", "/2023-03-30/functions", body)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_code_from_the_object_store(lab: Lab, fc: Client) -> None:
    data = base64.b64decode(zipped(HELLO))
    lab.objects.create_bucket("code")
    lab.objects.put("code", "hello.zip", data)
    made = create(fc, "hello", code=m.InputCodeLocation(oss_bucket_name="code", oss_object_name="hello.zip", checksum=crc64([data])))
    assert made.code_checksum == crc64([data])
    assert fc.invoke_function("hello", m.InvokeFunctionRequest(body=b"you")).body.read() == b"hello you"


def test_updated(fc: Client) -> None:
    made = create(fc, "f", HELLO, environment_variables={"A": "1"})
    fc.invoke_function("f", m.InvokeFunctionRequest()).body.read()
    told = fc.update_function("f", m.UpdateFunctionRequest(body=m.UpdateFunctionInput(description="new"))).body
    assert (told.description, told.environment_variables, told.code_checksum) == ("new", {"A": "1"}, made.code_checksum)
    warm = fc.invoke_function("f", m.InvokeFunctionRequest())
    assert warm.headers["x-fc-instance-id"] == "f#1"  # a description replaces no instance
    code = m.InputCodeLocation(zip_file=zipped("def handler(event, context):\n    return 'new'\n"))
    told = fc.update_function("f", m.UpdateFunctionRequest(body=m.UpdateFunctionInput(code=code, timeout=9))).body
    assert (told.timeout, told.description) == (9, "new")
    assert told.code_checksum != made.code_checksum
    assert fc.invoke_function("f", m.InvokeFunctionRequest()).body.read() == b"new"
    told = fc.update_function("f", m.UpdateFunctionRequest(body=m.UpdateFunctionInput(memory_size=1024))).body
    assert told.memory_size == 1024
    assert fc.invoke_function("f", m.InvokeFunctionRequest()).body.read() == b"new"
    bad = m.UpdateFunctionRequest(body=m.UpdateFunctionInput(memory_size=1))
    assert refusal(lambda: fc.update_function("f", bad)) == (400, "InvalidArgument")
    assert fc.get_function("f", m.GetFunctionRequest()).body.memory_size == 1024
    assert refusal(lambda: fc.update_function("none", bad)) == (404, "FunctionNotFound")


def test_listed_by_pages_and_prefix(fc: Client) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        create(fc, name, HELLO)
    first = fc.list_functions(m.ListFunctionsRequest(limit=2, prefix="a")).body
    assert ([one.function_name for one in first.functions], bool(first.next_token)) == (["a1", "a2"], True)
    second = fc.list_functions(m.ListFunctionsRequest(limit=2, prefix="a", next_token=first.next_token)).body
    assert ([one.function_name for one in second.functions], second.next_token) == (["a3"], None)
    assert refusal(lambda: fc.list_functions(m.ListFunctionsRequest(limit=1000))) == (400, "InvalidArgument")
    assert fc.list_functions(m.ListFunctionsRequest(runtime="custom")).body.functions == []


def test_deleted(fc: Client, lab: Lab) -> None:
    create(fc, "f", HELLO)
    assert fc.delete_function("f").status_code == 204
    assert refusal(lambda: fc.get_function("f", m.GetFunctionRequest())) == (404, "FunctionNotFound")
    assert refusal(lambda: fc.delete_function("f")) == (404, "FunctionNotFound")
    assert refusal(lambda: fc.invoke_function("f", m.InvokeFunctionRequest())) == (404, "FunctionNotFound")
    assert lab.functions == {}
    create(fc, "f", HELLO)
    assert fc.get_function("f", m.GetFunctionRequest()).body.tags == []


def test_the_code_can_be_fetched(fc: Client, endpoint: Endpoint) -> None:
    create(fc, "f", HELLO)
    code = fc.get_function_code("f", m.GetFunctionCodeRequest()).body
    with urllib.request.urlopen(code.url, timeout=20) as answer:
        data = answer.read()
    assert code.checksum == crc64([data])
    assert zipfile.ZipFile(io.BytesIO(data)).read("index.py").decode() == HELLO
    with pytest.raises(urllib.error.HTTPError) as forged:
        urllib.request.urlopen(code.url + "x", timeout=20)
    assert json.loads(forged.value.read())["Code"] == "AccessDenied"
    forged.value.close()


def test_functions_of_a_notebook_are_called_like_others(fc: Client, lab: Lab) -> None:
    @lab.function(timeout=2.5)
    def here(event: bytes, context: object) -> bytes:
        return event.upper()

    assert fc.invoke_function("here", m.InvokeFunctionRequest(body=b"abc")).body.read() == b"ABC"
    shown = fc.get_function("here", m.GetFunctionRequest()).body
    assert (shown.handler, shown.timeout, shown.code_size) == ("index.here", 3, 0)
    update = m.UpdateFunctionRequest(body=m.UpdateFunctionInput(timeout=9))
    assert refusal(lambda: fc.update_function("here", update)) == (412, "PreconditionFailed")
    assert refusal(lambda: fc.get_function_code("here", m.GetFunctionCodeRequest())) == (412, "PreconditionFailed")


def test_wrong_secrets_reach_the_client_as_its_own_errors(endpoint: Endpoint) -> None:
    for key, secret, code in ((None, "wrong wrong", "SignatureNotMatch"), ("LABX", None, "InvalidAccessKeyID")):
        with pytest.raises(DaraException) as error:
            client(endpoint, secret, key).list_functions(m.ListFunctionsRequest())
        assert (error.value.code, error.value.status_code) == (code, 403)
        assert error.value.request_id.startswith("1-")


def test_a_home_keeps_functions(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        made = create(fc, "f", HELLO, description="kept", memory_size=256)
        for name in ("gone", "lost"):
            create(fc, name, HELLO)
        fc.delete_function("gone")
        lab.delete("lost")  # in the notebook: the same
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        assert [one.to_map() for one in fc.list_functions(m.ListFunctionsRequest()).body.functions] == [made.to_map()]
        assert fc.invoke_function("f", m.InvokeFunctionRequest(body=b"again")).body.read() == b"hello again"
        fc.update_function("f", m.UpdateFunctionRequest(body=m.UpdateFunctionInput(timeout=9)))
        assert fc.invoke_function("f", m.InvokeFunctionRequest(body=b"on")).body.read() == b"hello on"
