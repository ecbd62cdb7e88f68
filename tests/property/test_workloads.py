"""Random workloads: the engine does what the naive reference model does, and loses nobody on the way."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fclab import EndlessRun, Lab
from fclab.observe.events import (
    DeliveryStarted,
    ExecutionStarted,
    InstanceCreated,
    InstanceDestroyed,
    InstanceReclaimed,
    RequestAccepted,
    RequestFailed,
    RequestRejected,
    RequestSucceeded,
)
from fclab.units import to_us
from tests.property.reference import Order, Plan, Reference, Rules

TENTH = 100_000
QUICK = settings(deadline=None, report_multiple_bugs=False, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
"""Without the phase that traces every line to explain a failure: it takes minutes."""


def tenths(most: int, least: int = 0) -> st.SearchStrategy[int]:
    """µs in whole tenths of a second, so that ties are frequent."""
    return st.integers(least, most).map(lambda n: n * TENTH)


def rules() -> st.SearchStrategy[Rules]:
    return st.builds(
        Rules,
        boot=tenths(20),
        timeout=tenths(40, 1),
        idle=tenths(60),
        concurrency=st.sampled_from([1, 1, 1, 2, 3]),
        limit=st.sampled_from([None, None, 1, 2, 3]),
        reserved=st.sampled_from([0, 0, 1, 2]),
    )


def order(names: list[str]) -> st.SearchStrategy[Order]:
    return st.builds(
        Order,
        function=st.sampled_from(names),
        at=tenths(80),
        mode=st.sampled_from(["sync", "async"]),
        runs=tenths(30),
        fails=st.sampled_from([0, 0, 0, 1, 2, 9]),
        delay=st.sampled_from([0, 0, 0, TENTH, 10 * TENTH]),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.sampled_from([["f"], ["f"], ["f", "g"]]))
    functions = {name: draw(rules()) for name in names}
    if "g" in functions:  # which of two functions' time-outs comes first at one instant is nobody's promise
        functions["g"].timeout = 3600 * 10 * TENTH
    for one in functions.values():
        one.reserved = min(one.reserved, one.reserved if one.limit is None else one.limit)
    most = sum(one.reserved for one in functions.values())
    cap = draw(st.sampled_from([None, None, max(most, 1), most + 1, most + 2]))
    outages = draw(st.lists(st.tuples(tenths(80), tenths(50, 1)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=2))
    return Plan(functions, draw(st.lists(order(names), min_size=1, max_size=14)), cap, outages)


def work(event: bytes, context: Any) -> str:
    """Sleeps and fails as its payload says."""
    asked = json.loads(event)
    time.sleep(asked["runs"] / 1e6)
    if context.retry_count < asked["fails"]:
        raise ValueError("as asked")
    return "done"


def build(plan: Plan) -> Lab:
    lab = Lab(max_instances=plan.cap)
    for name, one in plan.functions.items():
        lab.function(
            name=name, boot=one.boot / 1e6, timeout=one.timeout / 1e6, idle_timeout=one.idle / 1e6, concurrency=one.concurrency,
            max_instances=one.limit, reserved=one.reserved,
        )(work)  # fmt: skip
    for start, end in plan.outages:
        lab.faults.outage(start / 1e6, end / 1e6)
    for one_order in plan.orders:
        payload = {"runs": one_order.runs, "fails": one_order.fails}
        if one_order.delay and one_order.mode == "async":
            lab._driver.source(iter([one_order.at]), lambda order=one_order, payload=payload: lab._requests.invoke_async(  # type: ignore[misc]
                order.function, payload, order.delay / 1e6, None))  # fmt: skip
        else:
            lab.invoke_at(one_order.function, [one_order.at / 1e6], payload, "sync" if one_order.mode == "sync" else "async")
    return lab


def conserve(lab: Lab) -> None:
    """Every event: accepted = succeeded + failed + waiting (platform clause 1)."""
    count = dict.fromkeys(("accepted", "ended"), 0)

    @lab.on()
    def check(event: Any) -> None:
        count["accepted"] += isinstance(event, RequestAccepted)
        count["ended"] += isinstance(event, (RequestSucceeded, RequestFailed))
        assert count["accepted"] - count["ended"] == lab._platform.work, event


@settings(QUICK, max_examples=300)
@given(plans())
def test_the_engine_agrees_with_the_reference(plan: Plan) -> None:
    model = Reference(plan)
    model.run()
    lab = build(plan)
    conserve(lab)
    with pytest.raises(EndlessRun, match="waiting") if model.endless else nullcontext():
        lab.run()
    assert lab.recording.hooks.reports == []
    records = lab.recording
    ends: dict[int, tuple[int, str]] = {}
    for kind, how in ((RequestSucceeded, "succeeded"), (RequestFailed, "failed"), (RequestRejected, "refused")):
        for event in records.select(kind):
            assert event.request not in ends, "a request ends once"
            ends[event.request] = to_us(event.time, ""), how
    for number, fate in enumerate(model.fates, 1):
        starts = [(to_us(event.time, ""), event.instance) for event in records.select(ExecutionStarted, request=number)]
        offered = [to_us(event.time, "") for event in records.select(DeliveryStarted, request=number)]
        assert (number, starts, offered, ends.get(number, (-1, ""))) == (number, fate.starts, fate.deliveries, (fate.ended, fate.how))
    assert [(to_us(event.time, ""), event.instance) for event in records.select(InstanceCreated)] == model.made
    left = [(to_us(event.time, ""), event.instance) for event in records.select(InstanceReclaimed, InstanceDestroyed)]
    assert sorted(left) == sorted(model.gone), "which of two windows that close at one instant is first is nobody's promise"
    queue = lab._platform.queue
    stuck = sum(fate.ended < 0 for fate in model.fates)
    assert (queue.waiting(), queue.leased(), lab._platform.work, lab._platform.moving) == (stuck, 0, stuck, 0)


@settings(QUICK, max_examples=40)
@given(plans())
def test_at_every_instant_nobody_is_lost(plan: Plan) -> None:
    """Step by step: what was accepted and has not ended is in the queue, on a lease, or a sync caller that waits."""
    lab = build(plan)
    accepted: dict[int, str] = {}
    ended: set[int] = set()

    @lab.on(RequestAccepted, RequestSucceeded, RequestFailed)
    def note(event: Any) -> None:
        if isinstance(event, RequestAccepted):
            accepted[event.request] = str(event.mode)
        else:
            ended.add(event.request)

    queue = lab._platform.queue
    while lab._driver.busy() and lab.step():
        waiting = [accepted[number] for number in accepted if number not in ended]
        assert waiting.count("async") == queue.waiting() + queue.leased()
        assert len(waiting) == lab._platform.work
    assert set(accepted) - ended == set(lab._platform.dispatcher.open)


@settings(QUICK, max_examples=40)
@given(plans())
def test_equal_workloads_have_equal_digests(plan: Plan) -> None:
    first, second = build(plan), build(plan)
    with suppress(EndlessRun):
        first.run()
    while second._driver.busy() and second.step():
        pass
    assert first.recording.digest == second.recording.digest
    assert first.recording.diff(second.recording) == []
