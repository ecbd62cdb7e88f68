"""Colours of every picture, in one place: a colour-blind-safe set (Okabe and Ito 2008) with a second channel for each meaning.

Colour is never alone: every span also carries its name or letter, and the phases of a boot (the cold start) are hatched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["NIGHT", "PAINTS", "PICTURE", "Paint"]


@dataclass(frozen=True, slots=True)
class Paint:
    """How one kind of span looks: `fill` and `ink` (text on it) as #rrggbb, `letter` where the name does not fit.

    hatched: part of a cold start. quiet: somebody waits and nothing runs, so it is drawn low and pale.
    """

    name: str
    letter: str
    fill: str
    ink: str
    hatched: bool
    quiet: bool
    meaning: str


def _paint(
    name: str, letter: str, fill: str, ink: str, meaning: str, *, hatched: bool = False, quiet: bool = False
) -> tuple[str, Paint]:
    return name, Paint(name, letter, fill, ink, hatched, quiet, meaning)


PAINTS: Mapping[str, Paint] = dict(
    (
        _paint("schedule", "S", "#cc79a7", "#1a1a1a", "cold start: a place for the instance is found", hatched=True),
        _paint("download", "D", "#e69f00", "#1a1a1a", "cold start: the code package is fetched", hatched=True),
        _paint("unpack", "U", "#f0e442", "#1a1a1a", "cold start: the package is unpacked", hatched=True),
        _paint("start", "T", "#56b4e9", "#1a1a1a", "cold start: the runtime starts", hatched=True),
        _paint("fork", "F", "#a594dc", "#1a1a1a", "cold start: forked from a warmed interpreter", hatched=True),
        _paint("initialize", "I", "#009e73", "#ffffff", "cold start: the user's initializer runs", hatched=True),
        _paint("run", "R", "#0072b2", "#ffffff", "the handler runs"),
        _paint("error", "E", "#d55e00", "#ffffff", "the handler failed"),
        _paint("idle", "i", "#dfe4ea", "#3c4650", "frozen: waits for a request, uses no CPU", quiet=True),
        _paint("drain", "d", "#b8c0c8", "#1a1a1a", "finishes its last request"),
        _paint("stop", "x", "#6b7580", "#ffffff", "its pre-stop hook runs"),
        _paint("wait", "w", "#f3ead6", "#3c4650", "an event waits in the queue", quiet=True),
        _paint("retry", "r", "#f6d5c3", "#3c4650", "an event waits for its next delivery", quiet=True),
    )
)
"""By span kind, in the order of legends."""

PICTURE: Mapping[str, str] = {
    "paper": "#f8fafb",
    "ink": "#1f2933",
    "soft": "#5f6b77",
    "line": "#c9d1d9",
    "faint": "#eef1f4",
    "gone": "#a1341b",
    "accent": "#0072b2",
}
"""Colours of a static picture's own parts; a live view takes the notebook's theme instead."""

NIGHT: Mapping[str, str] = {
    PICTURE["paper"]: "#1a2027",
    PICTURE["ink"]: "#eef2f5",
    PICTURE["soft"]: "#aab5c0",
    PICTURE["line"]: "#4a545f",
    PICTURE["faint"]: "#252d36",
    PICTURE["gone"]: "#ff8f73",
    PAINTS["idle"].fill: "#3d4650",
    PAINTS["wait"].fill: "#4a4435",
    PAINTS["retry"].fill: "#573f33",
    PAINTS["idle"].ink: "#e3e8ed",
}
"""What a static picture shows instead on a dark page; the inks of `wait` and `retry` are that of `idle`."""
