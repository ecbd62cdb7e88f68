"""What every source is built on: changes, outbox, lines, triggers, and the use of sources from handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab
from fclab.errors import SourceError, UsageError
from fclab.observe import events as e
from fclab.observe.captions import tell
from fclab.observe.moments import moments
from fclab.sources.hub import LoopDetected
from tests.unit.source_kit import Bells, BellTrigger, bells_of, payloads


@pytest.fixture(autouse=True)
def _bells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.sources.catalog.SOURCES", (Bells,))


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def test_an_event_reaches_its_function_and_links_to_nothing(lab: Lab) -> None:
    @lab.function
    def ding(event: bytes, context: object) -> bytes:
        return event

    lab.trigger("ding", BellTrigger(bell="door"))
    assert bells_of(lab).ring("door") == {"ring": 1, "note": None, "loud": True}
    bells_of(lab).ring("elsewhere")
    lab.run()
    assert payloads(lab, "ding") == [{"bell": "door", "ring": 1}]
    fired = [event for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [(event.source, event.trigger, event.attempt) for event in fired] == [("objects door", "bell", 1)]


def test_a_handler_uses_a_source_and_the_chain_links(lab: Lab) -> None:
    @lab.function
    def first(event: bytes, context: Any) -> Any:
        return context.objects.ring("door", [1, 2.5, b"x", {"a": None}], loud=False)

    @lab.function
    def second(event: bytes, context: object) -> bytes:
        return event

    lab.trigger("second", BellTrigger(bell="door"))
    answer = lab.invoke("first")
    assert answer.status == 200, answer.logs
    lab.run()
    accepted = [event for event in lab.recording.events if isinstance(event, e.RequestAccepted)]
    assert [(event.function, event.cause) for event in accepted] == [("first", 0), ("second", 1)]
    changed = next(event for event in lab.recording.events if isinstance(event, e.SourceChanged))
    assert (changed.request, changed.instance, changed.source, changed.what) == (1, "first#1", "objects door", "Rung 1")


def test_an_async_handler_awaits_a_source(lab: Lab) -> None:
    @lab.function
    async def rings(event: bytes, context: Any) -> Any:
        for _ in range(3):
            await context.objects.ring("door")
        try:
            await context.objects.ring("missing")
        except ValueError as error:
            return [await context.objects.count("door"), error.code]  # type: ignore[attr-defined]

    assert lab.invoke("rings").json() == [3, "NoSuchBell"]


def test_wrong_use_inside_a_handler_is_an_exception_there(lab: Lab) -> None:
    @lab.function
    def tries(event: bytes, context: Any) -> Any:
        said = []
        acts: tuple[Callable[[], object], ...] = (
            lambda: context.objects.ring("missing"),
            lambda: context.objects.ring(),
            lambda: context.objects.melt("door"),
            lambda: context.objects.ring("door", {1, 2}),
        )
        for act in acts:
            try:
                act()
                said.append("fine")
            except ValueError as error:
                said.append(getattr(error, "code", type(error).__name__))
        return said

    assert lab.invoke("tries").json() == ["NoSuchBell", "InvalidArgument", "InvalidAction", "UsageError"]


def test_a_change_that_fails_leaves_nothing_and_sends_nothing(lab: Lab) -> None:
    @lab.function
    def ding(event: bytes, context: object) -> None: ...

    lab.trigger("ding", BellTrigger(bell="cracked"))
    with pytest.raises(SourceError, match="cracked"):
        bells_of(lab).ring("cracked")
    lab.run()
    assert bells_of(lab).count("cracked") == 0
    assert payloads(lab, "ding") == []


def test_a_loop_ends_after_sixteen_and_says_so() -> None:
    lab = Lab()

    @lab.function
    def echo(event: bytes, context: Any) -> None:
        context.objects.ring("door")

    lab.trigger("echo", BellTrigger(bell="door"))
    bells_of(lab).ring("door")
    with pytest.raises(LoopDetected, match="would call it for the 17th time"):
        lab.run()
    kinds = [event.kind for event in lab.recording.events]
    assert kinds.count("TriggerFired") == 16
    assert kinds.count("LoopStopped") == 1
    assert len(lab.triggers()[0].undelivered) == 1


def test_a_loop_through_another_function_is_seen_too() -> None:
    lab = Lab()

    @lab.function
    def rings(event: bytes, context: Any) -> None:
        context.objects.ring("door")

    @lab.function
    def calls(event: bytes, context: Any) -> None:
        context.invoke("rings")

    lab.trigger("calls", BellTrigger(bell="door"))
    bells_of(lab).ring("door")
    with pytest.raises(LoopDetected):
        lab.run()


def test_a_line_keeps_order_and_repeats_what_failed() -> None:
    lab = Lab()
    failures = iter([True, True, False, False])

    @lab.function
    def tape(event: bytes, context: object) -> None:
        if next(failures):
            raise ValueError("no")

    lab.trigger("tape", BellTrigger(bell="door", ordered=True))
    bells_of(lab).ring("door")
    lab.run()
    bells_of(lab).ring("door")
    lab.run()
    assert payloads(lab, "tape") == [[1], [1], [1], [2]]
    fired = [(event.time, event.attempt) for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [attempt for _, attempt in fired] == [1, 2, 3, 1]
    assert round(fired[1][0] - fired[0][0], 6) > 1
    assert not lab.triggers()[0].undelivered


def test_a_line_gives_up_keeps_the_batch_and_goes_on() -> None:
    lab = Lab()
    failures = iter([True] * 3 + [False] * 2)

    @lab.function
    def tape(event: bytes, context: object) -> None:
        if next(failures):
            raise ValueError("no")

    handle = lab.trigger("tape", BellTrigger(bell="door", ordered=True))
    bells_of(lab).ring("door")
    lab.run()
    bells_of(lab).ring("door")
    lab.run()
    assert payloads(lab, "tape") == [[1], [1], [1], [2]]
    (kept,) = handle.undelivered
    assert (kept.payload, kept.attempts) == (b"[1]", 3)
    assert "ValueError" in kept.reason
    assert handle.redeliver() == 1
    lab.run()
    assert payloads(lab, "tape")[-1] == [1]
    assert not handle.undelivered


def test_a_disabled_trigger_and_a_refused_event_wait_as_stated(lab: Lab) -> None:
    @lab.function
    def ding(event: bytes, context: object) -> None: ...

    handle = lab.trigger("ding", BellTrigger(bell="door", ordered=True), name="tape")
    handle.disable()
    bells_of(lab).ring("door")
    lab.run()
    assert payloads(lab, "ding") == []
    handle.enable()
    lab.run()
    assert payloads(lab, "ding") == [[1]]
    handle.delete()
    bells_of(lab).ring("door")
    lab.run()
    assert payloads(lab, "ding") == [[1]]
    assert lab.triggers() == []
    with pytest.raises(UsageError, match="was deleted"):
        handle.enable()


def test_triggers_are_listed_changed_and_made_once(lab: Lab) -> None:
    @lab.function
    def ding(event: bytes, context: object) -> None: ...

    first = lab.trigger("ding", BellTrigger(bell="a"))
    again = lab.trigger("ding", BellTrigger(bell="a"))
    other = lab.trigger("ding", BellTrigger(bell="b"))
    assert (first.name, again.name, other.name) == ("bell", "bell", "bell-2")
    assert [one.name for one in lab.triggers("ding")] == ["bell", "bell-2"]
    other.update(ordered=True)
    assert lab.triggers()[1].trigger == BellTrigger(bell="b", ordered=True)
    with pytest.raises(UsageError, match="something else"):
        other.update(bell="c")
    with pytest.raises(SourceError, match="broken"):
        lab.trigger("ding", BellTrigger(bell="broken"))
    with pytest.raises(UsageError, match="no function"):
        lab.trigger("nobody", BellTrigger(bell="a"))
    assert len(lab.triggers()) == 2


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_triggers_data_and_what_is_owed(backend: str, tmp_path: Path) -> None:
    def ding(event: bytes, context: object) -> None: ...

    with Lab(backend, home=tmp_path) as lab:
        lab.function(ding)
        lab.trigger("ding", BellTrigger(bell="door")).disable()
        lab.trigger("ding", BellTrigger(bell="tape", ordered=True)).disable()
        lab.triggers()[0].enable()
        lab.disable("ding")
        bells_of(lab).ring("tape")
    with Lab(backend, home=tmp_path) as lab:
        names = [(one.name, one.enabled) for one in lab.triggers()]
        assert names == [("bell", True), ("bell-2", False)]
        bells_of(lab).ring("door")  # its function is not there yet: it waits
        lab.triggers()[1].enable()
        lab.run()
        assert bells_of(lab).count("tape") == 1
        lab.function(ding)
        lab.run()
        assert sorted(map(str, payloads(lab, "ding"))) == ["[1]", "{'bell': 'door', 'ring': 2}"]


def test_the_cost_of_an_event_does_not_grow() -> None:
    import time

    lab = Lab(record=False)
    lab.declare("ding", duration=0.001)
    lab.trigger("ding", BellTrigger(bell="door"))
    bells = bells_of(lab)

    def cost(events: int) -> float:
        began = time.process_time()
        for _ in range(events):
            bells.ring("door")
            lab.run()
        return (time.process_time() - began) / events

    cost(200)
    early = min(cost(500) for _ in range(3))
    cost(5_000)
    late = min(cost(500) for _ in range(3))
    assert late < 2 * early


def test_hops_lead_from_the_maker_over_the_source_to_the_front_door() -> None:
    lab = Lab()

    @lab.function
    def first(event: bytes, context: Any) -> None:
        context.objects.ring("inner")

    lab.declare("second", duration=0.1)
    lab.trigger("first", BellTrigger(bell="door"))
    lab.trigger("second", BellTrigger(bell="inner"))
    bells_of(lab).ring("door")
    lab.run()
    hops = lab.recording.hops()
    ways = [(hops.nodes[a], hops.nodes[b], n) for a, b, n in zip(hops.source, hops.target, hops.request, strict=True)]
    outside = [way for way in ways if "source" in way[0] + way[1]]
    assert outside == [
        ("caller", "source objects door", 1),
        ("source objects door", "front door", 1),
        ("front door", "source objects door", 1),
        ("first#1", "source objects inner", 1),
        ("source objects inner", "front door", 2),
        ("front door", "source objects inner", 2),
    ]
    chain = lab.recording.chain(1)
    assert chain.nodes["source objects inner"]["kind"] == "source"
    assert chain.graph["causes"] == {2: 1}


def test_captions_tell_of_sources() -> None:
    lab = Lab()
    failing = iter([True, False])

    @lab.function
    def first(event: bytes, context: Any) -> None:
        context.objects.ring("door")

    @lab.function
    def second(event: bytes, context: object) -> None:
        if next(failing):
            raise ValueError

    lab.trigger("second", BellTrigger(bell="door", ordered=True), name="tape")
    lab.invoke("first")
    lab.run()
    said = "\n".join(tell(moment, lab.recording) for moment in moments(lab.recording))
    assert "Trigger tape of second: created bell." in said
    assert "The handler of R1 changes objects door: Rung 1." in said
    assert "Objects door sets off trigger tape: it makes R2 for second." in said
    assert "Objects door sets off trigger tape, for the 2nd time: it makes R3 for second." in said


def test_the_catalogue_is_made_from_the_sources() -> None:
    catalog = Lab().catalog()
    assert [(one.source, one.at, one.trigger, one.mode) for one in catalog[:2]] == [
        ("direct call", "lab.invoke", "", "sync"),
        ("direct call", "lab.invoke_async", "", "async"),
    ]
    (bell,) = catalog[2:]
    assert (bell.source, bell.at, bell.trigger, bell.type, bell.example) == ("bells", "lab.objects", "BellTrigger", "bell", b"1")
    assert "twice more, after 1 and 2 seconds" in repr(catalog)
    assert "BellTrigger" in catalog._repr_html_()


def test_a_deleted_function_takes_its_triggers_along(lab: Lab) -> None:

    @lab.function
    def ding(event: bytes, context: object) -> None: ...

    lab.trigger("ding", BellTrigger(bell="door"))
    lab.trigger("ding", BellTrigger(bell="tape", ordered=True))
    lab.delete("ding")
    assert lab.triggers() == []
    bells_of(lab).ring("door")
    bells_of(lab).ring("tape")
    lab.run()
    assert "TriggerFired" not in [event.kind for event in lab.recording.events]


def test_a_line_has_one_call_at_a_time_also_when_it_is_switched_off_and_on() -> None:
    lab = Lab()
    lab.declare("slow", duration=10, timeout=60)
    handle = lab.trigger("slow", BellTrigger(bell="door", ordered=True))
    bells_of(lab).ring("door")
    lab.run_for(5)
    handle.disable()
    bells_of(lab).ring("door")
    handle.enable()
    lab.run_for(1)
    handle.update(ordered=True)
    bells_of(lab).ring("door")
    lab.run()
    assert payloads(lab, "slow") == [[1], [2, 3]]
    assert len(lab.instances("slow")) == 1
