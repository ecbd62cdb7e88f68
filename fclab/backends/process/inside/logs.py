"""Where an instance's prints go: each write to the log of the request that makes it, in frames of whole lines."""

from fclab.backends.process.inside.wire import LOG, MOST_LOG, Wire, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class _Guest(Protocol):
        def log(self) -> "Log": ...

__all__ = ["Log", "Outlet"]


class Log:
    """The log of one request, or of the instance (request 0): whole lines leave at once, so that no end of the process loses them."""

    __slots__ = ("_left", "_open", "_request", "_wire")

    def __init__(self, wire: Wire, request: int) -> None:
        self._wire = wire
        self._request = request
        self._open = ""
        self._left = MOST_LOG

    def write(self, text: str) -> None:
        """Add `text`, as long as there is room."""
        if self._left <= 0:
            return
        self._left -= len(text)
        self._open += text if self._left > 0 else text[: self._left or None] + "\n[log cut]\n"
        if self._open[-1:] == "\n" or len(self._open) > 8192:
            self._wire.send(pack(LOG, self._request, 0, self.rest()))

    def rest(self) -> bytes:
        """The line that is not finished."""
        text, self._open = self._open, ""
        return text.encode("utf-8", "replace") if text else b""


class Outlet:
    """`sys.stdout` and `sys.stderr` of an instance: each write goes to the log of the request that makes it."""

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    closed = False

    def __init__(self, instance: "_Guest", fd: int) -> None:
        self._instance = instance
        self._fd = fd
        self.name = f"<fd {fd}>"
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._instance.log().write(text)
        return len(text)

    def writelines(self, lines: "Iterable[str]") -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd


class _Bytes:
    """`sys.stdout.buffer`."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        self._outlet.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return self._outlet.fileno()
