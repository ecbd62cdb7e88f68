"""The failures the platform itself reports: how they are worded, typed and encoded.

Kinds and shapes follow the documented error object and request log of Function Compute (facts of 2025-09); the wording of time-outs
and memory is the product's newer one, of which no page was found (unconfirmed).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fclab.engine.rows import Outcome
from fclab.queues.base import STOPPED
from fclab.units import seconds_text

if TYPE_CHECKING:
    from fclab.engine.rows import Attempt

__all__ = ["error_object", "exited", "init_timed_out", "lost", "out_of_memory", "platform_error", "process_ended", "stopped", "timed_out"]


def error_object(message: str, kind: str | None = None, stack: list[list[str]] | None = None) -> bytes:
    """The documented error object: indented by 4, keys sorted."""
    body: dict[str, object] = {"errorMessage": message}
    if kind is not None:
        body["errorType"] = kind
    if stack is not None:
        body["stackTrace"] = stack
    return json.dumps(body, indent=4, sort_keys=True).encode()


def timed_out(attempt: Attempt) -> Outcome:
    """The handler ran longer than its time-out."""
    message = f"Function timed out after {seconds_text(attempt.request.fn.timeout_us)} seconds"
    return Outcome("timeout", error_object(message, "FunctionTimeoutError"), message, "FunctionTimeoutError", attempt.memory_mb)


def init_timed_out(timeout_us: int) -> Outcome:
    """The initializer ran longer than its time-out."""
    message = f"Function initializer timed out after {seconds_text(timeout_us)} seconds"
    return Outcome("timeout", error_object(message, "FunctionTimeoutError"), message, "FunctionTimeoutError")


def exited(code: object) -> Outcome:
    """The handler ended its process."""
    return process_ended(f"exit code: {code}")


def process_ended(how: str) -> Outcome:
    """The process of the handler ended before the handler did."""
    message = f"Process exited unexpectedly before completing request ({how})"
    return Outcome("exit", error_object(message), message, "ProcessExited")


def out_of_memory(memory_mb: int, used_mb: float) -> Outcome:
    """The handler needed more than the function's memory."""
    message = f"Function ran out of memory (limit: {memory_mb} MB)"
    return Outcome("memory", error_object(message, "FunctionOOMError"), message, "FunctionOOMError", used_mb)


def platform_error(status: int, kind: str, message: str) -> Outcome:
    """A system error: the platform refused or broke the delivery."""
    body = json.dumps({"errorCode": kind, "errorMessage": message}).encode()
    return Outcome("lost", body, message, kind, status=status)


def lost(where: str) -> Outcome:
    """Something broke under the request: an arrow of the chain, or its instance."""
    message = "the instance died" if where == "instance" else f"lost on the way {where}"
    return platform_error(500, "InternalServerError", message)


def stopped() -> Outcome:
    """Somebody stopped the task."""
    return Outcome("stopped", STOPPED.payload, STOPPED.error, STOPPED.error_type)
