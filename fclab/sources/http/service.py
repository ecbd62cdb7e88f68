"""What stands between HTTP callers and functions that have an HTTP trigger: methods, signatures, limits, CORS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fclab.errors import UsageError
from fclab.sources.base import Binding, Source, Trigger, document
from fclab.sources.http.signature import Message, Nonces, SignatureRefused, verify
from fclab.sources.http.trigger import HTTPTrigger
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.sources.hub import Hub

__all__ = ["KEYS", "GateAnswer", "Http", "trigger_of"]

KEYS = {"lab-key-id": "lab-key-secret"}
"""The account's access keys: those that handlers have as context.credentials."""
MOST_HEADERS, LONGEST_PATH = 8 << 10, 4 << 10
"""Bytes of all header names and values, and of the path with its query."""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """An answer that is given without the function."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    code: str = ""
    message: str = ""

    @classmethod
    def refusal(cls, status: int, code: str, message: str) -> GateAnswer:
        """An error of the documented shape."""
        headers = {"content-type": "application/json", "x-fc-error-type": "FcCommonError"}
        return cls(status, headers, document({"Code": code, "Message": message}), code, message)


class Http(Source):
    """1. A function has one HTTP trigger at most. 2. A request that is refused makes no request of the platform's."""

    NAME = "http"
    TITLE = "HTTP triggers"
    TRIGGERS: ClassVar[tuple[type[Trigger], ...]] = (HTTPTrigger,)

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._nonces = Nonces()

    def bind(self, binding: Binding) -> None:
        """Clause 1."""
        for other in self.hub.registry.all(binding.function):
            if other is not binding and isinstance(other.trigger, HTTPTrigger):
                raise UsageError(
                    f"{binding.function!r} has an HTTP trigger, {other.name!r}.", hint="update that one: a function has one at most"
                )

    def of_function(self, function: str) -> Binding | None:
        """A function's HTTP trigger."""
        return next((one for one in self.hub.registry.all(function) if isinstance(one.trigger, HTTPTrigger)), None)

    def admit(self, binding: Binding, message: Message, internet: bool = True) -> GateAnswer | None:
        """None for a request that the function is to get; otherwise the answer: a refusal, or that to a preflight."""
        trigger = trigger_of(binding)
        if not binding.enabled:
            return GateAnswer.refusal(403, "AccessDenied", f"trigger '{binding.name}' is disabled")
        if internet and trigger.disable_internet:
            return GateAnswer.refusal(403, "AccessDenied", "the internet address of the trigger is disabled")
        if (said := _too_large(message)) is not None:
            return GateAnswer.refusal(400, "InvalidArgument", said)
        if trigger.cors is not None and message.method == "OPTIONS" and {"origin", "access-control-request-method"} <= {*message.headers}:
            return GateAnswer(204, _preflight(trigger, message))
        if message.method not in trigger.methods:
            return GateAnswer.refusal(403, "AccessDenied", f"method {message.method} is not allowed, only {', '.join(trigger.methods)}")
        if trigger.auth == "function":
            try:
                verify(message, KEYS, now=self.hub.unix() / SECOND, nonces=self._nonces)
            except SignatureRefused as refused:
                return GateAnswer.refusal(refused.status, refused.code, refused.message)
        return None

    @staticmethod
    def cors(trigger: HTTPTrigger, message: Message) -> dict[str, str]:
        """The headers that let a page read the answer: none where the trigger has no rules, or its origin is not among them."""
        allowed = _origin(trigger, message)
        if allowed is None:
            return {}
        rules = trigger.cors or {}
        exposed = {"access-control-expose-headers": ", ".join(rules["exposeHeaders"])} if rules.get("exposeHeaders") else {}
        return {**allowed, **exposed}


def trigger_of(binding: Binding) -> HTTPTrigger:
    """The binding's trigger, which is one for HTTP."""
    assert isinstance(binding.trigger, HTTPTrigger)
    return binding.trigger


def _too_large(message: Message) -> str | None:
    if sum(len(name) + len(value) for name, value in message.headers.items()) > MOST_HEADERS:
        return f"the headers exceed {MOST_HEADERS} bytes"
    if len(message.path) + len(message.query) > LONGEST_PATH:
        return f"path and query exceed {LONGEST_PATH} bytes"
    return None


def _origin(trigger: HTTPTrigger, message: Message) -> dict[str, str] | None:
    """What to say of the request's origin; None if it is not allowed, or the request has none."""
    origin, rules = message.headers.get("origin"), trigger.cors
    if origin is None or rules is None:
        return None
    origins = rules.get("allowOrigins", ["*"])
    if "*" in origins:
        return {"access-control-allow-origin": "*"}
    if origin not in origins:
        return None
    credentials = {"access-control-allow-credentials": "true"} if rules.get("allowCredentials") else {}
    return {"access-control-allow-origin": origin, "vary": "Origin", **credentials}


def _preflight(trigger: HTTPTrigger, message: Message) -> dict[str, str]:
    """The rules for the page that asks; without them the browser does not send its request."""
    allowed, rules = _origin(trigger, message), trigger.cors or {}
    methods = rules.get("allowMethods") or list(trigger.methods)
    if allowed is None or not {"*", message.headers["access-control-request-method"]} & {*methods}:
        return {}
    wanted = [name.strip().lower() for name in message.headers.get("access-control-request-headers", "").split(",") if name.strip()]
    names = [name.lower() for name in rules.get("allowHeaders", ["*"])]
    if "*" not in names and not {*wanted} <= {*names}:
        return {}
    told = {"access-control-allow-headers": ", ".join(wanted if "*" in names else names)} if wanted else {}
    age = {"access-control-max-age": str(rules["maxAge"])} if "maxAge" in rules else {}
    return {**allowed, "access-control-allow-methods": ", ".join(methods), **told, **age}
