"""What tests of the message service and the event bus share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fclab import Lab
from fclab.errors import SourceError
from fclab.observe import events as e


def code_of(act: Callable[[], object]) -> str:
    """The code with which a source refuses."""
    with pytest.raises(SourceError) as caught:
        act()
    return caught.value.code


def events_of(lab: Lab, function: str) -> list[bytes]:
    """What a function was called with, in order."""
    noted = lab.recording.payloads
    made = [one for one in lab.recording.events if isinstance(one, e.RequestAccepted) and one.function == function]
    return [bytes(noted[one.request, "event"]) for one in made]  # type: ignore[arg-type]


def nothing(event: bytes, context: object) -> None:
    """A handler."""
