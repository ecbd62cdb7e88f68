"""API gateway triggers: the route that a function answers, and what it gets of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import ACCOUNT, REGION, Binding, Trigger, document
from fclab.sources.gateway.routes import Route
from fclab.units import to_us

__all__ = ["APIGatewayTrigger", "check_throttle", "gateway_event", "trigger_of"]

LONGEST_WAIT = 30.0
"""Seconds that a route may wait for its function at most."""


@dataclass(frozen=True, kw_only=True)
class APIGatewayTrigger(Trigger):
    """Let a function answer a route: `lab.gateway.request("GET", "/orders/7")`.

    method     GET, POST, PUT, DELETE, HEAD, PATCH, OPTIONS, or ANY
    path       such as "/orders/{id}"; {rest+} as the last segment takes all that follows (the lab's notation)
    stage      release, pre or test: each has routes of its own
    timeout    seconds until the gateway gives up (504), up to 30; the function runs on
    throttle   requests that pass in each second of lab time, at least 1; those beyond get 429. None: all
    """

    TYPE: ClassVar[str] = "apigateway"
    SOURCE: ClassVar[str] = "gateway"
    MODE: ClassVar[Mode] = "sync"
    RETRIES: ClassVar[str] = "never: the caller has the answer, 503 where the function failed"
    method: str = "GET"
    path: str
    stage: str = "release"
    timeout: float = 10.0
    throttle: int | None = None

    def __post_init__(self) -> None:
        Route.of(self.stage, self.method, self.path)
        to_us(self.timeout, "timeout", least=0.001, most=LONGEST_WAIT)
        check_throttle(self.throttle)

    @property
    def route(self) -> Route:
        """Its route."""
        return Route.of(self.stage, self.method, self.path)

    @property
    def arn(self) -> str:
        return f"acs:apigateway:{REGION}:{ACCOUNT}:{self.stage}/{self.method}{self.path}"

    @property
    def watches(self) -> str:
        return f"{self.method} {self.path}"

    def config(self) -> dict[str, Any]:
        return {"method": self.method, "path": self.path, "stage": self.stage, "timeout": self.timeout, "throttle": self.throttle}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> APIGatewayTrigger:
        names = ("method", "path", "stage", "timeout", "throttle")
        if unknown := [name for name in config if name not in names]:
            raise UsageError(f"An API gateway trigger's configuration has no {unknown[0]!r}.", hint=f"it has: {', '.join(names)}")
        if "path" not in config:
            raise UsageError("An API gateway trigger's configuration needs path.", hint='such as "/orders/{id}"')
        return cls(**config)

    @classmethod
    def example(cls) -> bytes:
        return gateway_event("/orders/7", "GET", {"accept": "application/json"}, {"page": "2"}, {"id": "7"}, "", False)


def gateway_event(
    path: str, method: str, headers: dict[str, str], query: dict[str, str], parameters: dict[str, str], body: str, encoded: bool
) -> bytes:
    """What a function gets of a request."""
    return document({
        "path": path, "httpMethod": method, "headers": headers, "queryParameters": query, "pathParameters": parameters, "body": body,
        "isBase64Encoded": encoded,
    })  # fmt: skip


def trigger_of(binding: Binding) -> APIGatewayTrigger:
    """The binding's trigger, which is one of the gateway's."""
    assert isinstance(binding.trigger, APIGatewayTrigger)
    return binding.trigger


def check_throttle(value: object) -> None:
    """Raises `UsageError` unless it is None or a number of requests per second."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UsageError(f"throttle is a number of requests per second from 1, not {value!r}.", hint="None lets all pass")
