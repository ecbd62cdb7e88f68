"""Calls of other functions and of the lab's sources: out through the platform, and the answers back to whoever waits for them."""

import _thread
from itertools import count

from fclab.backends.process.inside.values import decode, encode
from fclab.backends.process.inside.wire import CALL, MOST_RESULT, REPLY, USE, Wire, pack
from fclab.backends.process.inside.words import Response, SourceError, Task, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fclab.backends.process.inside.context import Run

__all__ = ["Calls"]

_REFUSED = b"initializers and hooks cannot call functions"


def _served(fields: "list[bytes]") -> object:
    """What a source answered: a value, or (code, what, hint) of its error."""
    if len(fields) == 1:
        return decode(fields[0])
    raise SourceError(*(field.decode("utf-8", "replace") for field in fields))


class Calls:
    """The calls under way, by serial number. `reads` says that nobody else reads the socket: who calls waits there."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.reads = True
        self._serials = count(1)
        self._waiting: dict[int, Callable[[list[bytes]], object]] = {}

    def answer(self, serial: int, fields: "list[bytes]") -> None:
        """An answer has come."""
        self._waiting.pop(serial)(fields)

    def call(self, run: "Run", name: str, payload: bytes, task_id: "str | None", delay: int) -> object:
        """Call a function: a `Response`, or with a task id (which may be empty) a `Task`; in a coroutine's run, what to await for it."""
        if run.number == 0:
            return Response([b"403", _REFUSED, _REFUSED, b"AccessDenied", b"", b"", b"0 0 0 0", b"", b""])
        task = b"" if task_id is None else b"=" + task_id.encode()
        fields = name.encode(), payload, task, str(delay).encode()
        return self._ask(run, CALL, fields, lambda said: Response(said) if task_id is None else Task(said, name, task_id))

    def use(self, run: "Run", service: str, verb: str, args: "tuple[object, ...]", options: "dict[str, object]") -> object:
        """What a verb of one of the lab's sources answers, or raises; in a coroutine's run, what to await for it."""
        if run.number == 0:
            raise SourceError("AccessDenied", f"Initializers and hooks cannot use context.{service}.", "use it in the handler")
        try:
            asked = encode([list(args), options])
        except (TypeError, ValueError) as error:
            what = f"context.{service}.{verb} was given what cannot be sent ({error})."
            raise UsageError(what, "give None, numbers, texts, bytes, lists and mappings") from None
        if len(asked) > MOST_RESULT:
            raise SourceError("EntityTooLarge", f"{len(asked)} bytes in one call, {MOST_RESULT} are allowed.", "send it in parts")
        return self._ask(run, USE, (service.encode(), verb.encode(), asked), _served)

    def _ask(self, run: "Run", kind: int, said: "tuple[bytes, ...]", made: "Callable[[list[bytes]], object]") -> object:
        serial = next(self._serials)
        frame = pack(kind, run.number, serial, *said)
        if run.awaits:
            return self._awaited(serial, frame, made)
        if self.reads:
            self.wire.send(frame)
            while True:
                kind, _, number, fields = self.wire.next()
                if kind == REPLY and number == serial:
                    return made(fields)
        bell = _thread.allocate_lock()
        bell.acquire()
        held: list[list[bytes]] = []

        def ring(fields: "list[bytes]") -> None:
            held.append(fields)
            bell.release()

        self._waiting[serial] = ring
        self.wire.send(frame)
        bell.acquire()
        return made(held[0])

    async def _awaited(self, serial: int, frame: bytes, made: "Callable[[list[bytes]], object]") -> object:
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[bytes]] = loop.create_future()

        def settle(fields: "list[bytes]") -> None:
            if not future.done():
                future.set_result(fields)

        def ring(fields: "list[bytes]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, fields)

        self._waiting[serial] = ring
        self.wire.send(frame)
        return made(await future)
