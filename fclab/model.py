"""The words every room speaks in: frozen records that say what a function is and what came back from a request."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fclab.errors import FunctionError, PlatformError, RequestRefused, UsageError

__all__ = [
    "ASYNC_PAYLOAD_LIMIT",
    "LEAST_WAIT",
    "PHASES",
    "PROFILES",
    "SYNC_PAYLOAD_LIMIT",
    "AsyncConfig",
    "BootProfile",
    "FunctionSpec",
    "Mode",
    "Package",
    "Phase",
    "Response",
    "Schedule",
    "TargetTracking",
]

Mode = Literal["sync", "async"]

PHASES = ("schedule", "download", "unpack", "start", "fork", "initialize")
"""The phases of a boot, in order, `fork` in place of `start`. All but the last are the platform's cold start; the last is the user's."""

SYNC_PAYLOAD_LIMIT = 32 * 1024 * 1024
"""Bytes a synchronous request may carry (Function Compute quota page, 2026-02-04)."""

ASYNC_PAYLOAD_LIMIT = 128 * 1024
"""Bytes an asynchronous request may carry (same page; binary multiple assumed)."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a boot. `name` is one of `PHASES`; `start` is lab time, both in seconds."""

    name: str
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class BootProfile:
    """How long the modelled phases of a virtual boot take: seconds, and seconds per MB of code package.

    The defaults are the classroom's: simulated, chosen to be readable, 0.80 s for a 5 MB package. `fork` takes the place of `start`
    for functions declared with start="fork", which boot from a warmed interpreter.
    """

    schedule: float = 0.10
    download_per_mb: float = 0.06
    unpack_per_mb: float = 0.03
    start: float = 0.25
    download: float = 0.0
    unpack: float = 0.0
    fork: float = 0.02

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise UsageError(f"BootProfile.{name} must be seconds from 0 up, not {value!r}.", hint="give a finite number")

    def phases(self, code_mb: float, start: str = "spawn") -> tuple[tuple[str, float], ...]:
        """(phase, seconds) for a package of `code_mb` MB, the platform's four phases in order."""
        return (
            ("schedule", self.schedule),
            ("download", self.download + self.download_per_mb * code_mb),
            ("unpack", self.unpack + self.unpack_per_mb * code_mb),
            ("fork", self.fork) if start == "fork" else ("start", self.start),
        )


PROFILES: Mapping[str, BootProfile] = {"classroom": BootProfile(), "instant": BootProfile(0, 0, 0, 0, fork=0)}


LEAST_WAIT = 0.001
"""The shortest wait between two deliveries of an event, in seconds: offered again in no time, it would meet the same fault for ever."""


