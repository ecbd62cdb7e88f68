"""The triggers of a lab: made, listed, changed, enabled, disabled, deleted; kept in the store."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from fclab.errors import UsageError
from fclab.observe import events as e
from fclab.sources.base import Binding, Trigger

if TYPE_CHECKING:
    from fclab.sources.base import Source
    from fclab.sources.hub import Hub

__all__ = ["Registry"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS triggers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, function TEXT NOT NULL, type TEXT NOT NULL, arn TEXT NOT NULL,
    config TEXT NOT NULL, enabled INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, UNIQUE (function, name)
);
"""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


class Registry:
    """1. A trigger is refused when it is made or not at all. 2. It outlives its function's declaration, and the lab, where there is a home.
    3. Disabling keeps what is undelivered; deleting loses it.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.by_number: dict[int, Binding] = {}
        hub.store.schema(_SCHEMA)

    def create(self, function: str, trigger: Trigger, name: str | None = None, enabled: bool = True) -> Binding:
        """Bind `trigger` to `function`; one that is there already, under that name or any if none is given, is returned as it is.

        Raises `UsageError` or `SourceError` if it cannot be.
        """
        if not isinstance(enabled, bool):
            raise UsageError(f"enabled is True or False, not {enabled!r}.", hint="False makes it switched off")
        for one in self.all(function):
            if one.trigger == trigger and name in (None, one.name):
                return one
        name = self._free_name(function, trigger.TYPE) if name is None else name
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a trigger.", hint="letters, digits, _ and -, beginning with a letter, at most 128")
        if self.find(function, name) is not None:
            raise UsageError(f"{function!r} has a trigger {name!r} already.", hint="choose another name, or update or delete that one")
        now, hub = self.hub.clock.time, self.hub
        source = self._source(trigger)
        with hub.store.transaction():
            row = hub.store.run(
                "INSERT INTO triggers (name, function, type, arn, config, enabled, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                name, function, trigger.TYPE, trigger.arn, json.dumps(trigger.config()), enabled, hub.unix(), hub.unix(),
            )  # fmt: skip
            binding = Binding(row.lastrowid or 0, name, function, trigger, enabled, now, now)
            self.by_number[binding.number] = binding
            try:
                source.bind(binding)
            except BaseException:
                del self.by_number[binding.number]
                raise
            if not enabled:
                source.unbind(binding)
        self._tell(binding, f"created {trigger.TYPE}")
        return binding

    def find(self, function: str, name: str) -> Binding | None:
        """A trigger of a function by name, or None."""
        return next((one for one in self.by_number.values() if one.function == function and one.name == name), None)

    def all(self, function: str | None = None) -> list[Binding]:
        """Triggers in the order in which they were made."""
        return [one for one in self.by_number.values() if function is None or one.function == function]

    def of(self, source: str) -> list[Binding]:
        """The enabled triggers on a source."""
        return [one for one in self.by_number.values() if one.enabled and source == one.trigger.SOURCE]

    def update(self, binding: Binding, changes: dict[str, Any]) -> None:
        """Change fields of its trigger; what it watches stays. Raises `UsageError`, and then nothing has changed."""
        known = {field.name for field in dataclasses.fields(binding.trigger)}
        if wrong := [name for name in changes if name not in known]:
            raise UsageError(f"A {type(binding.trigger).__name__} has no {wrong[0]!r}.", hint=f"it has: {', '.join(sorted(known))}")
        old, new = binding.trigger, dataclasses.replace(binding.trigger, **changes)
        if fixed := [name for name in changes if name in old.FIXED and getattr(new, name) != getattr(old, name)]:
            raise UsageError(f"{fixed[0]} of a {type(old).__name__} is fixed once it is made.", hint="delete it and make another")
        if new.arn != old.arn:
            raise UsageError("A trigger cannot watch something else.", hint="delete it and make another")
        source = self._source(new)
        with self.hub.store.transaction():
            source.unbind(binding)
            binding.trigger = new
            try:
                source.bind(binding)
            except BaseException:
                binding.trigger = old
                if binding.enabled:
                    source.bind(binding)
                raise
            if not binding.enabled:
                source.unbind(binding)
            binding.modified = self.hub.clock.time
            self.hub.store.run(
                "UPDATE triggers SET config = ?, modified = ? WHERE number = ?", json.dumps(new.config()), self.hub.unix(), binding.number
            )
        self._tell(binding, "changed")

    def switch(self, binding: Binding, enabled: bool) -> None:
        """Enable or disable."""
        if binding.enabled == enabled:
            return
        source = self._source(binding.trigger)
        if enabled:
            source.bind(binding)
        else:
            source.unbind(binding)
        binding.enabled, binding.modified = enabled, self.hub.clock.time
        self.hub.store.run("UPDATE triggers SET enabled = ?, modified = ? WHERE number = ?", enabled, self.hub.unix(), binding.number)
        self._tell(binding, "enabled" if enabled else "disabled")
        if enabled:
            self.hub.outbox.wake(binding)
            source.woken(binding)

    def delete(self, binding: Binding) -> None:
        """Delete, with what it has not delivered."""
        if self.by_number.pop(binding.number, None) is None:
            return
        with self.hub.store.transaction():
            if binding.enabled:
                self._source(binding.trigger).unbind(binding)
            self.hub.outbox.forget(binding)
            self.hub.store.run("DELETE FROM lines WHERE trigger = ?", binding.number)
            self.hub.store.run("DELETE FROM triggers WHERE number = ?", binding.number)
        self._tell(binding, "deleted")

    def wake(self, function: str) -> None:
        """The function is there: its triggers' events may go."""
        for binding in self.all(function):
            if binding.enabled:
                self.hub.outbox.wake(binding)
                self._source(binding.trigger).woken(binding)

    def reopened(self) -> None:
        """Bring back the triggers of an earlier life, and what they still have to deliver.

        One that cannot work in this life, such as an alarm in a lab that keeps no record, is off in it, and stays enabled in the store.
        """
        kinds = {kind.TYPE: kind for source in self.hub.sources.values() for kind in source.TRIGGERS}
        columns = "number, name, function, type, arn, config, enabled, created, modified"
        rows = self.hub.store.all(f"SELECT {columns} FROM triggers ORDER BY number")
        for number, name, function, kind, arn, config, enabled, created, modified in rows:
            if kind not in kinds:
                continue  # of a source that this lab does not have
            trigger = kinds[kind].from_config(arn, json.loads(config))
            binding = Binding(number, name, function, trigger, bool(enabled), self.hub.lab(created), self.hub.lab(modified))
            self.by_number[number] = binding
            if enabled:
                try:
                    self._source(trigger).bind(binding)
                except UsageError as error:
                    binding.enabled = False
                    self._tell(binding, f"off: {error.what}")
            self.hub.outbox.reopened(binding)

    def _source(self, trigger: Trigger) -> Source:
        source = self.hub.sources.get(trigger.SOURCE)
        if source is None:
            raise UsageError(f"This lab has no source {trigger.SOURCE!r}.", hint=f"it has: {', '.join(self.hub.sources)}")
        return source

    def _free_name(self, function: str, kind: str) -> str:
        taken = {one.name for one in self.all(function)}
        if kind not in taken:
            return kind
        return next(name for number in range(2, len(taken) + 3) if (name := f"{kind}-{number}") not in taken)

    def _tell(self, binding: Binding, change: str) -> None:
        p = self.hub.platform
        fn = p.functions.get(binding.function)
        text = p.recording.text
        p.record(p.clock.time, e.TriggerSet.KIND, 0, 0, 0, fn.number if fn is not None else 0, text(binding.name), text(change))
