"""The contract of the backends: the life of instances, async events, and what is recorded of them."""

from __future__ import annotations

from itertools import pairwise

from fclab import AsyncConfig, Lab
from fclab.observe.events import HookFinished
from tests.contract import backend_kit as kit
from tests.contract.conftest import Make

GAP = 0.5
"""Seconds between things that must not meet on a busy machine."""


def kinds_of(lab: Lab, request: int) -> list[str]:
    """What happened to a request, in order."""
    return [event.kind for event in lab.recording.events if event.request == request]


def test_a_warm_instance_remembers_and_a_cold_one_starts_anew(make: Make) -> None:
    lab = make(kit.counts, idle_timeout=GAP)
    assert [lab.invoke("f").json() for _ in range(3)] == [1, 2, 3]
    lab.run_for(2 * GAP)
    last = lab.invoke("f")
    assert (last.json(), last.cold, last.instance_id) == (1, True, "f#2")


def test_cold_and_warm_follow_the_idle_window(make: Make) -> None:
    lab = make(kit.echo, idle_timeout=2 * GAP)
    calls = lab.invoke_at("f", [0, GAP, 2 * GAP, 5 * GAP])
    lab.run()
    assert [call.response and call.response.cold for call in calls] == [True, False, False, True]
    assert [event.instance for event in lab.recording.events if event.kind == "InstanceReclaimed"] == ["f#1"]


def test_calls_at_once_run_on_instances_of_their_own(make: Make) -> None:
    lab = make(kit.counts_slowly)
    calls = lab.invoke_at("f", [0.0] * 4)
    lab.run()
    responses = [call.response for call in calls if call.response]
    assert sorted(str(one.instance_id) for one in responses) == ["f#1", "f#2", "f#3", "f#4"]
    assert [one.json() for one in responses] == [1] * 4
    assert all(one.cold for one in responses)


def test_with_concurrency_they_share_one_once_it_is_warm(make: Make) -> None:
    lab = make(kit.counts_slowly, concurrency=4)
    lab.invoke("f")
    lab.invoke_at("f", [lab.now] * 4)
    lab.run()
    assert [instance.id for instance in lab.instances("f")] == ["f#1"]


def test_the_initializer_runs_once_an_instance_before_the_first_call(make: Make) -> None:
    lab = make(kit.uses_connection, initializer=kit.connect)
    first, second = lab.invoke("f"), lab.invoke("f")
    assert [first.text, second.text] == ["connected for f"] * 2
    assert [phase.name for phase in first.phases] == ["schedule", "download", "unpack", "start", "initialize"]
    assert second.phases == ()


def test_without_an_initializer_there_is_no_such_phase(make: Make) -> None:
    assert [phase.name for phase in make(kit.echo).invoke("f").phases] == ["schedule", "download", "unpack", "start"]


def test_phases_follow_each_other_without_a_gap(make: Make) -> None:
    phases = make(kit.uses_connection, initializer=kit.connect).invoke("f").phases
    for earlier, later in pairwise(phases):
        assert abs(earlier.start + earlier.duration - later.start) < 1e-9
        assert later.duration >= 0


def test_an_initializer_that_fails_fails_the_request_that_waited(make: Make) -> None:
    lab = make(kit.echo, initializer=kit.connect_badly)
    for number in (1, 2):
        response = lab.invoke("f")
        assert (response.status, response.error_type, response.error) == (200, "UnhandledInvocationError", "OSError: no route")
        assert response.instance_id == f"f#{number}"
    assert lab.instances("f") == []


def test_an_initializer_that_takes_too_long(make: Make) -> None:
    response = make(kit.echo, initializer=kit.connect_slowly, init_timeout=0.3).invoke("f")
    assert (response.status, response.error_type) == (200, "FunctionTimeoutError")
    assert response.error == "Function initializer timed out after 0.3 seconds"


def test_reserved_instances_answer_warm_and_are_never_reclaimed(make: Make) -> None:
    lab = make(kit.counts, reserved=2, idle_timeout=0.1)
    lab.run_for(GAP)
    assert not lab.invoke("f").cold
    lab.run_for(GAP)
    assert [instance.reserved for instance in lab.instances("f")] == [True, True]
    lab.reserve("f", 0)
    lab.run_for(GAP)
    assert lab.instances("f") == []


def test_over_the_cap_a_sync_call_is_refused_and_an_event_waits(make: Make) -> None:
    lab = make(kit.counts_slowly, max_instances=1)
    lab.invoke("f")
    soon = lab.now + 0.05
    calls = lab.invoke_at("f", [soon, soon + 0.05])
    event = lab.invoke_at("f", soon + 0.1, mode="async")[0]
    lab.run()
    assert [call.response and call.response.status for call in calls] == [200, 429]
    assert event.task is not None
    assert event.task.result().ok
    assert event.task.attempts == 1, "waiting is no attempt"


def test_hooks_run_before_freezing_and_stopping(make: Make) -> None:
    lab = make(kit.echo, pre_freeze=kit.noted, pre_stop=kit.noted, idle_timeout=GAP)
    lab.invoke("f")
    lab.run_for(3 * GAP)
    hooks = [event.hook for event in lab.recording.events if isinstance(event, HookFinished)]
    assert hooks == ["pre_freeze", "pre_stop"]


