"""Triggers of every kind that the lab's sources have."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from fclab.controls.desks import hub_of
from fclab.server.fc3.definitions import arn
from fclab.server.fc3.operations import Call, Operation, Part, page
from fclab.server.refusals import Refused
from fclab.sources.stamps import stamp

if TYPE_CHECKING:
    from fclab.server.shared import Shared
    from fclab.sources.base import Binding, Trigger

__all__ = ["Triggers"]

_SWITCHES = {"log": "enable", "eventbridge": "triggerEnable"}
"""Where a kind's configuration says whether the trigger is on, and its own `from_config` leaves that to its caller."""
_SAID = ("description", "invocationRole")
"""What the lab only keeps and tells again."""


class Triggers(Part):
    """A trigger is the lab's own (`lab.triggers()`), whoever made it. `triggerConfig` is a JSON text both ways."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._hub = hub_of(shared.driver)
        self._kinds = {kind.TYPE: kind for source in self._hub.sources.values() for kind in source.TRIGGERS}

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        path = "/functions/{functionName}/triggers"
        return [
            Operation("CreateTrigger", "POST", path, self.create),
            Operation("ListTriggers", "GET", path, self.listed),
            Operation("GetTrigger", "GET", f"{path}/{{triggerName}}", self.get),
            Operation("UpdateTrigger", "PUT", f"{path}/{{triggerName}}", self.update),
            Operation("DeleteTrigger", "DELETE", f"{path}/{{triggerName}}", self.delete),
        ]

    def create(self, call: Call) -> dict[str, Any]:
        """CreateTrigger."""
        self.shared.spec(call.name)
        said = call.json()
        name, kind = said.get("triggerName"), said.get("triggerType")
        if not isinstance(name, str) or not name:
            raise Refused(400, "InvalidArgument", "triggerName is missing")
        _check(said)
        if self._find(call.name, name) is not None:
            raise Refused(409, "TriggerAlreadyExists", f"trigger '{name[:128]}' already exists")
        if not isinstance(kind, str) or kind not in self._kinds:
            raise Refused(400, "InvalidArgument", f"triggerType is one of {', '.join(sorted(self._kinds))}, not {str(kind)[:64]!r}")
        source = said.get("sourceArn") or ""
        if not isinstance(source, str):
            raise Refused(400, "InvalidArgument", "sourceArn is a text")
        config = _config(said)
        self.lab.trigger(call.name, self._kinds[kind].from_config(source, config), name=name, enabled=_on(kind, config))
        self._keep(call.name, name, said)
        return self._shown(self._there(call.name, name), self._notes(call.name))

    def get(self, call: Call) -> dict[str, Any]:
        """GetTrigger."""
        self.shared.spec(call.name)
        return self._shown(self._there(*call.params), self._notes(call.name))

    def update(self, call: Call) -> dict[str, Any]:
        """UpdateTrigger: what it watches stays."""
        self.shared.spec(call.name)
        binding, said = self._there(*call.params), call.json()
        _check(said)
        if "triggerConfig" in said:
            config = _config(said)
            new = type(binding.trigger).from_config(binding.trigger.arn, config)
            changes = {field.name: getattr(new, field.name) for field in dataclasses.fields(new)}
            self.shared.driver.ask(self._hub.registry.update, binding, changes)
            self.shared.driver.ask(self._hub.registry.switch, binding, _on(new.TYPE, config))
        self._keep(call.name, binding.name, said)
        return self._shown(binding, self._notes(call.name))

    def delete(self, call: Call) -> None:
        """DeleteTrigger, with what it has not delivered."""
        self.shared.spec(call.name)
        binding = self._there(*call.params)
        self.shared.driver.ask(self._hub.registry.delete, binding)
        notes = self._notes(call.name)
        if notes.pop(binding.name, None) is not None:
            self.shelf.put(call.name, "triggers", notes)

    def listed(self, call: Call) -> dict[str, Any]:
        """ListTriggers."""
        self.shared.spec(call.name)
        notes = self._notes(call.name)
        rows = [self._shown(one, notes) for one in self.shared.driver.ask(self._hub.registry.all, call.name)]
        return page(call, rows, "triggerName", "triggers")

    def _find(self, function: str, name: str) -> Binding | None:
        return self.shared.driver.ask(self._hub.registry.find, function, name)

    def _there(self, function: str, name: str) -> Binding:
        binding = self._find(function, name)
        if binding is None:
            raise Refused(404, "TriggerNotFound", f"trigger '{name[:128]}' of function '{function}' does not exist")
        return binding

    def _notes(self, function: str) -> dict[str, dict[str, str]]:
        return self.shelf.get(function, "triggers") or {}

    def _keep(self, function: str, name: str, said: dict[str, Any]) -> None:
        told = {field: said[field] for field in _SAID if field in said}
        if told:
            notes = self._notes(function)
            self.shelf.put(function, "triggers", {**notes, name: {**notes.get(name, {}), **told}})

    def _shown(self, binding: Binding, notes: dict[str, dict[str, str]]) -> dict[str, Any]:
        trigger: Trigger = binding.trigger
        source = {"sourceArn": trigger.arn} if trigger.arn else {}
        switch = {_SWITCHES[trigger.TYPE]: binding.enabled} if trigger.TYPE in _SWITCHES else {}
        return {
            "triggerName": binding.name, "triggerType": trigger.TYPE, "triggerId": binding.id, "qualifier": "LATEST", **source,
            "triggerConfig": json.dumps({**trigger.config(), **switch}, ensure_ascii=False), "targetArn": arn(binding.function),
            "status": "Active" if binding.enabled else "Disabled", "createdTime": stamp(self.shelf.unix(binding.created)),
            "lastModifiedTime": stamp(self.shelf.unix(binding.modified)), **notes.get(binding.name, {}),
        }  # fmt: skip


def _on(kind: str, config: dict[str, Any]) -> bool:
    return bool(config.get(_SWITCHES.get(kind, ""), True))


def _check(said: dict[str, Any]) -> None:
    if (said.get("qualifier") or "LATEST") != "LATEST":
        raise Refused(404, "VersionNotFound", "functions of this lab have no versions and no aliases: a trigger's qualifier is LATEST")
    if wrong := [field for field in _SAID if not isinstance(said.get(field, ""), str)]:
        raise Refused(400, "InvalidArgument", f"{wrong[0]} is a text")


def _config(said: dict[str, Any]) -> dict[str, Any]:
    """The configuration; an object passes as well as its text."""
    value = said.get("triggerConfig") or "{}"
    try:
        config = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise Refused(400, "InvalidArgument", "triggerConfig is the text of a JSON object")
    return config
