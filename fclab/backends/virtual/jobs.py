"""What a run is given and what it leaves: the code to call, its log, and what it may wish for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fclab.backends.virtual.deployed import Modules
    from fclab.engine.rows import Attempt, Outcome
    from fclab.model import FunctionSpec

__all__ = ["MOST_LOG", "Capture", "Job", "Wish"]

MOST_LOG = 1 << 20
"""Characters of log kept of one run."""


class Wish:
    """What an `async def` handler awaits: lab time to pass, or somebody's answer."""

    __slots__ = ("call", "result", "us")

    def __init__(self, us: int = -1, call: Callable[[Callable[[object], object]], object] | None = None, result: object = None) -> None:
        self.us = us
        self.call = call
        self.result = result

    def __await__(self) -> Generator[Wish, object, object]:
        answer = yield self
        return answer if self.call is not None else self.result


class Capture:
    """A run's standard output and error."""

    encoding = "utf-8"

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self._left = MOST_LOG

    def write(self, text: str) -> int:
        """Keep `text`, up to `MOST_LOG` characters in all."""
        if self._left > 0:
            self._log.append(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._log.append("\n[log cut]\n")
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """A log is no terminal."""
        return False


class Job:
    """What to run: a handler with its attempt, or an initializer or hook without one."""

    __slots__ = ("args", "attempt", "before_us", "finish", "fn", "log", "modules", "spec")

    def __init__(
        self, fn: Callable[..., object], args: tuple[object, ...], spec: FunctionSpec, log: list[str], finish: Callable[[Outcome], object],
        attempt: Attempt | None = None, before_us: int = 0, modules: Modules | None = None,
    ) -> None:  # fmt: skip
        self.fn = fn
        self.args = args
        self.spec = spec
        self.log = log
        self.finish = finish
        self.attempt = attempt
        self.before_us = before_us
        self.modules = modules
