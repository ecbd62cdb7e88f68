"""What a handler gets as its second argument; the same in virtual time (`fclab.backends.virtual.context`)."""

import _thread
import time

from fclab.backends.process.inside.logs import Log
from fclab.backends.process.inside.results import text
from fclab.backends.process.inside.values import SERVICES
from fclab.backends.process.inside.words import Credentials, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fclab.backends.process.inside.instance import Guest

__all__ = ["Context", "Run", "Service"]


class Service:
    """One of the lab's sources from inside a handler: the verbs of `lab.<name>`. In an `async def` handler, await them."""

    def __init__(self, context: "Context", name: str) -> None:
        self._context = context
        self._name = name

    def __getattr__(self, verb: str) -> "Any":
        if verb.startswith("_"):
            raise AttributeError(verb)
        context, name = self._context, self._name
        return lambda *args, **options: context._mine().calls.use(context._run, name, verb, args, options)

    def __repr__(self) -> str:
        return f"context.{self._name}"


class Run:
    """One request, or hook, under way on a thread."""

    __slots__ = ("awaits", "deadline", "log", "number", "over", "thread")

    def __init__(self, number: int, log: Log, deadline: int, awaits: bool) -> None:
        self.number = number
        self.log = log
        self.deadline = deadline
        self.awaits = awaits
        self.thread = _thread.get_ident()
        self.over = False


class Context:
    """The context of one run; the same in virtual time (`fclab.backends.virtual.context`)."""

    credentials = Credentials()
    region = "lab"
    account_id = "000000000000"

    def __init__(self, instance: "Guest", run: Run, request_id: str, retry_count: int) -> None:
        self._instance = instance
        self._run = run
        self._logger: object = None
        self.request_id = self.requestId = request_id
        self.retry_count = retry_count
        self.function = instance.info
        self.environment = instance.environment

    @property
    def logger(self) -> "Any":
        if self._logger is None:
            import logging

            log, request_id = self._run.log, self.request_id

            class Handler(logging.Handler):
                def emit(self, record: logging.LogRecord) -> None:
                    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
                    line = f"{stamp}.{int(record.created * 1000) % 1000:03d}Z {request_id} [{record.levelname}] {record.getMessage()}\n"
                    if record.exc_info and record.exc_info[1] is not None:
                        line += f"{type(record.exc_info[1]).__name__}: {text(record.exc_info[1])}\n"
                    log.write(line)

            self._logger = logger = logging.Logger("handler", logging.INFO)
            logger.addHandler(Handler())
        return self._logger

    @property
    def now(self) -> float:
        """Lab time in seconds."""
        return self._mine().now_us() / 1e6

    @property
    def remaining_s(self) -> float:
        """Seconds until the time-out, never below 0; an initializer or hook has `math.inf`."""
        left = self._run.deadline - self._mine().now_us()
        return max(0, left) / 1e6 if self._run.number else float("inf")

    def __getattr__(self, name: str) -> Service:
        if name in SERVICES:
            return Service(self, name)
        raise AttributeError(f"the context has no {name!r}")

    def work(self, seconds: float) -> object:
        """Work for `seconds`, as `time.sleep` does; in an `async def` handler, await it."""
        self._mine()
        if self._run.awaits:
            import asyncio

            return asyncio.sleep(seconds)
        time.sleep(seconds)
        return None

    def use_memory(self, mb: float) -> None:
        """Virtual time only: a process is measured."""
        self._mine()

    def invoke(self, name: str, payload: object = b"") -> object:
        """Call another function and wait: a `Response`, also when refused. In an `async def` handler, await it."""
        return self._mine().calls.call(self._run, _named(name), _to_bytes(payload), None, 0)

    def invoke_async(self, name: str, payload: object = b"", *, delay: float = 0.0, task_id: "str | None" = None) -> object:
        """Send another function an event: a `Task` at once. In an `async def` handler, await it."""
        if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not 0 <= delay <= 3600:
            raise UsageError(f"delay must be from 0 to 3600 seconds, not {delay!r}.", "choose delay from 0 to 3600")
        return self._mine().calls.call(self._run, _named(name), _to_bytes(payload), task_id or "", round(delay * 1e6))

    def _mine(self) -> "Guest":
        if self._run.over or self._run.thread != _thread.get_ident():
            raise UsageError(
                "The context was used outside its own run: from a thread the handler started, or after the handler returned.",
                "use it in the handler itself, before it returns",
            )
        return self._instance


def _named(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(f"A function is called by its name, not {name!r}.", 'such as context.invoke("other", b"...")')
    return name


def _to_bytes(payload: object) -> bytes:
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    if isinstance(payload, str):
        return payload.encode()
    import json

    try:
        return json.dumps(payload, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        what = f"A payload of type {type(payload).__name__} cannot be sent ({error})."
        raise UsageError(what, "give bytes, text, or what JSON can say") from None
