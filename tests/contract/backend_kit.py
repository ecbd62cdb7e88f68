"""What the contract of the backends is told with: handlers that can be packed as source, and a lab of either kind.

Each handler lies at the top of this module and names only what can be packed with it, so that it runs in a process of its own too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

PREFIX = "hello "
count = 0
connected = ""


class Basket:
    """A class of the learner's own, packed with the handler that names it."""

    def __init__(self, *items: str) -> None:
        self.items = list(items)

    def to_json(self) -> object:
        return {"items": self.items}


def echo(event: bytes, context: Any) -> bytes:
    return event


def kinds(event: bytes, context: Any) -> object:
    """What the event names."""
    return {
        "bytes": b"\x00\xff", "text": "grüß", "none": None, "number": 7, "dict": {"b": 1, "a": [1, 2]},
        "object": Basket("egg"), "set": {1},
    }[event.decode()]  # fmt: skip


def greet(name: str) -> str:
    return PREFIX + name


def helped(event: bytes, context: Any) -> str:
    return greet(event.decode())


def raises(event: bytes, context: Any) -> None:
    raise ValueError("no such thing")


def deeper(event: bytes, context: Any) -> None:
    raises(event, context)


def leaves(event: bytes, context: Any) -> None:
    sys.exit(3)


def hungry(event: bytes, context: Any) -> None:
    raise MemoryError("too much")


def sometimes(event: bytes, context: Any) -> str:
    """Does what the event says."""
    if event == b"raise":
        raise ValueError("asked to")
    if event == b"sleep":
        time.sleep(60)
    if event == b"exit":
        sys.exit(1)
    return "good"


def counts(event: bytes, context: Any) -> int:
    global count
    count += 1
    return count


def counts_slowly(event: bytes, context: Any) -> int:
    global count
    count += 1
    time.sleep(0.3)
    return count


def connect(context: Any) -> None:
    global connected
    connected = f"connected for {context.function.name}"


def uses_connection(event: bytes, context: Any) -> str:
    return connected


def connect_badly(context: Any) -> None:
    raise OSError("no route")


def connect_slowly(context: Any) -> None:
    time.sleep(60)


def says(event: bytes, context: Any) -> str:
    print("out", event.decode())
    print("err", file=sys.stderr)
    context.logger.info("logged %s", event.decode())
    context.logger.debug("never")
    return "said"


def identity(event: bytes, context: Any) -> object:
    return {
        "request_id": context.request_id, "requestId": context.requestId, "retry": context.retry_count,
        "name": context.function.name, "handler": context.function.handler, "memory": context.function.memory,
        "timeout": context.function.timeout, "region": context.region, "account": context.account_id,
        "keys": bool(context.credentials.access_key_id and context.credentials.access_key_secret),
        "stage": os.environ.get("STAGE"), "told": context.environment.get("STAGE"),
    }  # fmt: skip


def third_time(event: bytes, context: Any) -> object:
    if context.retry_count < 2:
        raise RuntimeError("not yet")
    return {"id": context.request_id, "retries": context.retry_count}


def front(event: bytes, context: Any) -> object:
    """Calls others: the answer, a refusal, a failure, an event."""
    good = context.invoke("echo", b"inner")
    missing = context.invoke("nobody")
    failed = context.invoke("raises", b"")
    task = context.invoke_async("echo", "later")
    return {
        "good": [good.status, good.ok, good.text], "missing": [missing.status, missing.ok, missing.error_type],
        "failed": [failed.status, failed.ok, failed.error_type, json.loads(failed.payload)["errorType"]], "task": task.status,
    }  # fmt: skip


def doubles(event: bytes, context: Any) -> object:
    """Takes lab time, as told by every clock there is."""
    before = time.time(), time.monotonic(), time.perf_counter(), context.now
    time.sleep(0.05)
    context.work(0.05)
    after = time.time(), time.monotonic(), time.perf_counter(), context.now
    return [round(b - a, 3) for a, b in zip(before, after, strict=True)]


async def waits(event: bytes, context: Any) -> str:
    await asyncio.sleep(0.05)
    answer = await context.invoke("echo", event)
    return str(answer.text) + " awaited"


def noted(context: Any) -> None:
    print("hook")
