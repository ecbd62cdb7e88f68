"""A server of any kind in an instance: started by its own command, spoken to over HTTP."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fclab.backends.custom.http_client import BadRequest, HttpRequest
from fclab.backends.custom.http_connection import HttpReply, Trouble
from fclab.backends.custom.http_events import document, event_request, failed_status, invocation, platform_headers, said
from fclab.backends.custom.launch import Launch
from fclab.backends.custom.ports import HOST
from fclab.backends.process.groups import descendants, resident_kb
from fclab.backends.process.guests import GuestRun
from fclab.engine.failures import error_object
from fclab.engine.rows import Outcome

if TYPE_CHECKING:
    from fclab.backends.base import Report
    from fclab.backends.custom.http_client import Exchange
    from fclab.backends.process.body import Body
    from fclab.backends.process.guests import Done
    from fclab.engine.rows import Attempt

__all__ = ["CustomGuest"]

_HANG_UP = 50_000
"""µs after a connection broke in which the end of the process would explain it."""

class _Run(GuestRun):
    """An attempt, and the exchange with the server that it is."""

    __slots__ = ("exchange", "of_event")

    def __init__(self, attempt: Attempt, report: Report, request_id: str, log: list[str]) -> None:
        super().__init__(attempt, report, request_id, log)
        self.of_event = True
        self.exchange: Exchange | None = None


class CustomGuest:
    """See `backends.guests.Guest` for the clauses it keeps.

    3. It is ready when its server accepts connections on the port that it was given.
    4. An HTTP trigger's event becomes the request that it stands for, any other POST /invoke.
    5. That a request failed ends nothing but the request; a broken connection counts as the end of the process if that follows at once.
    """

    drains = True

    def __init__(self, body: Body) -> None:
        self._body = body
        self._clock = body.clock
        self._spec = body.instance.function.spec
        self._runs: dict[Attempt, _Run] = {}
        self._waiting: Done | None = None
        """Who waits for the start, or for a hook."""
        self._launch = Launch(body, self._finish)

    @property
    def busy(self) -> bool:
        """See `Guest`."""
        return bool(self._runs) or self._waiting is not None

    # ---- start

    def start(self, ready: Done) -> None:
        """See `Guest`."""
        self._waiting = ready
        self._launch.begin()

    def _finish(self, outcome: Outcome | None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting(outcome)

    # ---- hooks

    def hook(self, name: str, done: Done) -> None:
        """See `Guest`. The names are paths."""
        body = self._body
        self._waiting = done
        body.world.watchman.wake()
        method = "POST" if name == body.code.initializer else "GET"
        headers = platform_headers(self._spec, self._handler, body.report.request_id(0), name)
        request = HttpRequest(method, name, (("host", self._host), *headers))
        self._launch.client.send(request, partial(self._hooked, done, f"{method} {name}"))

    def _hooked(self, done: Done, what: str, result: HttpReply | Trouble) -> None:
        if self._waiting is not done:
            return
        if isinstance(result, Trouble):
            outcome = _failure(result)
            if result.kind == "broken":
                self._clock.call_at(self._clock.now() + _HANG_UP, self._hook_broke, done, outcome)
                return
        elif result.status < 400:
            outcome = None
        else:
            message = said(result, result.status, what)
            kind = "error" if result.status < 500 else "exit"  # 5xx asks for another instance
            outcome = Outcome(kind, error_object(message, "UnhandledInvocationError"), message, "UnhandledInvocationError")
        self._body.take_output()
        self._finish(outcome)

    def _hook_broke(self, done: Done, outcome: Outcome) -> None:
        if self._waiting is done:
            self._finish(outcome)

    # ---- runs

    @property
    def _host(self) -> str:
        return f"{HOST}:{self._launch.port}"

    @property
    def _handler(self) -> str:
        return self._body.code.handler or "index.handler"

    def run(self, attempt: Attempt, report: Report) -> None:
        """See `Guest`."""
        request_id = attempt.message.request_id if attempt.message is not None else report.request_id(attempt.request.number)
        attempt.log = log = [f"FC Invoke Start RequestId: {request_id}\n"]
        attempt.world = run = _Run(attempt, report, request_id, log)
        self._runs[attempt] = run
        try:
            run.exchange = self._launch.client.send(self._request(run), partial(self._answered, run))
        except BadRequest as error:
            message = f"the event is no HTTP request: {error}"
            outcome = Outcome("error", error_object(message, "BadRequest"), message, "UnhandledInvocationError")
            self._clock.call_at(self._clock.now(), self._fail, run, outcome)

    def _request(self, run: _Run) -> HttpRequest:
        """What the server is sent (clause 4)."""
        payload = run.attempt.request.payload
        http = event_request(payload)
        run.of_event = http is None
        headers = platform_headers(self._spec, self._handler, run.request_id, "/invoke" if http is None else "/http-invoke")
        if run.attempt.number > 1:
            headers += (("x-fc-retry-count", str(run.attempt.number - 1)),)
        return invocation(payload, self._host, headers) if http is None else http.with_headers(headers)

    def _answered(self, run: _Run, result: HttpReply | Trouble) -> None:
        run.exchange = None
        if isinstance(result, Trouble):
            if result.kind == "broken":
                self._clock.call_at(self._clock.now() + _HANG_UP, self._fail, run, _failure(result))
            else:
                self._fail(run, _failure(result))
            return
        payload = result.body if run.of_event else document(result)
        status = failed_status(result, run.of_event)
        if status:
            what = said(result, status, "POST /invoke" if run.of_event else "an HTTP request")
            body = payload or error_object(what, "UnhandledInvocationError")
            self._fail(run, Outcome("error", body, what, "UnhandledInvocationError"))
            return
        self._over(run, "")
        run.report.done(run.attempt, Outcome("ok", payload, memory_mb=self._memory()))

    def _fail(self, run: _Run, outcome: Outcome) -> None:
        if self._runs.get(run.attempt) is not run:
            return  # it was cancelled, or got the end of the process as its outcome
        self._over(run, ", Error: Unhandled function error", outcome.error or "")
        outcome.memory_mb = outcome.memory_mb or self._memory()
        run.report.done(run.attempt, outcome)

    def _over(self, run: _Run, ending: str, error: str = "") -> None:
        """Close the log of a run that is over, with what it printed until now."""
        self._body.take_output()
        del self._runs[run.attempt]
        if run.log[-1][-1:] != "\n":
            run.log.append("\n")
        if error:
            run.log.append(error + "\n")
        run.log.append(f"FC Invoke End RequestId: {run.request_id}{ending}\n")

    def _memory(self) -> float:
        """MB of memory that the instance has used at most, as far as was seen."""
        body = self._body
        if body.group is not None and body.group.status is None:
            body.used_mb = max(body.used_mb, sum(map(resident_kb, descendants(body.group.pid))) / 1024)
        return body.used_mb

    def cancel(self, attempt: Attempt, reason: str) -> None:
        """See `Guest`."""
        run = attempt.world
        if isinstance(run, _Run) and self._runs.get(attempt) is run:
            if run.exchange is not None:
                self._launch.client.cancel(run.exchange)
            self._over(run, f", Error: {reason}")

    # ---- what it says

    def printed(self, text: str) -> None:
        """See `Guest`: it belongs to the request that runs, if there is exactly one."""
        if len(self._runs) == 1:
            next(iter(self._runs.values())).write(text)
        else:
            self._body.write(text)

    # ---- the end

    def drain(self) -> None:
        """See `Guest`."""
        if not self._launch.under_way:
            self._launch.client.drain()

    def ended(self, outcome: Outcome) -> bool:
        """See `Guest`. Which of several attempts ended it, nobody can tell: all of them are told, by the engine."""
        if self._launch.under_way:
            self._launch.ended(outcome)
        elif self._waiting is not None:
            self._finish(outcome)
        elif len(self._runs) == 1:
            self._fail(next(iter(self._runs.values())), outcome)
        else:
            for run in list(self._runs.values()):
                self._over(run, ", Error: Unhandled function error", outcome.error or "")
            return False
        return True

    def close(self) -> None:
        """See `Guest`."""
        self._launch.close()


def _failure(trouble: Trouble) -> Outcome:
    """A request without an answer. The instance lives on: if its process is over too, that is another outcome, and comes first."""
    kind = "EntityTooLarge" if trouble.kind == "large" else "ConnectionBroken"
    return Outcome("error", error_object(trouble.text, kind), trouble.text, "UnhandledInvocationError")