def test_an_always_failing_event_runs_four_times(make: Make) -> None:
    lab = make(kit.raises, async_config=AsyncConfig(first_delay=0.02))
    task = lab.invoke_async("f")
    lab.run()
    assert (task.state, task.attempts, task.executions) == ("Failed", 4, 4)
    assert [state for _, state in task.history] == ["Enqueued", *["Running", "Retrying"] * 3, "Running", "Failed"]
    assert task.response is not None
    assert task.response.error == "ValueError: no such thing"


def test_a_retry_keeps_the_request_id_and_counts(make: Make) -> None:
    lab = make(kit.third_time, async_config=AsyncConfig(first_delay=0.02))
    task = lab.invoke_async("f")
    result = task.result()
    assert result.json() == {"id": task.request_id, "retries": 2}
    assert (task.state, task.attempts) == ("Succeeded", 3)


def test_a_running_task_can_be_stopped(make: Make) -> None:
    lab = make(kit.sometimes, timeout=30.0)
    lab.invoke("f")
    task = lab.invoke_async("f", "sleep")
    while task.state != "Running":
        lab.step()
    assert task.stop()
    lab.run()
    assert task.state == "Stopped"
    assert lab.invoke("f").ok


def test_outcomes_go_to_their_destinations(make: Make) -> None:
    config = AsyncConfig(max_retries=0, on_success="queue:done", on_failure="queue:dead")
    lab = make(kit.sometimes, async_config=config)
    for what in ("", "raise"):
        lab.invoke_async("f", what)
        lab.run()
    assert {name: len(messages) for name, messages in lab.queues.items()} == {"done": 1, "dead": 1}


def test_a_killed_instance_is_a_system_error_and_an_event_is_delivered_again(make: Make) -> None:
    lab = make(kit.counts_slowly, async_config=AsyncConfig(first_delay=0.02))
    task = lab.invoke_async("f")
    while not any(event.kind == "ExecutionStarted" for event in lab.recording.events):
        lab.step()
    lab.faults.kill("f#1")
    assert task.result().ok
    assert (task.attempts, [instance.id for instance in lab.instances("f")]) == (2, ["f#2"])


def test_the_steps_of_a_request_are_recorded_alike(make: Make) -> None:
    lab = make(kit.uses_connection, initializer=kit.connect)
    lab.invoke("f")
    lab.invoke("f")
    lab.invoke_async("f").result()
    assert kinds_of(lab, 1) == [
        "RequestAccepted", "InstanceCreated", "InstanceAssigned", "InstanceScheduled", "CodeDownloaded", "CodeUnpacked", "RuntimeStarted",
        "InstanceInitialized", "InstanceReady", "ExecutionStarted", "ExecutionEnded", "InstanceReleased", "RequestSucceeded",
    ]  # fmt: skip
    warm = ["InstanceAssigned", "ExecutionStarted", "ExecutionEnded", "InstanceReleased", "RequestSucceeded"]
    assert kinds_of(lab, 2) == ["RequestAccepted", *warm]
    assert kinds_of(lab, 3) == ["RequestAccepted", "EventEnqueued", "DeliveryStarted", *warm]


def test_views_and_bills_are_computed_from_any_recording(make: Make) -> None:
    lab = make(kit.counts)
    for _ in range(3):
        lab.invoke("f")
    spans = lab.recording.spans()
    assert len(spans) > 0
    assert lab.metrics().cold == 1
    assert "f#1" in str(lab.table())
    usage = lab.bill()
    assert usage is not None


def test_redeclaring_replaces_the_code(make: Make) -> None:
    lab = make(kit.echo)
    assert lab.invoke("f", "x").text == "x"
    lab.function(name="f")(kit.helped)
    again = lab.invoke("f", "x")
    assert (again.text, again.cold) == ("hello x", True)


def test_fresh_starts_again_with_the_same_functions(make: Make) -> None:
    lab = make(kit.counts)
    lab.invoke("f")
    with lab.fresh() as new:
        response = new.invoke("f")
        assert (response.json(), response.cold, response.instance_id) == (1, True, "f#1")


def test_the_functions_log_holds_what_requests_and_hooks_printed(make: Make) -> None:
    lab = make(kit.says, initializer=kit.noted, pre_stop=kit.noted, idle_timeout=0.2)
    response = lab.invoke("f", "one")
    lab.run_for(3 * GAP)
    log = str(lab.log("f"))
    assert log.count("hook\n") == 2
    assert response.logs in log
    assert str(lab.log("f", "f#1")) == log
    assert str(lab.log("f", "f#2")) == ""


def test_a_time_out_leaves_its_trace_in_the_functions_log(make: Make) -> None:
    lab = make(kit.sometimes, timeout=0.3)
    response = lab.invoke("f", "sleep")
    lab.run_for(GAP)
    assert response.logs in str(lab.log("f"))
    assert "Error: timeout" in response.logs
