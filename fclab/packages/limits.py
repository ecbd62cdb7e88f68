"""How large a code package may be, and how work on one is called off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["LIMITS", "MB", "CalledOff", "Limits", "Signal", "check_signal"]

MB = 1024 * 1024
"""Bytes of one MB, as everywhere in the lab."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a package may hold. The size of the zip is the product's quota (page of 2026-02-04); the others are ours.

    zip_mb        MB of the zip
    unpacked_mb   MB of all files together, counted as they are written
    entries       files and folders
    ratio         unpacked bytes per byte of the zip; not looked at below `free_mb` MB, which plain text may well exceed
    """

    zip_mb: float = 500
    unpacked_mb: float = 2048
    entries: int = 50_000
    ratio: float = 150
    free_mb: float = 16

    def most_bytes(self, zip_bytes: int) -> int:
        """The bytes that a zip of this size may unpack to."""
        return int(min(self.unpacked_mb * MB, max(self.free_mb * MB, self.ratio * zip_bytes)))


LIMITS = Limits()


class CalledOff(Exception):
    """The work was cancelled by its signal; nothing of it is left. Not an error of anybody's."""


class Signal(Protocol):
    """What calls work off: a `threading.Event`."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


def check_signal(cancelled: Signal | None) -> None:
    """Raise `CalledOff` if the work was called off."""
    if cancelled is not None and cancelled.is_set():
        raise CalledOff
