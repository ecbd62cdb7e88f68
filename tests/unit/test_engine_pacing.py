"""`lab.play`: virtual time in step with a real clock, which these tests turn by hand."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from fclab import EndlessRun, Lab, LabClosed, UsageError
from fclab.controls import pace
from fclab.observe.events import RequestAccepted
from tests.unit.engine_kit import model_lab, whole


class Wall:
    """The real clock, in seconds; sleeping moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    async def passes(self, seconds: float) -> None:
        """Let real time pass, and the loop look at it."""
        self.now += seconds
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    made = Wall()
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=made.sleep))
    return made


@pytest.fixture
def _no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the loop the next frame comes at once."""
    monkeypatch.setattr(pace, "FRAME", 0)


def traffic() -> Lab:
    lab = model_lab("exponential(0.2)", 0.5)
    lab.traffic("f", rate=3, duration=20)
    lab.traffic("f", rate=1, duration=20, mode="async")
    lab.reserve("f", 1)
    return lab


def ran() -> Lab:
    lab = traffic()
    lab.run()
    return lab


def same(lab: Lab, other: Lab) -> bool:
    return (lab.now, lab.recording.end_us, lab.recording.digest) == (other.now, other.recording.end_us, other.recording.digest)


def test_without_a_loop_it_blocks_and_ends_where_run_ends(wall: Wall) -> None:
    lab, began = traffic(), wall.now
    lab.play(speed=100)
    assert same(lab, ran())
    assert wall.now - began == pytest.approx(lab.now / 100, abs=2 * pace.FRAME)
    assert set(wall.naps) == {pace.FRAME}


def test_without_work_nothing_happens(wall: Wall) -> None:
    lab = model_lab()
    lab.play()
    assert (lab.now, wall.naps) == (0, [])


@pytest.mark.usefixtures("_no_frames")
def test_in_a_loop_it_returns_at_once_and_ends_where_run_ends(wall: Wall) -> None:
    lab = traffic()

    async def notebook() -> list[float]:
        lab.play(speed=10)
        seen = [lab.now]
        for _ in range(5):
            await wall.passes(0.1)
            seen.append(lab.now)
        await wall.passes(100)
        return seen

    assert asyncio.run(notebook()) == pytest.approx([0, 1, 2, 3, 4, 5])
    assert same(lab, ran())
    assert wall.naps == []


@pytest.mark.usefixtures("_no_frames")
def test_one_late_look_ends_there_too(wall: Wall) -> None:
    lab = traffic()

    async def notebook() -> None:
        lab.play(speed=1e6)
        await wall.passes(3600)

    asyncio.run(notebook())
    assert same(lab, ran())


@pytest.mark.usefixtures("_no_frames")
def test_a_second_play_takes_over(wall: Wall) -> None:
    lab = traffic()

    async def notebook() -> list[float]:
        lab.play(speed=10)
        await wall.passes(0.3)
        seen = [lab.now]
        for speed in (10, 1, 20):
            lab.play(speed)
            await wall.passes(0.1)
            seen.append(lab.now)
        return seen

    assert asyncio.run(notebook()) == pytest.approx([3, 4, 4.1, 6.1])


@pytest.mark.usefixtures("_no_frames")
def test_a_cell_may_drive_the_lab_meanwhile(wall: Wall) -> None:
    lab = traffic()

    async def notebook() -> list[float]:
        lab.play(speed=1)
        await wall.passes(1)
        seen = [lab.now]
        lab.run(until=5)
        await wall.passes(1)
        seen.append(lab.now)
        await wall.passes(4)
        seen.append(lab.now)
        return seen

    assert asyncio.run(notebook()) == pytest.approx([1, 5, 6])


@pytest.mark.usefixtures("_no_frames")
def test_closing_ends_it(wall: Wall) -> None:
    lab = traffic()

    async def notebook() -> float:
        lab.play(speed=1)
        await wall.passes(1)
        lab.close()
        await wall.passes(10)
        return lab.now

    assert asyncio.run(notebook()) == pytest.approx(1)
    with pytest.raises(LabClosed):
        lab.play()


# ---- what cannot go on


def endless() -> Lab:
    lab = model_lab(0.1, 0.5)
    lab.faults.outage(5)
    lab.invoke_async("f", delay=6)
    return lab


def test_without_a_loop_an_endless_run_raises(wall: Wall) -> None:
    lab = endless()
    with pytest.raises(EndlessRun, match="retry against a fault without end"):
        lab.play(speed=100)
    assert 6 <= lab.now < 12
    assert len(wall.naps) < 100


def in_a_loop(lab: Lab, wall: Wall) -> list[dict[str, Any]]:
    """Play for long, and return what the loop's exception handler was told."""
    told: list[dict[str, Any]] = []

    async def notebook() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        lab.play(speed=10)
        for _ in range(20):
            await wall.passes(1)

    asyncio.run(notebook())
    return told


@pytest.mark.usefixtures("_no_frames")
def test_in_a_loop_an_endless_run_stops_and_is_told_of_once(wall: Wall) -> None:
    lab = endless()
    (told,) = in_a_loop(lab, wall)
    assert isinstance(told["exception"], EndlessRun)
    assert told["message"].startswith(f"lab.play stopped at {lab.now:g} s: This run would never end: 1 waiting events only retry")
    assert "lab.faults.clear()" in told["message"]
    assert 6 <= lab.now < 12
    lab.faults.clear()
    lab.run()
    assert whole(lab)


@pytest.mark.usefixtures("_no_frames", "wall")
def test_the_loop_logs_it_unless_told_otherwise(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    lab = endless()

    async def notebook() -> None:
        lab.play(speed=10)
        await wall.passes(5)

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(notebook())
    assert [record.name for record in caplog.records] == ["asyncio"]
    assert caplog.records[0].message.startswith("lab.play stopped at ")


@pytest.mark.usefixtures("_no_frames")
def test_in_a_loop_a_broken_rule_stops_it_and_it_can_be_played_on(wall: Wall) -> None:
    asked: list[int] = []

    def window(seconds: float, uses: int) -> Any:
        asked.append(1)
        return "soon" if len(asked) == 2 else seconds

    lab = model_lab(0.1, 0.5, lab_keep_alive=window)
    lab.invoke_at("f", [0, 2, 4, 6])
    (told,) = in_a_loop(lab, wall)
    assert isinstance(told["exception"], UsageError)
    assert "Your keep_alive rule failed" in told["message"]
    assert lab.now == pytest.approx(2.1)
    assert in_a_loop(lab, wall) == []
    assert len(lab.recording.select(RequestAccepted)) == 4
    assert whole(lab)