@dataclass(frozen=True, slots=True)
class AsyncConfig:
    """How one function's asynchronous requests are retried and where their outcome goes.

    `None` means the preset's value, `math.inf` no limit. Seconds throughout.

    max_retries   retries of function errors, 0 to 8 (executions = max_retries + 1)
    first_delay   wait before the first retry, of function and of system errors; doubles from there
    cap           the longest wait between two deliveries
    total         how long system errors are retried, from the first of them
    max_age       an event older than this when it is due for delivery expires instead
    on_success, on_failure   a function's name, or "queue:NAME" or "topic:NAME" for one of the lab's
    """

    max_retries: int | None = None
    first_delay: float | None = None
    cap: float | None = None
    total: float | None = None
    max_age: float | None = None
    on_success: str | None = None
    on_failure: str | None = None

    def __post_init__(self) -> None:
        retries = self.max_retries
        if retries is not None and (isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= 8):
            raise UsageError(f"max_retries must be a whole number from 0 to 8, not {retries!r}.", hint="0 means one execution and no retry")
        for name in ("first_delay", "cap", "total", "max_age"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise UsageError(
                    f"{name} must be seconds from 0 up, not {value!r}.", hint="None means the preset's value, math.inf no limit"
                )
        if self.first_delay is not None and not LEAST_WAIT <= self.first_delay < math.inf:
            raise UsageError(
                f"first_delay must be a positive number of seconds, {LEAST_WAIT:g} or more, not {self.first_delay!r}.",
                hint="the presets use 0.5 or 1",
            )
        if self.cap is not None and self.cap < LEAST_WAIT:
            raise UsageError(f"cap must be at least {LEAST_WAIT:g} s, not {self.cap!r}.", hint="without a wait no outage would ever end")
        if self.max_age is not None and self.max_age < 1:
            raise UsageError(f"max_age must be at least 1 s, not {self.max_age!r}.", hint="the product allows 1 to 604800 s")
        for name in ("on_success", "on_failure"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or value in ("", "queue:", "topic:")):
                raise UsageError(
                    f"{name} names a function, 'queue:NAME' or 'topic:NAME', not {value!r}.", hint="such as on_failure='queue:dead-letters'"
                )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A reserved target for the lab times in [start, end), in seconds. The largest of the rules in force wins."""

    start: float
    end: float
    target: int


@dataclass(frozen=True, slots=True)
class TargetTracking:
    """Keep the utilization of reserved instances near `utilization` (0 < u <= 1) with min to max of them.

    Evaluated once a minute (Function Compute documents the interval, not the formula; ours is in `engine.autoscale`).
    """

    utilization: float = 0.6
    min: int = 1
    max: int = 10


@dataclass(frozen=True, slots=True)
class Package:
    """A code package in a code store: one zip, named by what is in it.

    digest   SHA-256 of the zip, 64 hexadecimal digits
    size     bytes of the zip
    """

    digest: str
    size: int

    @property
    def mb(self) -> float:
        """Size in MB of 1024 * 1024 bytes, to 0.01: finer digits would follow the zlib that made the zip."""
        return round(self.size / (1024 * 1024), 2)


Duration = float | int | str | Callable[..., float] | Iterable[float]
Handler = Callable[..., object]


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as declared. Seconds and MB; validated by `engine.declare`, so a spec that exists is sound.

    A deployed function has a `package` and names its code, hooks included, by path: "index.handler" is `handler` in index.py.

    preload   modules a warmed interpreter imports before it is forked (start="fork" only)
    runtime   "python", or "custom": `command` starts a server of any kind, on `port` if that is fixed; its hooks are paths ("/initialize")
    """

    name: str
    handler: Handler | None = None
    memory_mb: int = 512
    timeout: float = 3.0
    concurrency: int = 1
    idle_timeout: float = 300.0
    initializer: Handler | str | None = None
    init_timeout: float = 3.0
    pre_freeze: Handler | str | None = None
    pre_stop: Handler | str | None = None
    reserved: int = 0
    max_instances: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    code_mb: float = 5.0
    duration: Duration | None = None
    boot: float | None = None
    start: Literal["spawn", "fork"] = "spawn"
    preload: tuple[str, ...] = ()
    runtime: Literal["python", "custom"] = "python"
    command: tuple[str, ...] = ()
    port: int | None = None
    async_config: AsyncConfig = AsyncConfig()
    package: Package | None = None
    handler_path: str = ""

    @property
    def runs_python(self) -> bool:
        """There is Python code to run: a function, or a package of the Python runtime."""
        return self.handler is not None or (self.package is not None and self.runtime == "python")

    @property
    def handler_name(self) -> str:
        """What the product calls the handler: module.function."""
        return self.handler_path or f"index.{getattr(self.handler, '__name__', 'handler')}"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What a caller gets, always, also when refused. A function's own failure is status 200 with `error` set, as in the product.

    status      200 answered, 202 accepted (async), 4xx refused, 5xx the platform failed
    error       the message, or None; error_type its documented kind
    payload     the handler's output, or the error object, as bytes
    phases      the boot this request waited for; empty when it was warm
    latency     seconds from arrival to this response
    duration    seconds the handler ran; billed: those seconds and the initializer's, each rounded up to 1 ms
    memory_mb   peak memory: measured in processes, in virtual time what the handler declared
    logs        what the handler printed and logged, with the platform's start and end lines

    An outcome read from a task's record comes without all that: there duration, billed, memory_mb and cold are None.
    """

    status: int
    payload: bytes = b""
    error: str | None = None
    error_type: str | None = None
    request_id: str = ""
    instance_id: str | None = None
    phases: tuple[Phase, ...] = ()
    latency: float = 0.0
    duration: float | None = 0.0
    billed: float | None = 0.0
    memory_mb: float | None = 0.0
    logs: str = ""

    @property
    def ok(self) -> bool:
        """Answered, and the function did not fail."""
        return self.status < 400 and self.error is None

    @property
    def cold(self) -> bool | None:
        """This request waited for an instance to boot; None if that is not known."""
        return None if self.duration is None else bool(self.phases)

    @property
    def text(self) -> str:
        """The payload as UTF-8 text."""
        return self.payload.decode("utf-8", "replace")

    def json(self) -> object:
        """The payload as JSON. Raises `UsageError` if it is not JSON."""
        try:
            return json.loads(self.payload)
        except ValueError:
            raise UsageError(f"The payload of {self.request_id} is not JSON: {self.text[:60]!r}.", hint="read .text or .payload") from None

    def raise_for_error(self) -> Response:
        """Return self, or raise `FunctionError`, `RequestRefused` (4xx) or `PlatformError` (5xx)."""
        if self.ok:
            return self
        what = f"{self.status} {self.error_type or 'Error'}: {self.error}"
        if self.status < 400:
            raise FunctionError(what, hint="read .logs of the response", response=self)
        if self.status < 500:
            raise RequestRefused(what, hint="read the message; the platform is sound", response=self)
        raise PlatformError(what, hint="try again later", response=self)

    def __repr__(self) -> str:
        said = self.error_type if self.error is not None else repr(self.text if len(self.payload) <= 40 else self.text[:37] + "...")
        if self.status >= 300:
            return f"Response({self.status}, {said})"
        boot = "" if self.cold is None else ", cold" if self.cold else ", warm"
        return f"Response({self.status}, {said}, {self.latency:g} s{boot})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
