"""Equal seed, equal recording, in any process; random streams that leave each other alone; recordings that survive the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fclab import Lab, Recording, RecordingError, Schedule
from fclab.observe.events import FaultInjected, RequestAccepted
from tests.unit.engine_kit import connect, model_lab, retries, starts, times

SCENARIO = """
from tests.unit.test_engine_determinism import busy
print(busy({seed}).recording.digest)
"""
ROOT = Path(__file__).resolve().parents[2]


def busy(seed: int, *, extra: bool = False) -> Lab:
    """Traffic, faults, retries, nested calls, reservations, destinations."""
    lab = Lab(seed=seed, max_instances=20)

    @lab.function(initializer=connect, concurrency=2, async_config=retries(on_failure="queue:dead"))
    def front(event: bytes, context: Any) -> str:
        time.sleep(0.1)
        answer = context.invoke("load", event)
        if answer.status != 200:
            raise RuntimeError(answer.error_type)
        return str(sorted({answer.status, "x", context.function.name}, key=str))

    lab.declare("load", duration="lognormal(0.2, 0.5)", boot=0.3)
    if extra:
        lab.declare("other", duration="exponential(0.1)")
        lab.traffic("other", rate=3, duration=60)
    lab.faults.add("front door->pool", drop=0.1)
    lab.faults.boot("download", fail=0.2)
    lab.faults.outage(20, 30)
    lab.reserve("front", 2, schedule=[Schedule(10, 40, 4)])
    lab.traffic("front", rate=4, duration=60, mode="async")
    lab.traffic("front", rate=2, duration=60)
    lab.run()
    return lab


def test_equal_seed_equal_digest() -> None:
    first, second, other = busy(7), busy(7), busy(8)
    assert first.recording.digest == second.recording.digest
    assert first.recording.diff(second.recording) == []
    assert first.recording.digest != other.recording.digest


def test_equal_in_other_processes_whatever_their_hash_seed() -> None:
    digests = set()
    for hash_seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", SCENARIO.format(seed=7)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        digests.add(done.stdout.strip())
    assert digests == {busy(7).recording.digest}


def test_fresh_repeats_the_run() -> None:
    lab = model_lab("exponential(0.2)")
    lab.traffic("f", rate=5, duration=50)
    lab.run()
    again = lab.fresh()
    again.traffic("f", rate=5, duration=50)
    again.run()
    assert again.recording.digest == lab.recording.digest


def arrivals(lab: Lab, function: str) -> list[float]:
    return [event.time for event in lab.recording.select(RequestAccepted) if event.function == function]


def test_a_draw_in_one_stream_changes_nothing_elsewhere() -> None:
    def run(*, other: bool, drop: bool) -> Lab:
        lab = Lab(seed=3)
        lab.declare("f", duration="exponential(0.2)", boot=1)
        lab.declare("g", duration="exponential(0.2)" if other else 0.2, boot=1)
        if drop:
            lab.faults.add("front door->pool", drop=0.3, function="g")
        lab.traffic("f", rate=3, duration=100)
        lab.traffic("g", rate=3, duration=100)
        lab.run()
        return lab

    plain, noisy = run(other=False, drop=False), run(other=True, drop=True)
    assert len(times(noisy, FaultInjected)) > 50
    assert arrivals(plain, "f") == arrivals(noisy, "f")
    assert arrivals(plain, "g") == arrivals(noisy, "g")
    ended = [[(event.time, event.kind) for event in lab.recording.events if event.function == "f"] for lab in (plain, noisy)]
    assert ended[0] == ended[1], "f runs as before: its durations come from a stream of its own"


def test_faults_have_streams_of_their_own() -> None:
    def struck(*, second: bool) -> list[tuple[float, str]]:
        lab = model_lab(0.1, 0.5)
        lab.faults.add("front door->pool", drop=0.5)
        if second:
            lab.faults.add("instance->front door", drop=0.5)
        lab.traffic("f", rate=5, duration=100, arrivals="uniform")
        lab.run()
        return [(event.time, str(event.arrow)) for event in lab.recording.select(FaultInjected)]

    assert struck(second=False) == [hit for hit in struck(second=True) if hit[1] == "front door->pool"]


def test_a_callable_and_an_iterable_as_duration() -> None:
    def draw(random: Random) -> float:
        return random.choice([0.1, 0.2])

    lab = model_lab(draw, boot=0.5)
    assert {lab.invoke("f").duration for _ in range(20)} == {0.1, 0.2}
    lab = model_lab(iter([0.1, 0.2, 0.3]), boot=0.5)
    assert [lab.invoke("f").duration for _ in range(2)] == [0.1, 0.2]
    assert [lab.fresh().invoke("f").duration for _ in range(2)] == [0.1, 0.1], "a fresh lab reads it from the start"


@pytest.mark.parametrize(
    ("text", "mean"),
    [("constant(0.2)", 0.2), ("exponential(0.2)", 0.2), ("uniform(0.1, 0.3)", 0.2), ("normal(0.2, 0.01)", 0.2), ("pareto(0.1, 2)", 0.2)],
)
def test_named_distributions(text: str, mean: float) -> None:
    lab = model_lab(text, boot=0.5, timeout=1000)
    lab.invoke_at("f", range(0, 20_000, 10))
    lab.run()
    found = lab.metrics().latency
    assert found is not None
    durations = [event.time for event in lab.recording.events if event.kind == "ExecutionEnded"]
    average = sum(end - start for start, end in zip(starts(lab), durations, strict=True)) / 2000
    assert abs(average - mean) < 0.05


# ---- recordings


def test_save_load_digest_and_diff(tmp_path: Path) -> None:
    lab = busy(7)
    path = lab.recording.save(tmp_path / "run.json")
    loaded = Recording.load(path)
    assert loaded.digest == lab.recording.digest
    assert len(loaded) == len(lab.recording)
    assert loaded.diff(lab.recording) == []
    assert [repr(event) for event in loaded.events[-5:]] == [repr(event) for event in lab.recording.events[-5:]]
    assert loaded.payloads == lab.recording.payloads
    assert (loaded.end_us, loaded.meta) == (lab.recording.end_us, lab.recording.meta)
    again = loaded.save(tmp_path / "again.json")
    assert again.read_bytes() == path.read_bytes()


def test_diff_names_the_first_difference() -> None:
    one, other = model_lab(), model_lab()
    one.invoke_at("f", [0, 5])
    other.invoke_at("f", [0, 6])
    one.run()
    other.run()
    first = one.recording.diff(other.recording)[0]
    assert first.ours is not None
    assert first.theirs is not None
    assert (first.ours.time, first.theirs.time, first.ours.kind) == (5, 6, "RequestAccepted")
    shorter = model_lab()
    shorter.invoke_at("f", [0])
    shorter.run()
    tail = one.recording.diff(shorter.recording)
    assert tail[0].theirs is None


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    lab = model_lab()
    lab.invoke("f")
    path = lab.recording.save(tmp_path / "run.json")
    text = path.read_text()
    lines = text.splitlines()
    changed = text.replace("[1000000,", "[1000001,", 1), text.replace('"events": ', '"events": 1')
    for broken in (*changed, "\n".join(lines[:-2]), "{}", "", "not json"):
        assert broken != text
        path.write_text(broken)
        with pytest.raises(RecordingError):
            Recording.load(path)
    with pytest.raises(RecordingError, match="cannot be read"):
        Recording.load(tmp_path / "nowhere.json")


def test_slicing_and_selecting() -> None:
    lab = model_lab()
    lab.invoke_at("f", [0, 10, 20])
    lab.run()
    events = lab.recording.events
    assert events[-1].kind == "RequestSucceeded"
    assert len(events[2:5]) == 3
    assert [event.time for event in lab.recording.select(RequestAccepted, start=10, end=20)] == [10]
    assert {event.request for event in lab.recording.select(request=2)} == {2}


def test_stepping_sees_every_event_once() -> None:
    lab = model_lab()
    lab.invoke_at("f", [0, 10])
    sizes = [0]
    while lab.step():
        sizes.append(len(lab.recording))
    assert sizes == sorted(set(sizes))
    whole = model_lab()
    whole.invoke_at("f", [0, 10])
    whole.run(until=lab.now)
    assert whole.recording.digest == lab.recording.digest


def test_without_a_recording_observers_still_see() -> None:
    lab = model_lab(lab_record=False)
    seen: list[str] = []
    lab.on(RequestAccepted)(lambda event: seen.append(repr(event)))
    lab.invoke("f")
    assert len(seen) == 1
    assert len(lab.recording) == 0


def test_an_observer_that_raises_is_detached_and_changes_nothing() -> None:
    plain, watched = model_lab(), model_lab()
    calls: list[object] = []

    @watched.on()
    def broken(event: object) -> None:
        calls.append(event)
        raise RuntimeError("no")

    for lab in (plain, watched):
        lab.invoke_at("f", [0, 5])
        lab.run()
    assert len(calls) == 1
    assert [report.error for report in watched.recording.hooks.reports] == ["RuntimeError: no"]
    assert plain.recording.digest == watched.recording.digest
