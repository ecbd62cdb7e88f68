"""What a handler gets as its second argument: who it is, what it may use, and whom it may call."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from fclab.backends.process.inside.values import SERVICES, decode, encode
from fclab.backends.virtual.handler_time import EPOCH_US
from fclab.engine.payload import to_bytes
from fclab.errors import UsageError
from fclab.units import seconds, to_us

if TYPE_CHECKING:
    from fclab.backends.virtual.runs import Run

__all__ = ["Context", "Credentials", "FunctionInfo", "Service"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """Which function runs: memory in MB, timeout in seconds."""

    name: str
    handler: str
    memory: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Credentials:
    """The lab's own keys; they open nothing outside it."""

    access_key_id: str = "lab-key-id"
    access_key_secret: str = "lab-key-secret"
    security_token: str = "lab-token"


_KEYS = Credentials()


class _LogHandler(logging.Handler):
    def __init__(self, run: Run, request_id: str) -> None:
        super().__init__()
        self.run = run
        self.request_id = request_id

    def emit(self, record: logging.LogRecord) -> None:
        stamp = (_EPOCH + timedelta(microseconds=EPOCH_US + self.run.now())).isoformat(timespec="milliseconds")
        line = f"{stamp.replace('+00:00', 'Z')} {self.request_id} [{record.levelname}] {record.getMessage()}\n"
        if record.exc_info and record.exc_info[1] is not None:
            line += f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}\n"
        self.run.capture.write(line)


class Service:
    """One of the lab's sources from inside a handler: the verbs of `lab.<name>`. In an `async def` handler, await them."""

    __slots__ = ("_context", "_name")

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name

    def __getattr__(self, verb: str) -> Callable[..., object]:
        if verb.startswith("_"):
            raise AttributeError(verb)

        def use(*args: object, **options: object) -> object:
            asked = plain([list(args), options], f"context.{self._name}.{verb}")
            return self._context._mine().use(self._name, verb, *asked)

        return use

    def __repr__(self) -> str:
        return f"context.{self._name}"


def plain(asked: list[Any], who: str) -> list[Any]:
    """A copy as an instance of its own would send it. Raises `UsageError` for what cannot be sent."""
    try:
        return cast("list[Any]", decode(encode(asked)))
    except (TypeError, ValueError) as error:
        hint = "give None, numbers, texts, bytes, lists and mappings"
        raise UsageError(f"{who} was given what cannot be sent ({error}).", hint=hint) from None


class Context:
    """The context of one run, the same in every backend.

    request_id    stable over retries; retry_count: deliveries before this one
    function      .name .handler .memory (MB) .timeout (s); environment: the function's variables
    logger        a standard logger; its lines join what the handler prints
    now           lab time in seconds; remaining_s: seconds until the time-out
    objects, tables, logs, topics, queues, bus, timers, cdn   the lab's sources, with the verbs that `lab.objects` ... have
    """

    def __init__(self, run: Run, request_id: str, function: FunctionInfo, environment: Mapping[str, str], retry_count: int) -> None:
        self._run = run
        self._logger: logging.Logger | None = None
        self.request_id = request_id
        self.requestId = request_id
        self.function = function
        self.environment = environment
        self.retry_count = retry_count
        self.credentials = _KEYS
        self.region = "lab"
        self.account_id = "000000000000"

    @property
    def logger(self) -> logging.Logger:
        """A logger of this request's own, at INFO."""
        if self._logger is None:
            self._logger = logging.Logger("handler", logging.INFO)
            self._logger.addHandler(_LogHandler(self._run, self.request_id))
        return self._logger

    @property
    def now(self) -> float:
        """Lab time in seconds."""
        return seconds(self._mine().now())

    @property
    def remaining_s(self) -> float:
        """Seconds until the time-out, never below 0; an initializer or hook has `math.inf`."""
        run = self._mine()
        attempt = run.job.attempt
        if attempt is None:
            return math.inf
        return seconds(max(0, attempt.started + attempt.request.fn.timeout_us - run.now()))

    def __getattr__(self, name: str) -> Service:
        if name in SERVICES:
            return Service(self, name)
        raise AttributeError(f"the context has no {name!r}")

    def work(self, seconds: float) -> object:
        """Work for `seconds` of lab time, as `time.sleep` does; in an `async def` handler, await it."""
        return self._mine().work(seconds)

    def use_memory(self, mb: float) -> None:
        """Say that this run now uses `mb` MB at its peak; more than the function has ends it, out of memory (virtual time only)."""
        if isinstance(mb, bool) or not isinstance(mb, (int, float)) or not mb >= 0:
            raise UsageError(f"use_memory needs MB from 0 up, not {mb!r}.", hint="such as context.use_memory(300)")
        self._mine().use_memory(float(mb))

    def invoke(self, name: str, payload: object = b"") -> object:
        """Call another function and wait: a `Response`, also when refused. In an `async def` handler, await it."""
        return self._mine().call(_named(name), to_bytes(payload), None, 0)

    def invoke_async(self, name: str, payload: object = b"", *, delay: float = 0.0, task_id: str | None = None) -> object:
        """Send another function an event: a `Task` at once. In an `async def` handler, await it."""
        held = to_us(delay, "delay", most=3600)
        return self._mine().call(_named(name), to_bytes(payload), task_id or "", held)

    def _mine(self) -> Run:
        if not self._run.here():
            raise UsageError(
                "The context was used outside its own run: from a thread the handler started, or after the handler returned.",
                hint="use it in the handler itself, before it returns",
            )
        return self._run


def _named(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(f"A function is called by its name, not {name!r}.", hint='such as context.invoke("other", b"...")')
    return name
