"""The threads of an instance that runs several requests at once, and how they share its socket."""

import _thread

from fclab.backends.process.inside.wire import RUN, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Frame = tuple[int, int, int, list[bytes]]

__all__ = ["Crew"]

_CHUNK = 1 << 16
_SHORT = 200_000


class Crew:
    """Threads that wait for requests together.

    1. Whoever is free waits in the same call, and the system wakes one of them for each arrival: no thread hands the socket to another.
    2. What arrived together is run in order; while some of it is left, another free thread has been called. So nothing waits for a
       handler that blocks, and a row of short ones is done by whoever is awake.
    3. While all run something one more thread is started, up to one more than `most`: somebody is always there for what is no request.
    4. Of such a row, the answers of runs under 0.2 ms are kept and go out together: with the last, or as soon as a run lets go of the
       interpreter, by the thread that was called.

    `run` gets requests, `other` all other frames, `life` is what a thread does with it: call `serve`, which raises EOFError in the end.
    """

    def __init__(
        self, wire: Wire, most: int, run: "Callable[[Frame], object]", other: "Callable[[Frame], object]", life: "Callable[[Crew], object]"
    ) -> None:
        import os
        import select
        from _collections import deque  # type: ignore[import-not-found]
        from _socket import AF_UNIX, MSG_DONTWAIT, SOCK_STREAM, socket

        self.wire = wire
        self.most = most
        self.run = run
        self.other = other
        self.life = life
        self._threads = 1
        self._busy = 0
        self._todo: Any = deque()
        self._door = _thread.allocate_lock()
        """Held while a thread reads the socket, or takes a request."""
        self._receive = socket(AF_UNIX, SOCK_STREAM, 0, wire.fd).recv
        self._at_once = MSG_DONTWAIT
        self._bell = os.eventfd(0)
        self._ring = os.eventfd_write
        self._called = False
        epoll = select.epoll()  # of edges: an arrival wakes one thread, once
        epoll.register(wire.fd, select.EPOLLIN | select.EPOLLET)
        epoll.register(self._bell, select.EPOLLIN | select.EPOLLET)
        self._wait = epoll.poll

    def answer(self, frame: bytes, took: int) -> None:
        """Send the answer of a run that took so many ns, now or with the next ones (clause 4)."""
        if took < _SHORT and self._todo:
            self.wire.keep(frame)
        else:
            self.wire.send(frame)

    def serve(self) -> None:
        """Run requests, one after another."""
        todo, wire, door, run = self._todo, self.wire, self._door, self.run
        while True:
            ready = 0
            if not todo:
                wire.flush()
                ready = self._wait(-1, 1)[0][0]
            with door:
                if ready == wire.fd:
                    self._read()
                elif ready == self._bell:
                    self._called = False
                frame = self._take() if todo else None
            if ready == self._bell or not todo:
                wire.flush()
            if frame is not None:
                run(frame)
                with door:
                    self._busy -= 1

    def _read(self) -> None:
        size = _CHUNK
        while size == _CHUNK:
            try:
                data = self._receive(_CHUNK, self._at_once)
            except BlockingIOError:
                return
            size = len(data)
            for frame in self.wire.frames(data):
                if frame[0] == RUN:
                    self._todo.append(frame)
                else:
                    self.other(frame)

    def _take(self) -> "Frame":
        frame: Frame = self._todo.popleft()
        self._busy += 1
        if self._busy == self._threads <= self.most:
            self._threads += 1
            _thread.start_new_thread(self.life, (self,))
        if self._todo and not self._called:
            self._called = True
            self._ring(self._bell, 1)
        return frame
