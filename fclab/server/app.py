"""The ASGI application: finds the face that a request looks like, and answers in that face's way whatever happens."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fclab.server.intake import Arrived, Origins
from fclab.server.refusals import Refused, refused

if TYPE_CHECKING:
    from fclab.server.shared import Shared

__all__ = ["App", "Face", "faces"]

_log = logging.getLogger("fclab")


class Face(ABC):
    """One protocol that clients speak.

    1. `takes` looks at method, path and headers only. Of two faces that take a request the first in the table has it.
    2. `answer` may raise what it likes: `refusal` then makes the answer. So no error of this face has another shape.
    """

    NAME: ClassVar[str]

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    @abstractmethod
    def takes(self, arrived: Arrived) -> bool:
        """Whether the request looks like one of this face's."""

    @abstractmethod
    async def answer(self, arrived: Arrived) -> Response:
        """The answer. Raises `Refused`, or any error of the lab's."""

    @abstractmethod
    def refusal(self, arrived: Arrived, why: Refused) -> Response:
        """An error in this protocol's shape."""


def faces() -> tuple[type[Face], ...]:
    """The table of faces, in the order in which they are asked. The last one takes everything that no other does."""
    from fclab.server.fc3.face import FC3
    from fclab.server.oss.face import OSS

    return (OSS, FC3)


class App:
    """1. Every request has an answer of its face's shape, also where it is malformed, too large, unknown, or meets a mistake of ours.
    2. No answer holds a traceback; mistakes of ours are logged.
    """

    def __init__(self, shared: Shared, origins: Origins, kinds: Sequence[type[Face]]) -> None:
        self._origins = origins
        self._faces = [kind(shared) for kind in kinds]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        arrived = Arrived(scope, receive)
        face = next((one for one in self._faces if one.takes(arrived)), self._faces[-1])
        try:
            self._origins.check(arrived.headers)
            response = await face.answer(arrived)
        except asyncio.CancelledError:
            response = face.refusal(arrived, Refused(503, "ServiceUnavailable", "the server is stopping", close=True))
        except Exception as error:
            why = refused(error)
            if why is None:
                _log.error("a request could not be answered: %s %s", arrived.method, arrived.path, exc_info=error)
                why = Refused(500, "InternalServerError", "the lab made a mistake; its log tells which")
            response = face.refusal(arrived, why)
            if why.close:
                response.headers["connection"] = "close"
        await response(scope, receive, send)
