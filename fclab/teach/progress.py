"""A learner's own memory: bets, checks and hints, in one small file that never leaves this machine.

1. Nothing here changes what a cell prints; it only pre-fills a card's note and counts.
2. `FCLAB_PROGRESS=off` writes and reads nothing; any other value names the folder to use.
3. A folder that cannot be written is no error: learning goes on, forgetting does too.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

__all__ = ["Progress", "home"]


def home() -> Path | None:
    """The folder for progress: `FCLAB_PROGRESS`, or the user's data folder of this system; None where it is off."""
    said = os.environ.get("FCLAB_PROGRESS", "")
    if said.lower() in ("off", "0", "no", "false"):
        return None
    if said:
        return Path(said)
    try:
        user = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or user / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = user / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or user / ".local" / "share")
    return base / "fclab"


class Progress:
    """One lesson's part of the file `progress.json`."""

    def __init__(self, lesson: str) -> None:
        self.lesson = lesson
        self.folder = home()

    def _load(self) -> dict[str, dict[str, object]]:
        if self.folder is None:
            return {}
        try:
            found = json.loads((self.folder / "progress.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def get(self, key: str) -> object:
        """What was kept under `key`, or None."""
        kept = self._load().get(self.lesson)
        return kept.get(key) if isinstance(kept, dict) else None

    def keep(self, key: str, value: object) -> None:
        """Keep `value` (JSON) under `key`; readable by this user only."""
        if self.folder is None:
            return
        kept = self._load()
        mine = kept.get(self.lesson)
        kept[self.lesson] = {**(mine if isinstance(mine, dict) else {}), key: value}
        part = self.folder / "progress.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.touch(mode=0o600)
            part.write_text(json.dumps(kept, indent=1, sort_keys=True), "utf-8")
            part.replace(self.folder / "progress.json")
        except OSError:
            return

    def count(self, key: str) -> int:
        """Add one to a counter and return it."""
        before = self.get(key)
        now = (before if isinstance(before, int) else 0) + 1
        self.keep(key, now)
        return now

    def forget(self, key: str = "") -> None:
        """Forget one thing, or everything of this lesson."""
        if self.folder is None:
            return
        if key:
            self.keep(key, None)
            return
        kept = self._load()
        kept.pop(self.lesson, None)
        try:
            (self.folder / "progress.json").write_text(json.dumps(kept, indent=1, sort_keys=True), "utf-8")
        except OSError:
            return
