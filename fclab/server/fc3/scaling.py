"""How many instances there are: provision and scaling configurations, reserved concurrency; and which there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fclab.engine.instance import BOOTING, State
from fclab.model import TargetTracking
from fclab.server.fc3.definitions import arn
from fclab.server.fc3.operations import Call, Operation, Part, page
from fclab.server.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from fclab.engine.instance import Instance

__all__ = ["Scaling", "tracking"]

_BUSY = "ProvisionedConcurrencyUtilization"


@dataclass(frozen=True, slots=True)
class _Form:
    """One of the two ways in which clients say how many instances are kept ready: its words on the wire."""

    kind: str
    plural: str
    listed: str
    count: tuple[str, ...]
    policies: str
    schedules: str
    least: str
    most: str
    now: str
    target: str


_PROVISION = _Form(
    "provision-config", "provision-configs", "provisionConfigs", ("defaultTarget", "target"), "targetTrackingPolicies", "scheduledActions",
    "minCapacity", "maxCapacity", "current", "target",
)  # fmt: skip
_SCALING = _Form(
    "scaling-config", "scaling-configs", "scalingConfigs", ("minInstances",), "horizontalScalingPolicies", "scheduledPolicies",
    "minInstances", "maxInstances", "currentInstances", "targetInstances",
)  # fmt: skip


class Scaling(Part):
    """A provision or a scaling configuration is `lab.reserve`: a function has one of the two, the one said last. Reserved concurrency is
    `lab.limit`."""

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        found = []
        for form, word in ((_PROVISION, "Provision"), (_SCALING, "Scaling")):
            path = f"/functions/{{functionName}}/{form.kind}"
            found += [
                Operation(f"Put{word}Config", "PUT", path, _of(form, self.put)),
                Operation(f"Get{word}Config", "GET", path, _of(form, self.get)),
                Operation(f"Delete{word}Config", "DELETE", path, _of(form, self.delete)),
                Operation(f"List{word}Configs", "GET", f"/{form.plural}", _of(form, self.listed)),
            ]
        path = "/functions/{functionName}/concurrency"
        return [
            *found,
            Operation("PutConcurrencyConfig", "PUT", path, self.put_concurrency),
            Operation("GetConcurrencyConfig", "GET", path, self.get_concurrency),
            Operation("DeleteConcurrencyConfig", "DELETE", path, self.delete_concurrency),
            Operation("ListConcurrencyConfigs", "GET", "/concurrency-configs", self.list_concurrency),
            Operation("ListInstances", "GET", "/functions/{functionName}/instances", self.instances),
        ]

    # ---- instances kept ready

    def put(self, form: _Form, call: Call) -> dict[str, Any]:
        """PutProvisionConfig, PutScalingConfig."""
        call.latest()
        self.shared.spec(call.name)
        said = call.json()
        self._apply(form, call.name, said)
        for other in (_PROVISION, _SCALING):
            self.shelf.drop(call.name, other.kind)
        self.shelf.put(call.name, form.kind, said)
        return self._shown(form, call.name, said)

    def get(self, form: _Form, call: Call) -> dict[str, Any]:
        """GetProvisionConfig, GetScalingConfig."""
        call.latest()
        self.shared.spec(call.name)
        said = self.shelf.get(call.name, form.kind)
        if said is None:
            what = form.kind.replace("-", " ")
            raise Refused(404, f"{what.title().replace(' ', '')}NotFound", f"function '{call.name}' has no {what}")
        return self._shown(form, call.name, said)

    def delete(self, form: _Form, call: Call) -> None:
        """DeleteProvisionConfig, DeleteScalingConfig."""
        self.get(form, call)
        self.lab.reserve(call.name, 0)
        self.shelf.drop(call.name, form.kind)

    def listed(self, form: _Form, call: Call) -> dict[str, Any]:
        """ListProvisionConfigs, ListScalingConfigs."""
        return self._page(form.kind, call, form.listed, lambda name, said: self._shown(form, name, said))

    def _apply(self, form: _Form, name: str, said: dict[str, Any]) -> None:
        count = next((said[field] for field in form.count if field in said), 0)
        if said.get(form.schedules):
            raise Refused(400, "InvalidArgument", f"{form.schedules}: this lab has no calendar for them; lab.reserve takes a schedule")
        self.lab.reserve(name, count, tracking=tracking(said.get(form.policies) or [], form.policies, form.least, form.most))

    def _shown(self, form: _Form, name: str, said: dict[str, Any]) -> dict[str, Any]:
        def read() -> tuple[int, int]:
            fn = self.shared.driver.platform.functions[name]
            ready = [one for one in fn.instances.values() if one.reserved and one.state in (State.IDLE, State.BUSY)]
            return len(ready), fn.target

        now, target = self.shared.driver.ask(read)
        usual = {"defaultTarget": said.get("target", 0)} if form is _PROVISION else {}
        return {**usual, **said, form.now: now, form.target: target, "functionArn": arn(name)}

    # ---- the most there may be

    def put_concurrency(self, call: Call) -> dict[str, Any]:
        """PutConcurrencyConfig."""
        self.shared.spec(call.name)
        said = call.json()
        most = said.get("reservedConcurrency")
        if most is None or set(said) != {"reservedConcurrency"}:
            raise Refused(400, "InvalidArgument", "a concurrency config is a reservedConcurrency")
        self.lab.limit(call.name, most)
        self.shelf.put(call.name, "concurrency", said)
        return self.get_concurrency(call)

    def get_concurrency(self, call: Call) -> dict[str, Any]:
        """GetConcurrencyConfig."""
        self.shared.spec(call.name)
        said = self.shelf.get(call.name, "concurrency")
        if said is None:
            raise Refused(404, "ConcurrencyConfigNotFound", f"function '{call.name}' has no concurrency config")
        return {**said, "functionArn": arn(call.name)}

    def delete_concurrency(self, call: Call) -> None:
        """DeleteConcurrencyConfig."""
        self.get_concurrency(call)
        self.lab.limit(call.name, None)
        self.shelf.drop(call.name, "concurrency")

    def list_concurrency(self, call: Call) -> dict[str, Any]:
        """ListConcurrencyConfigs."""
        return self._page("concurrency", call, "configs", lambda name, said: {**said, "functionArn": arn(name)})

    # ---- the instances there are

    def instances(self, call: Call) -> dict[str, Any]:
        """ListInstances: those that are not gone."""
        call.latest()
        self.shared.spec(call.name)
        limit = call.whole("limit", 100, 1, 1000)

        def read() -> list[dict[str, Any]]:
            fn = self.shared.driver.platform.functions[call.name]
            return [_instance(one) for one in fn.instances.values()][:limit]

        return {"instances": self.shared.driver.ask(read), "requestId": ""}

    # ---- what they share

    def _page(self, kind: str, call: Call, listed: str, shown: Callable[[str, dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        wanted, there = call.query.get("functionName"), self.lab.functions
        rows = [shown(name, said) for name, said in self.shelf.all(kind).items() if name in there and wanted in (None, "", name)]
        return page(call, rows, "functionArn", listed)

    def restore(self) -> None:
        """Bring back what the shelf says."""
        for form in (_PROVISION, _SCALING):
            for name, said in self.shelf.all(form.kind).items():
                if name in self.lab.functions:
                    self._apply(form, name, said)
        for name, said in self.shelf.all("concurrency").items():
            if name in self.lab.functions:
                self.lab.limit(name, said["reservedConcurrency"])


def tracking(policies: object, what: str, least: str, most: str) -> TargetTracking | None:
    """The lab's target tracking for the wire's policies, at most one. Raises `Refused` for what the lab cannot track."""
    if not isinstance(policies, list) or not all(isinstance(one, dict) for one in policies):
        raise Refused(400, "InvalidArgument", f"{what} is a list of policies")
    if len(policies) > 1:
        raise Refused(400, "InvalidArgument", f"{what}: this lab tracks one measure at a time")
    for one in policies:
        if one.get("metricType") != _BUSY:
            raise Refused(400, "InvalidArgument", f"{what}: this lab tracks {_BUSY}, and not {str(one.get('metricType'))[:64]!r}")
        return TargetTracking(one.get("metricTarget", 0.6), one.get(least, 1), one.get(most, 1))
    return None


def _of(form: _Form, do: Callable[[_Form, Call], Any]) -> Callable[[Call], Any]:
    return lambda call: do(form, call)


def _instance(one: Instance) -> dict[str, Any]:
    state = "Starting" if one.state in BOOTING else "Stopping" if one.state is State.STOPPING else "Running"
    kind = "Provisioned" if one.reserved else "OnDemand"
    return {"instanceId": one.label, "versionId": "0", "qualifier": "LATEST", "status": state, "resourceType": kind}
