"""Build hook: a wheel carries the lessons as fclab/_lessons; an editable install reads them where they are.

Listing them under `force-include` would copy them for editable installs too, and a folder `fclab` without `__init__.py` among the
installed packages would then hide the mapped one.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LessonsHook(BuildHookInterface[Any]):
    """Adds the lessons to standard wheels only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build; `version` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"]["lessons"] = "fclab/_lessons"
