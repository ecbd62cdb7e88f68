"""The words that come back from the platform: answers, events that were sent, and the errors of asking wrongly.

Stand-ins with the fields of `fclab.model.Response`, `fclab.engine.tasks.Task` and `fclab.errors`: inside an instance there is no fclab.
"""

__all__ = ["Credentials", "FunctionInfo", "Phase", "Response", "SourceError", "Task", "UsageError"]


class UsageError(ValueError):
    """The platform was asked for something it cannot do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}\n  You can mend this: {hint}")


class SourceError(UsageError):
    """A source said no: `code` is the product's name for it, such as "NoSuchKey"."""

    def __init__(self, code: str, what: str, hint: str) -> None:
        self.code = code
        super().__init__(what, hint)


class _RequestError(Exception):
    who = "You"

    def __init__(self, what: str, hint: str, response: "Response") -> None:
        self.response = response
        super().__init__(f"{what}\n  {self.who} can mend this: {hint}")


class FunctionError(_RequestError):
    who = "The function's author"


class RequestRefused(_RequestError):
    pass


class PlatformError(_RequestError):
    who = "The platform"


class Phase:
    """One phase of a boot: `start` and `duration` in seconds."""

    def __init__(self, name: str, start: float, duration: float) -> None:
        self.name = name
        self.start = start
        self.duration = duration


class Response:
    """What a called function answered; the same fields as `fclab.model.Response`."""

    def __init__(self, fields: "list[bytes]") -> None:
        texts = [field.decode("utf-8", "replace") for field in fields]
        self.status = int(texts[0])
        self.payload = fields[1]
        self.error_type = texts[3] or None
        self.error = texts[2] if self.error_type is not None else None
        self.request_id = texts[4]
        self.instance_id = texts[5] or None
        self.latency, self.duration, self.billed, self.memory_mb = map(float, texts[6].split())
        self.logs = texts[7]
        words = texts[8].split()
        self.phases = tuple(Phase(words[i], float(words[i + 1]), float(words[i + 2])) for i in range(0, len(words), 3))

    @property
    def ok(self) -> bool:
        return self.status < 400 and self.error is None

    @property
    def cold(self) -> bool:
        return bool(self.phases)

    @property
    def text(self) -> str:
        return self.payload.decode("utf-8", "replace")

    def json(self) -> object:
        import json

        try:
            return json.loads(self.payload)
        except ValueError:
            raise UsageError(f"The payload of {self.request_id} is not JSON: {self.text[:60]!r}.", "read .text or .payload") from None

    def raise_for_error(self) -> "Response":
        if self.ok:
            return self
        what = f"{self.status} {self.error_type or 'Error'}: {self.error}"
        if self.status < 400:
            raise FunctionError(what, "read .logs of the response", self)
        if self.status < 500:
            raise RequestRefused(what, "read the message; the platform is sound", self)
        raise PlatformError(what, "try again later", self)

    def __repr__(self) -> str:
        said = self.error_type if self.error is not None else repr(self.text if len(self.payload) <= 40 else self.text[:37] + "...")
        warmth = f", {self.latency:g} s, {'cold' if self.cold else 'warm'}" if self.status < 300 else ""
        return f"Response({self.status}, {said}{warmth})"


class Task:
    """An event that was sent to a function: accepted, or refused; the same fields as the platform's own."""

    def __init__(self, fields: "list[bytes]", function: str, task_id: str) -> None:
        answer = Response(fields)
        number, self.state = fields[9].decode().split(" ")
        self.number = int(number)
        self.request_id = answer.request_id
        self.function = function
        self.task_id = task_id
        self.history: list[tuple[int, str]] = []
        self.attempts = self.executions = 0
        self.response = answer if self.state == "Rejected" else None

    @property
    def status(self) -> int:
        return 202 if self.response is None else self.response.status

    @property
    def finished(self) -> bool:
        return self.response is not None

    def refuse(self, response: Response) -> None:
        self.response, self.state = response, "Rejected"

    def enter(self, now: int, state: str) -> None:
        self.state = state
        self.history.append((now, state))

    def result(self) -> Response:
        if self.response is None:
            raise UsageError(f"R{self.number} is {self.state or 'on its way'}, and a handler cannot wait for it.", "use context.invoke")
        return self.response

    def __repr__(self) -> str:
        return f"Task(R{self.number}, {self.state or 'on its way'})"


class FunctionInfo:
    """Which function runs: memory in MB, timeout in seconds."""

    def __init__(self, name: str, handler: str, memory: int, timeout: float) -> None:
        self.name = name
        self.handler = handler
        self.memory = memory
        self.timeout = timeout


class Credentials:
    """The lab's own keys; they open nothing outside it."""

    access_key_id = "lab-key-id"
    access_key_secret = "lab-key-secret"
    security_token = "lab-token"
