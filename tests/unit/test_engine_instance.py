"""The lifecycle table and `Instance`, clause by clause; and what a lab shows of it."""

from __future__ import annotations

from typing import Any

import pytest

from fclab import IllegalTransition, Lab
from fclab.engine.instance import BOOTING, ON_DEMAND_ONLY, TRANSITIONS, Instance, Signal, State, transitions
from fclab.engine.presets import PRESETS, retry_policy
from fclab.engine.rows import Function
from fclab.model import AsyncConfig, FunctionSpec
from fclab.observe.events import InstanceAssigned, InstanceStopping
from tests.unit.engine_kit import gone, model_lab, times


def make(reserved: bool = False, concurrency: int = 1) -> Instance:
    spec = FunctionSpec("f", duration=1, concurrency=concurrency)
    return Instance(1, 1, Function(spec, 1, retry_policy(PRESETS["article"], AsyncConfig())), reserved, 0)


BOOT = [Signal.SCHEDULED, Signal.DOWNLOADED, Signal.UNPACKED, Signal.STARTED, Signal.READY]


def test_the_whole_life_of_a_request() -> None:
    instance = make()
    seen = []
    for signal in (*BOOT, Signal.ASSIGNED, Signal.RELEASED, Signal.EXPIRED, Signal.STOPPED):
        instance.signal(signal)
        seen.append(instance.state.value)
    assert seen == ["downloading", "unpacking", "starting", "initializing", "idle", "busy", "idle", "stopping", "gone"]


@pytest.mark.parametrize("reserved", [False, True])
def test_clause_1_everything_not_in_the_table_is_refused(reserved: bool) -> None:
    table = transitions(reserved)
    for state in State:
        for signal in Signal:
            instance = make(reserved)
            instance.state = state
            if (state, signal) in table:
                instance.signal(signal)
                assert instance.state is table[state, signal]
            else:
                with pytest.raises(IllegalTransition, match=f"f#1.*{state.value}.*'{signal.value}'"):
                    instance.signal(signal)
                assert instance.state is state


def test_clause_1_the_message_names_state_signal_and_kind() -> None:
    with pytest.raises(IllegalTransition, match=r"f#1 \(reserved\) is scheduling: it cannot take the signal 'expired'"):
        make(reserved=True).signal(Signal.EXPIRED)


def test_clause_2_a_busy_instance_cannot_expire() -> None:
    assert (State.BUSY, Signal.EXPIRED) not in TRANSITIONS


def test_a_reserved_instance_is_never_reclaimed() -> None:
    assert {signal for _, signal in set(TRANSITIONS) - set(transitions(True))} == {Signal.EXPIRED} == ON_DEMAND_ONLY


def test_every_boot_phase_may_fail_be_stopped_or_die() -> None:
    for state in BOOTING:
        for signal in (Signal.FAILED, Signal.STOP, Signal.KILLED):
            assert TRANSITIONS[state, signal] is State.STOPPING
        assert (state, Signal.ASSIGNED) not in TRANSITIONS


def test_gone_is_the_end() -> None:
    assert not [key for key in TRANSITIONS if key[0] is State.GONE]
    assert [key for key, to in TRANSITIONS.items() if to is State.GONE] == [(State.STOPPING, Signal.STOPPED)]


def test_clause_3_slots_and_running_agree_at_every_event() -> None:
    lab = model_lab(1.0, concurrency=3, max_instances=2)
    most = 0

    @lab.on()
    def check(event: Any) -> None:
        nonlocal most
        for instance in lab._platform.functions["f"].instances.values():
            busy = [slot for slot in instance.slots if slot is not None]
            assert len(instance.slots) == 3
            assert len(busy) == instance.running
            most = max(most, instance.running)

    lab.invoke_at("f", [0, 0, 1.5, 1.6, 1.7, 1.8, 1.9, 2.2, 2.5], mode="async")
    lab.run()
    assert not lab.recording.hooks.reports
    assert most == 3
    assert {int(event.slot) for event in lab.recording.select(InstanceAssigned)} == {0, 1, 2}


def test_what_a_lab_shows_of_an_instance() -> None:
    lab = model_lab(1.0)
    lab.reserve("f", 1)
    lab.run(until=2)
    lab.invoke_at("f", [2, 2])
    lab.run(until=3.5)
    shown = lab.instances("f")
    assert [repr(view) for view in shown] == ["Instance(f#1, idle, reserved)", "Instance(f#2, busy)"]
    lab.run(until=5)
    on_demand = lab.instances("f")[1]
    assert (on_demand.id, on_demand.state, on_demand.reserved, on_demand.running) == ("f#2", "idle", False, 0)
    assert on_demand.idle_until == 304.0
    lab.run(until=304)
    assert [view.id for view in lab.instances("f")] == ["f#1"]


def test_an_endless_idle_window() -> None:
    lab = Lab()
    lab.declare("f", duration=1, idle_timeout=float("inf"))
    lab.invoke("f")
    assert lab.instances("f")[0].idle_until in (None, float("inf"))
    lab.run(until=1e6)
    assert len(lab.instances("f")) == 1


def test_an_idle_window_of_nothing() -> None:
    lab = model_lab(1.0, idle_timeout=0)
    lab.invoke("f")
    lab.run_for(0)
    assert gone(lab) == [(2.0, "f#1", "idle")]
    assert times(lab, InstanceStopping) == [2.0]
