"""Instances kept ready, caps, switches and tags through the product's own client; and what the lab has not."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import alibabacloud_fc20230330.client as module
import pytest
from alibabacloud_fc20230330 import models as m
from alibabacloud_fc20230330.client import Client

from fclab import Lab
from fclab.server.endpoint import Endpoint
from fclab.server.fc3.absent import _EMPTY, _NOT_HERE
from tests.server.kit import ask, client, create, refusal, wait_for

ECHO = "def handler(event, context):\n    return event\n"
BUSY = "ProvisionedConcurrencyUtilization"


def provision(fc: Client, **options: object) -> m.ProvisionConfig:
    return fc.put_provision_config("f", m.PutProvisionConfigRequest(body=m.PutProvisionConfigInput(**options))).body


def scale(fc: Client, **options: object) -> m.ScalingConfigStatus:
    return fc.put_scaling_config("f", m.PutScalingConfigRequest(body=m.PutScalingConfigInput(**options))).body


def provisioned(fc: Client) -> m.ProvisionConfig:
    return fc.get_provision_config("f", m.GetProvisionConfigRequest()).body


def test_instances_are_kept_ready(fc: Client) -> None:
    create(fc, "f", ECHO)
    put = provision(fc, default_target=2)
    assert (put.default_target, put.target) == (2, 2)
    wait_for(lambda: provisioned(fc).current == 2)
    there = fc.list_instances("f", m.ListInstancesRequest()).body.instances
    assert [(one.status, one.resource_type, one.version_id) for one in there] == [("Running", "Provisioned", "0")] * 2
    answer = fc.invoke_function("f", m.InvokeFunctionRequest(body=b"x"))
    assert answer.headers["x-fc-instance-id"] in {one.instance_id for one in there}
    assert provision(fc, target=1).default_target == 1
    wait_for(lambda: provisioned(fc).current == 1)
    listed = fc.list_provision_configs(m.ListProvisionConfigsRequest()).body.provision_configs
    assert [one.target for one in listed] == [1]
    assert fc.delete_provision_config("f", m.DeleteProvisionConfigRequest()).status_code == 204
    assert refusal(lambda: provisioned(fc)) == (404, "ProvisionConfigNotFound")
    wait_for(lambda: fc.list_instances("f", m.ListInstancesRequest()).body.instances == [])


def test_a_target_that_is_tracked(fc: Client) -> None:
    create(fc, "f", ECHO)
    policy = m.TargetTrackingPolicy(name="busy", metric_type=BUSY, metric_target=0.6, min_capacity=1, max_capacity=5)
    put = provision(fc, default_target=1, target_tracking_policies=[policy])
    assert put.target_tracking_policies[0].to_map() == policy.to_map()
    other = m.TargetTrackingPolicy(name="cpu", metric_type="CPUUtilization", metric_target=0.6, min_capacity=1, max_capacity=5)
    assert refusal(lambda: provision(fc, default_target=1, target_tracking_policies=[other])) == (400, "InvalidArgument")
    assert refusal(lambda: provision(fc, default_target=1, target_tracking_policies=[policy, policy])) == (400, "InvalidArgument")
    planned = m.ScheduledAction(name="x", target=1, schedule_expression="cron(0 0 4 * * *)")
    assert refusal(lambda: provision(fc, default_target=1, scheduled_actions=[planned])) == (400, "InvalidArgument")
    assert refusal(lambda: provision(fc, default_target=-1)) == (400, "InvalidArgument")
    assert provisioned(fc).target_tracking_policies[0].name == "busy"


def test_a_scaling_configuration_takes_its_place(fc: Client) -> None:
    create(fc, "f", ECHO)
    provision(fc, default_target=2)
    policy = m.ScalingPolicy(name="busy", metric_type=BUSY, metric_target=0.5, min_instances=1, max_instances=3)
    put = scale(fc, min_instances=1, horizontal_scaling_policies=[policy])
    assert (put.min_instances, put.target_instances) == (1, 1)
    assert refusal(lambda: provisioned(fc)) == (404, "ProvisionConfigNotFound")
    wait_for(lambda: fc.get_scaling_config("f", m.GetScalingConfigRequest()).body.current_instances == 1)
    assert len(fc.list_scaling_configs(m.ListScalingConfigsRequest(function_name="f")).body.scaling_configs) == 1
    assert fc.list_scaling_configs(m.ListScalingConfigsRequest(function_name="g")).body.scaling_configs == []
    fc.delete_scaling_config("f", m.DeleteScalingConfigRequest())
    assert refusal(lambda: fc.get_scaling_config("f", m.GetScalingConfigRequest())) == (404, "ScalingConfigNotFound")


def test_a_cap_on_instances(fc: Client, lab: Lab) -> None:
    create(fc, "f", ECHO)

    def cap(most: int) -> m.ConcurrencyConfig:
        return fc.put_concurrency_config("f", m.PutConcurrencyConfigRequest(body=m.PutConcurrencyInput(reserved_concurrency=most))).body

    assert refusal(lambda: fc.get_concurrency_config("f")) == (404, "ConcurrencyConfigNotFound")
    assert cap(0).reserved_concurrency == 0
    assert refusal(lambda: fc.invoke_function("f", m.InvokeFunctionRequest())) == (429, "ResourceExhausted")
    assert cap(3).reserved_concurrency == 3
    assert fc.get_concurrency_config("f").body.reserved_concurrency == 3
    assert [one.reserved_concurrency for one in fc.list_concurrency_configs(m.ListConcurrencyConfigsRequest()).body.configs] == [3]
    assert refusal(lambda: cap(-1)) == (400, "InvalidArgument")
    assert refusal(lambda: provision(fc, default_target=4)) == (400, "InvalidArgument")
    assert fc.delete_concurrency_config("f").status_code == 204
    assert fc.invoke_function("f", m.InvokeFunctionRequest()).status_code == 200


def test_invocation_is_switched(fc: Client) -> None:
    create(fc, "f", ECHO)
    assert fc.disable_function_invocation("f", m.DisableFunctionInvocationRequest(reason="repair")).body.success
    assert refusal(lambda: fc.invoke_function("f", m.InvokeFunctionRequest())) == (403, "FunctionDisabled")
    restriction = fc.get_function("f", m.GetFunctionRequest()).body.invocation_restriction
    assert (restriction.disable, restriction.reason) == (True, "repair")
    assert fc.enable_function_invocation("f").body.success
    assert fc.invoke_function("f", m.InvokeFunctionRequest()).status_code == 200
    assert fc.get_function("f", m.GetFunctionRequest()).body.invocation_restriction is None
    abort = m.DisableFunctionInvocationRequest(abort_ongoing_request=True)
    assert refusal(lambda: fc.disable_function_invocation("f", abort)) == (400, "InvalidArgument")


def test_tags(fc: Client) -> None:
    made = create(fc, "f", ECHO, tags=[m.Tag(key="team", value="blue")])

    def rows(**options: object) -> list[tuple[str, str]]:
        found = fc.list_tag_resources(m.ListTagResourcesRequest(resource_type="function", **options)).body.tag_resources
        return [(one.tag_key, one.tag_value) for one in found]

    added = m.TagResourcesInput(resource_type="function", resource_id=[made.function_arn], tag=[m.Tag(key="stage", value="test")])
    assert fc.tag_resources(m.TagResourcesRequest(body=added)).status_code == 204
    assert rows(resource_id=[made.function_arn]) == [("team", "blue"), ("stage", "test")]
    assert rows(tag=[m.ListTagResourcesRequestTag(key="stage")]) == [("stage", "test")]
    fc.untag_resources(m.UntagResourcesRequest(resource_type="function", resource_id=[made.function_arn], tag_key=["team"]))
    assert [one.to_map() for one in fc.get_function("f", m.GetFunctionRequest()).body.tags] == [{"Key": "stage", "Value": "test"}]
    fc.untag_resources(m.UntagResourcesRequest(resource_type="function", resource_id=[made.function_arn], all=True))
    assert rows() == []
    lost = m.TagResourcesInput(resource_type="function", resource_id=["acs:fc:lab:0:functions/none"], tag=[m.Tag(key="a", value="b")])
    assert refusal(lambda: fc.tag_resources(m.TagResourcesRequest(body=lost))) == (404, "FunctionNotFound")


def test_a_home_keeps_them(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        create(fc, "f", ECHO, tags=[m.Tag(key="a", value="b")])
        provision(fc, default_target=1)
        fc.put_concurrency_config("f", m.PutConcurrencyConfigRequest(body=m.PutConcurrencyInput(reserved_concurrency=4)))
        fc.disable_function_invocation("f", m.DisableFunctionInvocationRequest(reason="repair"))
    with Lab("process", home=tmp_path / "home") as lab:
        fc = client(lab.serve())
        wait_for(lambda: provisioned(fc).current == 1)
        assert fc.get_concurrency_config("f").body.reserved_concurrency == 4
        got = fc.get_function("f", m.GetFunctionRequest()).body
        assert (got.invocation_restriction.reason, got.tags[0].key) == ("repair", "a")
        assert refusal(lambda: fc.invoke_function("f", m.InvokeFunctionRequest())) == (403, "FunctionDisabled")


@pytest.mark.parametrize("what", sorted(_NOT_HERE))
def test_what_the_lab_has_not_is_named(what: str, endpoint: Endpoint) -> None:
    for action, method, path in _NOT_HERE[what]:
        answer = ask(endpoint, method, "/2023-03-30" + path.replace("{", "").replace("}", ""))
        assert (answer.status, answer.code) == (400, "OperationNotSupported")
        assert answer.json["Message"] == f"{action}: this lab has no {what}"


def test_lists_of_what_the_lab_has_not_are_empty(fc: Client, endpoint: Endpoint) -> None:
    create(fc, "f", ECHO)
    for _, path, body in _EMPTY:
        answer = ask(endpoint, "GET", "/2023-03-30" + path.replace("{functionName}", "f").replace("{layerName}", "l"))
        assert (answer.status, answer.json) == (200, body)
    assert fc.list_aliases("f", m.ListAliasesRequest()).body.aliases == []
    assert fc.list_function_versions("f", m.ListFunctionVersionsRequest()).body.versions == []
    assert refusal(lambda: fc.list_aliases("none", m.ListAliasesRequest())) == (404, "FunctionNotFound")
    assert fc.describe_regions(m.DescribeRegionsRequest()).body.regions.region[0].region_id == "lab"


def test_every_operation_of_the_client_is_known(endpoint: Endpoint) -> None:
    """No method of the client meets an unknown path."""
    face = endpoint._server.config.loaded_app._faces[-1]
    known = {(one.method, len(parts), one.action) for rows in face._routes._by.values() for parts, one in rows}
    calls = re.findall(r"action = '(\w+)',.*?pathname = f?'([^']*)',\s*method = '(\w+)'", inspect.getsource(module), re.DOTALL)
    assert len(calls) > 100
    wanted = {(method, path.count("/") - 1, action) for action, path, method in calls}
    assert wanted <= known
