"""An instance from within: loads the user's code, reads frames, runs what they ask for, answers."""

import _signal  # type: ignore[import-not-found]
import _thread
import faulthandler
import os
import sys
import time

from fclab.backends.process.inside.calls import Calls
from fclab.backends.process.inside.context import Context, Run
from fclab.backends.process.inside.crew import Crew
from fclab.backends.process.inside.loading import NotLoaded, awaits, find
from fclab.backends.process.inside.logs import Log, Outlet
from fclab.backends.process.inside.results import encode, error_object, stack, text
from fclab.backends.process.inside.wire import DONE, FAILED, HOOK, HOOKED, MOST_RESULT, READY, REPLY, RUN, UNREACHABLE, Wire, pack
from fclab.backends.process.inside.words import FunctionInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

__all__ = ["Guest", "serve", "start"]


class Guest:
    """Serves frames until the platform is gone.

    1. A plain handler with concurrency 1 runs on the main thread, which reads nothing meanwhile but the answers to its own calls.
    2. Otherwise a crew of threads does (`fclab.backends.process.inside.crew`).
    3. A result is one frame, with what is left of the log; lines of the log left before it.
    4. An exception is an answer; only SystemExit ends the process, after its answer.
    """

    def __init__(self, wire: Wire, zero: int, fields: "list[bytes]") -> None:
        self.wire = wire
        self.zero = zero
        """The machine's monotonic µs at lab time 0."""
        texts = [field.decode() for field in fields]
        self.label, name, self.handler_name, memory, timeout, concurrency, self.folder = texts[:7]
        self.paths = texts[7].split("\0") if texts[7] else []
        pairs = [pair.partition("=") for pair in texts[8].split("\0") if pair]
        self.variables = {key: value for key, _, value in pairs}
        self.environment = {key: self.variables[key] for key in texts[9].split("\0") if key}
        self.info = FunctionInfo(name, self.handler_name, int(memory), float(timeout))
        self.concurrency = int(concurrency)
        self.handler: Callable[..., Any] = len
        self.awaits = False
        self.threaded = False
        self.sole: Run | None = None
        """The run under way, where there is never more than one."""
        self.current: Any = None
        """Where threads run requests: the run of the present context."""
        self.runs: dict[int, Run] = {}
        self.outside = Log(wire, 0)
        self.calls = Calls(wire)
        self.crew: Crew | None = None
        self.peak_kb = 0
        self.runners: dict[int, Any] = {}

    # ---- before the first request

    def prepare(self, forked: bool) -> None:
        """Become the function's own process."""
        if forked:
            for name in [name for name in os.environ if name not in self.variables]:
                del os.environ[name]
            os.environ.update(self.variables)
            time.tzset()
        os.chdir(os.path.dirname(self.folder))  # noqa: PTH120
        sys.argv = [self.info.name]
        sys.path[:] = [self.folder, *sys.path, *(path for path in self.paths if path not in sys.path)]
        sys.stdout = Outlet(self, 1)
        sys.stderr = Outlet(self, 2)
        faulthandler.register(_signal.SIGTERM, file=2, all_threads=True, chain=True)
        os.register_at_fork(after_in_child=lambda: os.close(self.wire.fd))

    def load(self) -> None:
        """Load the handler, and say how that went."""
        try:
            self.handler = find(self.handler_name, self.outside.write)
            self.awaits = awaits(self.handler)
            if self.awaits or self.concurrency > 1:
                self.threaded, self.calls.reads = True, False
                import _contextvars

                self.current = _contextvars.ContextVar("run", default=None)
            self.wire.send(pack(READY, 0, self.peak(0)))
        except BaseException as error:
            self.fail(READY, 0, error, self.outside)

    # ---- serving

    def serve(self) -> None:
        """Serve frames until the platform is gone (clauses 1 and 2)."""
        if self.threaded:
            self.crew = Crew(self.wire, self.concurrency, self.run, self.other, self.work)
            self.work(self.crew)
        while True:
            frame = self.wire.next()
            if frame[0] == RUN:
                self.run(frame)
            else:
                self.other(frame)

    def work(self, crew: Crew) -> None:
        """The life of one of several threads."""
        try:
            crew.serve()
        except EOFError:
            _leave(0)
        except (OSError, ValueError):
            _leave(UNREACHABLE)

    def other(self, frame: "tuple[int, int, int, list[bytes]]") -> None:
        """A frame that is no request."""
        kind, _, number, fields = frame
        if kind == REPLY:
            self.calls.answer(number, fields)
        elif kind == HOOK:
            self.hook(fields[0].decode())
        else:
            raise ValueError(f"a frame of kind {kind}")

    def run(self, frame: "tuple[int, int, int, list[bytes]]") -> None:
        """Run the handler for one request, and answer."""
        _, number, deadline, (request_id, event, retry) = frame
        log = Log(self.wire, number)
        run = Run(number, log, deadline, self.awaits)
        began = time.perf_counter_ns()
        self.enter(run)
        try:
            value = self.handler(event, Context(self, run, request_id.decode(), int(retry or 0)))
            if self.awaits:
                value = self.settle(value)
            payload = self.result(value)
        except BaseException as error:
            self.leave(run)
            self.fail(FAILED, number, error, log, began)
        else:
            self.leave(run)
            answer = pack(DONE, number, self.peak(began), payload, log.rest())
            if self.crew is None:
                self.wire.send(answer)
            else:
                self.crew.answer(answer, time.perf_counter_ns() - began)

    def hook(self, name: str) -> None:
        """Run the initializer or a hook, and answer."""
        run = Run(0, self.outside, self.now_us(), False)
        self.enter(run)
        try:
            code = find(name, self.outside.write)
            run.awaits = awaits(code)
            value = code(Context(self, run, self.label, 0))
            if run.awaits:
                self.settle(value)
        except BaseException as error:
            self.leave(run)
            self.fail(HOOKED, 0, error, self.outside)
        else:
            self.leave(run)
            self.wire.send(pack(HOOKED, 0, self.peak(0), self.outside.rest()))

    def enter(self, run: Run) -> None:
        """What is printed from now on is this run's."""
        if self.threaded:
            self.current.set(run)
            self.runs[run.number] = run
        else:
            self.sole = run

    def leave(self, run: Run) -> None:
        """The user's code has been left."""
        run.over = True
        if self.threaded:
            self.current.set(None)
            del self.runs[run.number]
        else:
            self.sole = None

    def log(self) -> Log:
        """Where the present thread's prints go: to its own request, to the only one there is, or to the instance."""
        run = self.sole
        if self.threaded:
            run = self.current.get()
            if run is None and len(self.runs) == 1:
                run = next(iter(self.runs.values()), None)
        return self.outside if run is None else run.log

    def settle(self, coroutine: "Any") -> object:
        """Run a coroutine to its end, in this thread's loop."""
        import _contextvars

        me = _thread.get_ident()
        runner = self.runners.get(me)
        if runner is None:
            import asyncio

            runner = self.runners[me] = asyncio.Runner()
        return runner.run(coroutine, context=_contextvars.copy_context())  # its own keeps the context of the first run

    def result(self, value: object) -> bytes:
        """A handler's return value as bytes, within the limit."""
        try:
            payload = encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise error.with_traceback(None) from None  # the encoder's frames are not the function's
        if len(payload) > MOST_RESULT:
            raise NotLoaded("EntityTooLarge", f"result size exceeds maximum allowed size ({MOST_RESULT} bytes)")
        return payload

    def fail(self, kind: int, number: int, error: BaseException, log: Log, began: int = 0) -> None:
        """Answer with how the code failed (clause 4)."""
        if isinstance(error, SystemExit):
            code = 0 if error.code is None else error.code
            self.wire.send(pack(kind, number, self.peak(began), b"exit", b"", str(code).encode(), b"", log.rest()))
            os._exit(code if isinstance(code, int) else 1)
        if isinstance(error, MemoryError):
            error.__traceback__ = None
            self.wire.send(pack(kind, number, self.peak(0), b"memory", b"", b"", b"", log.rest()))
            return
        message = text(error)
        if isinstance(error, NotLoaded):
            name, said, reported = error.kind, message, error.kind
        else:
            name, reported = type(error).__name__, "UnhandledInvocationError"
            said = f"{name}: {message}" if message else name
        body = error_object(message, name, stack(error, self.folder))
        if len(body) > MOST_RESULT:
            body = error_object(message[:1000], name, [])
        words = said[:100_000].encode("utf-8", "backslashreplace"), reported.encode()
        self.wire.send(pack(kind, number, self.peak(began), b"error", body, *words, log.rest()))

    # ---- what the context asks for

    def now_us(self) -> int:
        """Lab time in µs."""
        return time.monotonic_ns() // 1000 - self.zero

    def peak(self, began: int) -> int:
        """The most KB this process has held. A run under 1 ms cannot have touched much: it is told the last reading."""
        if began and self.peak_kb and time.perf_counter_ns() - began < 1_000_000:
            return self.peak_kb
        try:
            with open("/proc/self/status", "rb") as status:  # noqa: PTH123
                self.peak_kb = int(status.read().partition(b"VmHWM:")[2].split(None, 1)[0])
        except (OSError, IndexError):
            self.peak_kb = 0
        return self.peak_kb


def serve(fd: int, forked: bool) -> "NoReturn":
    """Be an instance, at this end of its socket. When the platform is gone, so is the whole process group."""
    code = UNREACHABLE
    try:
        wire = Wire(fd)
        _, _, zero, fields = wire.next()
        guest = Guest(wire, zero, fields)
        guest.prepare(forked)
        guest.load()
        guest.serve()
    except EOFError:
        code = 0
    except (OSError, ValueError):
        pass
    _leave(code)


def _leave(code: int) -> "NoReturn":
    if code == 0 and os.getpgrp() == os.getpid():
        os.killpg(0, _signal.SIGKILL)
    os._exit(code)


def start(fd: int) -> "NoReturn":
    """Be an instance, in an interpreter of one's own."""
    os.set_inheritable(fd, False)
    serve(fd, False)
