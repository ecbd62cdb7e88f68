"""What the tests of live views share: a clock that is turned by hand, a lab of a few attributes, and a count of messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets

from fclab.controls.watching import Watching
from fclab.observe.feed import Present
from fclab.observe.recording import Recording
from tests.unit.drawn import Scribe
from tests.unit.live_kit import Live


class Watch:
    """Real seconds, turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Growing:
    """A source of which one more request is recorded whenever somebody says so."""

    def __init__(self) -> None:
        self.scribe = Scribe()
        self.live = True
        self.time = 0

    def request(self) -> None:
        """Record one request, warm but for the first."""
        _, end = self.scribe.request(self.time, 1 if self.time else 0)
        self.time = end + 1

    def size(self) -> int:
        return len(self.scribe.recording)

    def present(self) -> Present:
        return Present(self.live, self.time)

    def recording(self) -> Recording:
        return self.scribe.recording.copy() if self.live else self.scribe.recording


class Shell(Watching):
    """What a lab in real time shows of itself, and nothing else of a lab."""

    def __init__(self, live: Live) -> None:
        self._driver = live.driver


@contextmanager
def messages(widget: ipywidgets.Widget) -> Iterator[list[dict[str, Any]]]:
    """The states that `widget` sends to the browser."""
    sent: list[dict[str, Any]] = []

    def send(data: dict[str, Any], buffers: list[bytes] | None = None, **rest: object) -> None:
        if data.get("method") == "update":
            sent.append(data["state"] | {path[0]: buffer for path, buffer in zip(data["buffer_paths"], buffers or [], strict=True)})

    before, widget.comm.send = widget.comm.send, send
    try:
        yield sent
    finally:
        widget.comm.send = before
