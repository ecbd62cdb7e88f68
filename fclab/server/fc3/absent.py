"""Operations of the product that the lab has nothing for. Lists of such things are empty; everything else says what is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fclab.server.fc3.operations import Call, Operation, Part
from fclab.server.refusals import Refused
from fclab.sources.base import REGION

__all__ = ["Absent"]

_F = "/functions/{functionName}"
_NOT_HERE: dict[str, list[tuple[str, str, str]]] = {
    "versions of functions": [
        ("PublishFunctionVersion", "POST", f"{_F}/versions"),
        ("DeleteFunctionVersion", "DELETE", f"{_F}/versions/{{versionId}}"),
    ],
    "aliases": [
        ("CreateAlias", "POST", f"{_F}/aliases"),
        ("GetAlias", "GET", f"{_F}/aliases/{{aliasName}}"),
        ("UpdateAlias", "PUT", f"{_F}/aliases/{{aliasName}}"),
        ("DeleteAlias", "DELETE", f"{_F}/aliases/{{aliasName}}"),
    ],
    "layers": [
        ("CreateLayerVersion", "POST", "/layers/{layerName}/versions"),
        ("DeleteLayerVersion", "DELETE", "/layers/{layerName}/versions/{version}"),
        ("GetLayerVersion", "GET", "/layers/{layerName}/versions/{version}"),
        ("PutLayerACL", "PUT", "/layers/{layerName}/acl"),
        ("GetLayerVersionByArn", "GET", "/layerarn/{arn}"),
    ],
    "custom domains": [
        ("CreateCustomDomain", "POST", "/custom-domains"),
        ("GetCustomDomain", "GET", "/custom-domains/{domainName}"),
        ("UpdateCustomDomain", "PUT", "/custom-domains/{domainName}"),
        ("DeleteCustomDomain", "DELETE", "/custom-domains/{domainName}"),
    ],
    "private networks": [
        ("CreateVpcBinding", "POST", f"{_F}/vpc-bindings"),
        ("DeleteVpcBinding", "DELETE", f"{_F}/vpc-bindings/{{vpcId}}"),
    ],
    "sessions": [
        ("CreateSession", "POST", f"{_F}/sessions"),
        ("GetSession", "GET", f"{_F}/sessions/{{sessionId}}"),
        ("UpdateSession", "PUT", f"{_F}/sessions/{{sessionId}}"),
        ("DeleteSession", "DELETE", f"{_F}/sessions/{{sessionId}}"),
        ("PauseSession", "PUT", f"{_F}/sessions/{{sessionId}}/pause"),
        ("ResumeSession", "PUT", f"{_F}/sessions/{{sessionId}}/resume"),
    ],
    "snapshots": [
        ("CreateSnapshot", "POST", f"{_F}/snapshots"),
        ("GetSnapshot", "GET", f"{_F}/snapshots/{{snapshotId}}"),
        ("DeleteSnapshot", "DELETE", f"{_F}/snapshots/{{snapshotId}}"),
    ],
    "resource groups": [("ChangeResourceGroup", "PUT", "/resource-groups")],
}  # fmt: skip
_EMPTY: list[tuple[str, str, dict[str, Any]]] = [
    ("ListFunctionVersions", f"{_F}/versions", {"versions": [], "direction": "BACKWARD"}),
    ("ListAliases", f"{_F}/aliases", {"aliases": []}),
    ("ListLayers", "/layers", {"layers": []}),
    ("ListLayerVersions", "/layers/{layerName}/versions", {"layers": []}),
    ("ListCustomDomains", "/custom-domains", {"customDomains": []}),
    ("ListVpcBindings", f"{_F}/vpc-bindings", {"vpcIds": []}),
    ("ListSessions", f"{_F}/sessions", {"sessions": []}),
    ("ListSnapshots", "/snapshots", {"snapshots": []}),
    ("DescribeRegions", "/regions", {"Regions": {"Region": [{"RegionId": REGION, "LocalName": "this lab"}]}}),
]


class Absent(Part):
    """Every operation of the client that no other part has."""

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        refused = [Operation(action, method, path, _no(action, what)) for what, rows in _NOT_HERE.items() for action, method, path in rows]
        return refused + [Operation(action, "GET", path, self._none(path, body)) for action, path, body in _EMPTY]

    def _none(self, path: str, body: dict[str, Any]) -> Callable[[Call], dict[str, Any]]:
        def answer(call: Call) -> dict[str, Any]:
            if path.startswith(_F):
                self.shared.spec(call.name)
            return body

        return answer


def _no(action: str, what: str) -> Callable[[Call], None]:
    def answer(call: Call) -> None:
        raise Refused(400, "OperationNotSupported", f"{action}: this lab has no {what}")

    return answer
