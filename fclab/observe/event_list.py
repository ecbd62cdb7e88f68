"""A recording's events as a sequence of objects, each made when it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from fclab.errors import UsageError
from fclab.observe.events import Event, Row

if TYPE_CHECKING:
    from fclab.observe.recording import Recording

__all__ = ["Events"]


class Events(Sequence[Event]):
    """A recording's events as a read-only sequence; slices are lists."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def __len__(self) -> int:
        return len(self._recording)

    def __iter__(self) -> Iterator[Event]:
        for row in self._recording.rows():
            yield self._recording.event_of(Row(*row))

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not isinstance(index, int):
            raise UsageError(f"Events are numbered, not {index!r}.", hint="use a whole number or a slice")
        return self._recording.event_of(self._recording.row(index))

    def __repr__(self) -> str:
        return f"Events({len(self)})"
