"""The observe modules over recordings that the engine made: the same pictures as from the hand-made ones, under any mischief."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from fclab.engine.faults import ARROWS
from fclab.lab import Lab
from fclab.model import AsyncConfig
from fclab.observe.captions import tell
from fclab.observe.chain import chain, layout
from fclab.observe.hops import HOP_OUTCOMES, hops
from fclab.observe.instances import instances
from fclab.observe.moments import moments
from fclab.observe.recording import Recording
from fclab.observe.requests import requests
from fclab.observe.spans import SPAN_KINDS, spans
from fclab.observe.story import story
from fclab.observe.table import table
from tests.unit.observe_runs import lesson00


def lesson_00_lab() -> Lab:
    lab = Lab()

    def connect(context: object) -> None:
        time.sleep(0.2)

    @lab.function(initializer=connect)
    def hello(event: bytes, context: object) -> str:
        time.sleep(0.1)
        return "hello"

    return lab


def test_lesson_00_is_what_the_hand_made_recording_says() -> None:
    with lesson_00_lab() as lab:
        lab.invoke_at("hello", [0, 60, 600])
        lab.run()
        made, by_hand = lab.recording, lesson00()
        assert table(made) == table(by_hand)
        assert spans(made) == spans(by_hand)
        assert hops(made) == hops(by_hand)
        assert story(made, spans(made), hops(made)) == story(by_hand, spans(by_hand), hops(by_hand))


def test_lesson_05_has_four_executions_and_an_outage_eight_deliveries() -> None:
    with Lab() as lab:

        @lab.function(initializer=lambda context: time.sleep(0.2))
        def bad(event: bytes, context: object) -> None:
            time.sleep(0.1)
            raise ValueError("no")

        lab.invoke_async("bad")
        lab.run()
        made = spans(lab.recording)
        assert [made.start[i] / 1e6 for i in range(len(made)) if SPAN_KINDS[made.kind[i]] == "error"] == [1.0, 1.6, 2.7, 4.8]
    with lesson_00_lab() as lab:
        lab.faults.outage(start=0, end=60)
        lab.invoke_async("hello")
        lab.run()
        (one,) = requests(lab.recording)
        assert (one.attempts, one.executions, one.finished_us) == (8, 1, 64_600_000)
        walked = hops(lab.recording)
        refused = [walked.depart[i] / 1e6 for i in range(len(walked)) if HOP_OUTCOMES[walked.outcome[i]] == "failed"]
        assert refused == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_views_agree_with_what_the_caller_got() -> None:
    with lesson_00_lab() as lab:
        calls = lab.invoke_at("hello", [0, 0.5, 2, 301.2, 700])
        lab.run()
        seen = requests(lab.recording)
        assert [one.cold for one in seen] == [True, True, False, False, True]
        for call, one in zip(calls, seen, strict=True):
            assert call.response is not None
            assert one.latency_us == round(call.response.latency * 1e6)
            assert one.instance == call.response.instance_id
            assert chain(lab.recording, call.response.request_id).graph["requests"] == (one.number,)


def test_a_saved_recording_tells_the_same(tmp_path: Path) -> None:
    with lesson_00_lab() as lab:
        lab.invoke_at("hello", [0, 60, 600])
        lab.run(until=1000)
        loaded = Recording.load(lab.recording.save(tmp_path / "run.jsonl"))
        assert table(loaded) == table(lab.recording)
        assert spans(loaded) == spans(lab.recording)


def mischief(seed: int) -> Recording:
    """An hour of random work under random faults."""
    random = Random(seed)
    with Lab(seed=seed, semantics=random.choice(["article", "fc", "lambda"])) as lab:
        told = AsyncConfig(on_success="after")
        lab.declare("model", duration=0.3, boot=0.7, concurrency=3, max_instances=2, idle_timeout=20, async_config=told)

        @lab.function
        def after(event: bytes, context: object) -> None:
            return None

        @lab.function(timeout=2, idle_timeout=30, pre_freeze=lambda context: time.sleep(0.2), pre_stop=lambda context: time.sleep(0.5))
        def moody(event: bytes, context: object) -> str:
            time.sleep(random.choice([0, 0.1, 1, 5]))
            if random.random() < 0.3:
                raise RuntimeError("not today")
            return "well"

        @lab.function(timeout=10, reserved=1, async_config=AsyncConfig(max_age=40, on_failure="queue:dead"))
        def outer(event: bytes, context) -> str:  # type: ignore[no-untyped-def]
            context.invoke(random.choice(["moody", "model", "nobody"]))
            context.invoke_async("model")
            return "done"

        for arrow in random.sample([*ARROWS, "boot:download", "boot:start"], 4):
            effect = random.choice(["drop", "crash", "delay"])
            lab.faults.add(arrow, **{effect: 0.4}, start=20, end=400)
        lab.faults.outage(start=50, end=70)
        for name in ("model", "moody", "outer"):
            for mode in ("sync", "async"):
                lab.invoke_at(name, sorted(random.choice([0, 5, random.random() * 500]) for _ in range(12)), mode=mode)
        lab.run(until=250)
        lab.reserve("outer", 0)
        lab.declare("model", duration=1, boot=0.1)
        lab.run(until=3600)
        return lab.recording


@pytest.mark.parametrize("seed", range(6))
def test_any_mischief_leaves_sound_pictures(seed: int) -> None:
    recording = mischief(seed)
    made, walked = spans(recording), hops(recording)
    for number, lane in enumerate(made.lanes):
        mine = [(made.start[i], made.end[i], SPAN_KINDS[made.kind[i]]) for i in range(len(made)) if made.lane[i] == number]
        if lane.group == "instance":
            for (_, end, before), (start, _, after) in pairwise(mine):
                assert end <= start, (lane.key, before, after, end, start)
    assert len({lane.key for lane in made.lanes}) == len(made.lanes)
    for folded in (True, False):
        told = story(recording, made, walked, folded=folded)
        assert all(a < b for (a, _), (b, _) in pairwise(told.play))
        assert all(a < b for a, b in pairwise(told.steps.p))
        assert told.steps.p[-1] <= told.length
        assert all(0 <= a <= b <= told.length + 1e-9 for a, b in zip(told.hop_start, told.hop_end, strict=True))
    assert walked.depart.tolist() == sorted(walked.depart)
    for moment in moments(recording):
        text = tell(moment, recording)
        assert text.endswith(".")
        assert "  " not in text
        assert "; ." not in text
    for one in requests(recording):
        assert one.executions <= one.attempts
        assert (one.finished_us is None) == (one.outcome == "open")
    assert all(life.running >= 0 for life in instances(recording))
    assert len(layout(chain(recording))) == len(chain(recording))
    assert table(recording, most=1000) == table(recording, most=1000)


@pytest.mark.parametrize("seed", range(6))
def test_each_request_walks_without_jumps(seed: int) -> None:
    """Every hop leaves a node where its request (or its cause) has been: nothing appears out of nowhere."""
    walked = hops(mischief(seed))
    been: dict[int, set[int]] = {}
    for source, target, request in zip(walked.source, walked.target, walked.request, strict=True):
        places = been.setdefault(request, {source})
        assert source in places, (request, walked.nodes[source], walked.nodes[target])
        places.add(target)
