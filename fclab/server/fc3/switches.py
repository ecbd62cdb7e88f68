"""Whether a function takes calls, and its tags."""

from __future__ import annotations

import json
from typing import Any

from fclab.server.fc3 import definitions
from fclab.server.fc3.operations import Call, Operation, Part
from fclab.server.refusals import Refused
from fclab.sources.stamps import stamp

__all__ = ["Switches", "Tags"]


class Switches(Part):
    """Enable and disable invocation."""

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        return [
            Operation("DisableFunctionInvocation", "POST", "/functions/{functionName}/invoke/disable", self.disable),
            Operation("EnableFunctionInvocation", "POST", "/functions/{functionName}/invoke/enable", self.enable),
        ]

    def disable(self, call: Call) -> dict[str, Any]:
        """DisableFunctionInvocation."""
        self.shared.spec(call.name)
        said = call.json()
        if said.get("abortOngoingRequest"):
            raise Refused(400, "InvalidArgument", "abortOngoingRequest: this lab lets running requests end; StopAsyncTask stops a task")
        self.lab.disable(call.name)
        restriction = {"disable": True, "reason": str(said.get("reason", ""))[:256], "lastModifiedTime": stamp(self.shelf.now())}
        self.shelf.put(call.name, "restriction", restriction)
        return {"success": True}

    def enable(self, call: Call) -> dict[str, Any]:
        """EnableFunctionInvocation."""
        self.shared.spec(call.name)
        self.lab.enable(call.name)
        self.shelf.drop(call.name, "restriction")
        return {"success": True}

    def restore(self) -> None:
        """Bring back what the shelf says."""
        for name in self.shelf.all("restriction"):
            if name in self.lab.functions:
                self.lab.disable(name)


class Tags(Part):
    """Tags of functions. Names of fields are capitalised here, as in the product."""

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        return [
            Operation("TagResources", "POST", "/tags-v2", self.tag),
            Operation("UntagResources", "DELETE", "/tags-v2", self.untag),
            Operation("ListTagResources", "GET", "/tags-v2", self.listed),
        ]

    def tag(self, call: Call) -> None:
        """TagResources."""
        said = call.json()
        added = definitions.tags(said.get("Tag", []))
        names = self._names(said.get("ResourceId"))
        if not names or not added:
            raise Refused(400, "InvalidArgument", "TagResources needs a ResourceId and a Tag")
        for name in names:
            self.shelf.put(name, "tags", {**(self.shelf.get(name, "tags") or {}), **added})

    def untag(self, call: Call) -> None:
        """UntagResources."""
        keys = _array(call, "TagKey")
        for name in self._names(_array(call, "ResourceId")):
            there, whole = self.shelf.get(name, "tags") or {}, call.flag("All")
            self.shelf.put(name, "tags", {key: value for key, value in there.items() if not whole and key not in keys})

    def listed(self, call: Call) -> dict[str, Any]:
        """ListTagResources."""
        names, wanted = self._names(_array(call, "ResourceId")), _array(call, "Tag")
        if not all(isinstance(one, dict) for one in wanted):
            raise Refused(400, "InvalidArgument", "Tag is a list of objects with Key and Value")
        rows = [
            {"ResourceId": definitions.arn(name), "ResourceType": "function", "TagKey": key, "TagValue": value}
            for name, tags in self.shelf.all("tags").items() if name in (names or self.lab.functions)
            for key, value in tags.items()
            if not wanted or any(one.get("Key") == key and one.get("Value") in (None, "", value) for one in wanted)
        ]  # fmt: skip
        limit, token = call.whole("Limit", 50, 1, 200), call.whole("NextToken", 0, 0, 10**9)
        more = {"NextToken": str(token + limit)} if len(rows) > token + limit else {}
        return {"TagResources": rows[token : token + limit], "RequestId": "", **more}

    def _names(self, identities: object) -> list[str]:
        if identities is None:
            return []
        if not isinstance(identities, list):
            raise Refused(400, "InvalidArgument", "ResourceId is a list of ARNs")
        return [self.shared.spec(definitions.named(one)).name for one in identities]


def _array(call: Call, name: str) -> list[Any]:
    """An array of the query, which is one JSON text."""
    text = call.query.get(name)
    if not text:
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise Refused(400, "InvalidArgument", f"{name} is a JSON list")
    return value
