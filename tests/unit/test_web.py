"""Web applications as handlers, in both backends; and web hooks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from fclab import HTTPTrigger, Lab, asgi, verify_webhook, wsgi


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def open_shop(context: Any) -> None:
    global handle
    from flask import Flask, Response, jsonify, request

    app = Flask("shop")
    orders: dict[int, str] = {}

    @app.post("/orders")
    def order() -> Any:
        number = len(orders) + 1
        orders[number] = request.get_json()["item"]
        answer = jsonify(number=number, coupon=request.args.get("coupon"))
        answer.set_cookie("last", str(number))
        answer.set_cookie("seen", "1")
        return answer, 201

    @app.get("/orders/<int:number>")
    def show(number: int) -> Any:
        return jsonify(item=orders[number]) if number in orders else ("no such order", 404)

    @app.post("/echo")
    def echo() -> Any:
        return Response(request.get_data()[::-1], content_type=request.content_type)

    handle = wsgi(app)


handle: Callable[[Any, Any], Any]


def shop(event: bytes, context: Any) -> Any:
    return handle(event, context)


def test_a_flask_shop(lab: Lab) -> None:
    lab.function(name="shop", initializer=open_shop, max_instances=1)(shop)
    lab.trigger("shop", HTTPTrigger(methods=["GET", "POST"]))
    made = lab.http.request("POST", "/orders", body={"item": "Tee für zwei"}, query={"coupon": "a b"})
    assert made.status == 201, made.response.logs
    assert made.json() == {"number": 1, "coupon": "a b"}
    assert made.headers["set-cookie"] == "last=1; Path=/, seen=1; Path=/"
    assert lab.http.request("GET", "/orders/1").json() == {"item": "Tee für zwei"}
    gone = lab.http.request("GET", "/orders/2")
    assert (gone.status, gone.text) == (404, "no such order")
    assert lab.http.request("GET", "/orders/x").status == 404
    blob = lab.http.request("POST", "/echo", body=b"\x00\xff\x01", headers={"Content-Type": "image/png"})
    assert (blob.body, blob.headers["content-type"]) == (b"\x01\xff\x00", "image/png")
    assert lab.http.request("DELETE", "/orders/1").status == 403  # the trigger's word, not the shop's


async def app(scope: Any, receive: Any, send: Any) -> None:
    import asyncio

    message = await receive()
    await asyncio.sleep(0.05)
    headers = dict(scope["headers"])
    said = {"path": scope["path"], "query": scope["query_string"].decode(), "method": scope["method"]}
    said["agent"] = headers[b"user-agent"].decode()
    await send({"type": "http.response.start", "status": 202, "headers": [(b"X-Made-By", b"asgi")]})
    await send({"type": "http.response.body", "body": json.dumps(said).encode() + b"|", "more_body": True})
    await send({"type": "http.response.body", "body": message["body"]})


def test_an_asgi_application(lab: Lab) -> None:
    lab.function(name="api")(asgi(app))
    lab.trigger("api", HTTPTrigger())
    answer = lab.http.request("PATCH", "/a%20b?x=1", headers={"User-Agent": "me"}, body=b"\xff")
    assert answer.status == 202, answer.response.logs
    assert answer.headers["x-made-by"] == "asgi"
    said, _, body = answer.body.partition(b"|")
    assert json.loads(said) == {"path": "/a b", "query": "x=1", "method": "PATCH", "agent": "me"}
    assert body == b"\xff"
    assert (answer.response.duration or 0) >= 0.05


GATE = {
    "path": "/orders/7", "httpMethod": "PUT", "headers": {"Content-Type": "text/plain", "X-A": "1"}, "queryParameters": {"q": "a b"},
    "pathParameters": {"id": "7"}, "body": "/w==", "isBase64Encoded": "true",
}  # fmt: skip


def test_an_api_gateway_s_event_is_a_request_too() -> None:
    seen: dict[str, Any] = {}
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"b", b"c"])

        def close(self) -> None:
            closed.append(True)

    def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        start_response("200 OK", [("A", "1")])(b"a")
        return Body()

    answer = wsgi(plain)(GATE, "context")
    assert answer == {"statusCode": 200, "headers": {"a": "1"}, "isBase64Encoded": False, "body": "abc"}
    assert closed == [True]
    assert (seen["REQUEST_METHOD"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("PUT", "/orders/7", "q=a+b")
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"], seen["HTTP_X_A"]) == ("text/plain", "1", "1")
    assert (seen["wsgi.input"].read(), seen["fc.event"], seen["fc.context"]) == (b"\xff", GATE, "context")


def test_an_application_that_does_not_answer() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    with pytest.raises(RuntimeError, match="start_response"):
        wsgi(lambda environ, start: [])(GATE, None)

    async def ask() -> None:
        await asgi(silent)(GATE, None)

    with pytest.raises(RuntimeError, match=r"http\.response\.start"):
        asyncio.run(ask())


def test_web_hooks() -> None:
    body = '{"action": "opened", "by": "Zoë"}'
    made = hmac.new(b"secret", body.encode(), hashlib.sha256).hexdigest()
    assert verify_webhook("secret", body, f"sha256={made}")
    assert verify_webhook(b"secret", body.encode(), f" {made.upper()} ")
    assert verify_webhook("secret", body, "sha1=" + hmac.new(b"secret", body.encode(), hashlib.sha1).hexdigest(), scheme="sha1")
    for wrong in (None, "", "sha256=", f"sha1={made}", f"sha256={made[:-1]}0" if made[-1] != "0" else f"sha256={made[:-1]}1", "ü"):
        assert not verify_webhook("secret", body, wrong)
    assert not verify_webhook("other", body, f"sha256={made}")
    with pytest.raises(ValueError, match="empty secret"):
        verify_webhook("", body, made)
    with pytest.raises(ValueError, match="no scheme 'md5'"):
        verify_webhook("secret", body, made, scheme="md5")


def test_a_web_hook_s_receiver(lab: Lab) -> None:
    @lab.function
    def hook(event: bytes, context: Any) -> Any:
        message = json.loads(event)
        known = verify_webhook("secret", message["body"], message["headers"].get("x-hub-signature-256"))
        return {"statusCode": 204 if known else 401}

    lab.trigger("hook", HTTPTrigger(methods=["POST"]))
    made = hmac.new(b"secret", b"x", hashlib.sha256).hexdigest()
    assert lab.http.request("POST", "/", body="x", headers={"X-Hub-Signature-256": f"sha256={made}"}).status == 204
    assert lab.http.request("POST", "/", body="y", headers={"X-Hub-Signature-256": f"sha256={made}"}).status == 401
