"""A Python function in an instance: the platform's side of the conversation with `fclab.backends.process.inside.instance`."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from fclab.backends.process import bundle
from fclab.backends.process.channel import Channel, Nonsense
from fclab.backends.process.guests import GuestRun
from fclab.backends.process.inside.values import decode, encode
from fclab.backends.process.inside.wire import CALL, DONE, FAILED, HOOK, HOOKED, LOG, READY, REPLY, RUN, SETUP, USE, pack
from fclab.backends.process.surroundings import package_paths, variables, zero_us
from fclab.engine.failures import exited, out_of_memory
from fclab.engine.rows import Outcome
from fclab.engine.tasks import Task
from fclab.errors import SourceError

if TYPE_CHECKING:
    from fclab.backends.base import Report
    from fclab.backends.process.body import Body
    from fclab.backends.process.guests import Done
    from fclab.engine.rows import Attempt
    from fclab.model import Response

__all__ = ["PythonGuest"]

_FIELDS = {DONE: (2,), FAILED: (5,), LOG: (1,), CALL: (4,), READY: (0, 5), HOOKED: (1, 5), USE: (3,)}
"""Fields of each kind of frame that an instance may send: READY and HOOKED have those of FAILED where it failed."""


class _Run(GuestRun):
    """An attempt, by the number that the instance knows it by."""

    __slots__ = ("number",)

    def __init__(self, number: int, attempt: Attempt, report: Report, request_id: str, log: list[str]) -> None:
        super().__init__(attempt, report, request_id, log)
        self.number = number


class PythonGuest:
    """See `backends.guests.Guest` for the clauses it keeps.

    3. What the instance says of runs it does not have is ignored: they were cancelled. What makes no sense ends it.
    """

    __slots__ = ("_body", "_channel", "_memory_kb", "_numbers", "_runs", "_waiting")

    drains = False

    def __init__(self, body: Body) -> None:
        self._body = body
        self._channel: Channel | None = None
        self._runs: dict[int, _Run] = {}
        self._numbers = 0
        self._memory_kb = body.instance.function.spec.memory_mb * 1024
        self._waiting: Done | None = None
        """Who waits for the start, or for a hook."""

    @property
    def busy(self) -> bool:
        """See `Guest`."""
        return bool(self._runs) or self._waiting is not None

    # ---- start

    def start(self, ready: Done) -> None:
        """See `Guest`."""
        body = self._body
        body.world.home.check()
        ours, theirs = socket.socketpair()
        self._channel = Channel(body.clock, ours, self._received, body.hung_up)
        self._waiting = ready
        with theirs:
            self._channel.send(self._setup())
            if body.instance.function.spec.start == "fork":
                body.fork(body.world.zygote(body.code.preload), theirs.fileno(), self._finish)
            else:
                body.spawn(bundle.command(body.world.home.bundle, "instance", theirs.fileno()), self._variables(), (theirs.fileno(),))

    def _variables(self) -> dict[str, str]:
        body = self._body
        return variables(body.instance.function.spec, body.code.handler, body.instance.label, body.room)

    def _setup(self) -> bytes:
        body = self._body
        spec, code = body.instance.function.spec, body.code
        texts = (
            body.instance.label, spec.name, code.handler, str(spec.memory_mb), repr(float(spec.timeout)), str(spec.concurrency),
            str(body.room.code), "\0".join(package_paths()), "\0".join(f"{key}={value}" for key, value in self._variables().items()),
            "\0".join(spec.environment),
        )  # fmt: skip
        return pack(SETUP, 0, zero_us(body.clock), *(text.encode("utf-8", "surrogateescape") for text in texts))

    # ---- hooks and runs

    def hook(self, name: str, done: Done) -> None:
        """See `Guest`."""
        self._waiting = done
        self._body.world.watchman.wake()
        assert self._channel is not None
        self._channel.send(pack(HOOK, 0, 0, name.encode()))

    def run(self, attempt: Attempt, report: Report) -> None:
        """See `Guest`."""
        request = attempt.request
        request_id = attempt.message.request_id if attempt.message is not None else report.request_id(request.number)
        self._numbers = number = self._numbers % 0xFFFFFFFF + 1
        attempt.log = log = [f"FC Invoke Start RequestId: {request_id}\n"]
        attempt.world = run = _Run(number, attempt, report, request_id, log)
        self._runs[number] = run
        retry = str(attempt.number - 1).encode() if attempt.number > 1 else b""
        deadline = attempt.started + request.fn.timeout_us
        self._channel.send(pack(RUN, number, deadline, request_id.encode(), request.payload, retry))  # type: ignore[union-attr]

    def cancel(self, attempt: Attempt, reason: str) -> None:
        """See `Guest`."""
        run = attempt.world
        if isinstance(run, _Run) and self._runs.pop(run.number, None) is run:
            run.log.append(f"FC Invoke End RequestId: {run.request_id}, Error: {reason}\n")

    # ---- what it says

    def _received(self, kind: int, request: int, number: int, fields: list[bytes]) -> None:
        if len(fields) not in _FIELDS.get(kind, ()):
            raise Nonsense(f"a frame of kind {kind} with {len(fields)} fields")
        if kind == DONE:
            payload, rest = fields
            run = self._runs.get(request)
            if run is None:
                return
            if number > self._memory_kb:
                self._fail(run, out_of_memory(self._memory_kb // 1024, number / 1024), rest)
                return
            self._body.take_output()
            del self._runs[request]
            if rest:
                run.write(rest.decode("utf-8", "replace"))
            log = run.log
            open_line = "" if log[-1][-1:] == "\n" else "\n"
            log.append(f"{open_line}FC Invoke End RequestId: {run.request_id}\n")
            run.report.done(run.attempt, Outcome("ok", payload, memory_mb=number / 1024))
        elif kind == LOG:
            (text,) = fields
            self._say(self._runs.get(request), text.decode("utf-8", "replace"))
        elif kind == FAILED:
            run = self._runs.get(request)
            if run is not None:
                self._fail(run, self._outcome(number, fields), fields[4])
        elif kind == CALL:
            self._call(request, number, fields)
        elif kind == USE:
            self._use(request, number, fields)
        else:
            self._heard(number, fields)

    def _heard(self, number: int, fields: list[bytes]) -> None:
        """The start, or a hook, is over."""
        rest = fields[-1] if fields else b""
        if rest:
            self._body.write(rest.decode("utf-8", "replace"))
        self._body.take_output(all_of_it=True)
        outcome = self._outcome(number, fields) if len(fields) == 5 else None
        if outcome is None and number > self._memory_kb:
            outcome = out_of_memory(self._memory_kb // 1024, number / 1024)
        self._finish(outcome)

    def _finish(self, outcome: Outcome | None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting(outcome)

    def _outcome(self, memory_kb: int, fields: list[bytes]) -> Outcome:
        """How the code failed."""
        how, body, text, kind, _ = fields
        said = text.decode("utf-8", "replace")
        if how == b"exit":
            return exited(said)
        if how == b"memory":
            return out_of_memory(self._memory_kb // 1024, memory_kb / 1024)
        return Outcome("error", body, said, kind.decode("utf-8", "replace"), memory_kb / 1024)

    def _fail(self, run: _Run, outcome: Outcome, rest: bytes) -> None:
        self._body.take_output()
        del self._runs[run.number]
        if rest:
            run.write(rest.decode("utf-8", "replace"))
        self._close_log(run, outcome)
        run.report.done(run.attempt, outcome)

    @staticmethod
    def _close_log(run: _Run, outcome: Outcome) -> None:
        if run.log[-1][-1:] != "\n":
            run.log.append("\n")
        run.write(outcome.payload.decode("utf-8", "replace") + "\n")
        run.log.append(f"FC Invoke End RequestId: {run.request_id}, Error: Unhandled function error\n")

    def _say(self, run: _Run | None, text: str) -> None:
        if run is None:
            self._body.write(text)
        else:
            run.write(text)

    def printed(self, text: str) -> None:
        """See `Guest`: it belongs to the request that runs, if there is exactly one."""
        self._say(next(iter(self._runs.values())) if len(self._runs) == 1 else None, text)

    # ---- calls of other functions

    def _call(self, request: int, serial: int, fields: list[bytes]) -> None:
        name, payload, task_id, delay = fields
        run = self._runs.get(request)
        if run is None:
            return
        if not delay.isdigit():
            raise Nonsense("a call with a delay that is no number")
        function = name.decode("utf-8", "replace")
        task = Task(0, "", function, task_id[1:].decode("utf-8", "replace")) if task_id else None
        run.report.call(run.attempt, function, payload, partial(self._reply, serial, task), task, int(delay))

    def _reply(self, serial: int, task: Task | None, response: Response) -> None:
        if self._channel is None:
            return
        phases = " ".join(f"{phase.name} {phase.start!r} {phase.duration!r}" for phase in response.phases)
        numbers = f"{response.latency!r} {response.duration!r} {response.billed!r} {response.memory_mb!r}"
        said = response.error or "", response.error_type or "", response.request_id, response.instance_id or ""
        texts = [*said, numbers, response.logs, phases]
        if task is not None:
            texts.append(f"{task.number} {task.state}")
        encoded = (text.encode("utf-8", "replace") for text in texts)
        self._channel.send(pack(REPLY, 0, serial, str(response.status).encode(), response.payload, *encoded))

    def _use(self, request: int, serial: int, fields: list[bytes]) -> None:
        run = self._runs.get(request)
        if run is None:
            return
        try:
            asked = decode(fields[2])
        except ValueError as error:
            raise Nonsense(f"a verb with what is no value ({error})") from None
        if not isinstance(asked, list) or len(asked) != 2 or not isinstance(asked[0], list) or not isinstance(asked[1], dict):
            raise Nonsense("a verb without a list and a mapping")
        service, verb = (field.decode("utf-8", "replace") for field in fields[:2])
        run.report.use(run.attempt, service, verb, asked[0], asked[1], partial(self._served, serial))

    def _served(self, serial: int, answer: object, error: SourceError | None) -> None:
        if self._channel is None:
            return
        if error is None:
            self._channel.send(pack(REPLY, 0, serial, encode(answer)))
        else:
            said = (text.encode("utf-8", "backslashreplace") for text in (error.code, error.what, error.hint))
            self._channel.send(pack(REPLY, 0, serial, *said))

    # ---- the end

    def drain(self) -> None:
        """See `Guest`."""
        if self._channel is not None:
            self._channel.drain()

    def ended(self, outcome: Outcome) -> bool:
        """See `Guest`. Which of several attempts ended it, nobody can tell: all of them are told, by the engine."""
        if self._waiting is not None:
            self._finish(outcome)
            return True
        runs, self._runs = self._runs, {}
        if len(runs) != 1:
            for run in runs.values():
                self._close_log(run, outcome)
            return False
        self._runs = runs
        self._fail(next(iter(runs.values())), outcome, b"")
        return True

    def close(self) -> None:
        """See `Guest`."""
        if self._channel is not None:
            self._channel.close()
