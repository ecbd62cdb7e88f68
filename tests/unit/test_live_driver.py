"""`LiveDriver`, clause by clause, on a platform in real time without processes."""

from __future__ import annotations

import _thread
import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from fclab.errors import EndlessRun, LabClosed, NestedRun, UsageError, WrongThread
from fclab.observe.events import ExecutionEnded
from tests.unit.live_kit import DEADLINE, Live, live


@pytest.fixture
def lab() -> Iterator[Live]:
    with live() as made:
        yield made


def test_clause_1_many_threads_call_at_once(lab: Live) -> None:
    lab.declare(duration=0.001)
    seen: list[bool] = []

    def call() -> None:
        seen.extend(lab.requests.invoke("f", b"").ok for _ in range(50))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert seen == [True] * 400
    assert len([e for e in lab.driver.recording().events if e.kind == "RequestSucceeded"]) == 400


def test_clause_1_it_works_inside_a_running_event_loop(lab: Live) -> None:
    lab.declare()

    async def cell() -> bool:
        return lab.requests.invoke("f", b"").ok

    assert asyncio.run(cell())


def test_clause_2_an_observer_may_ask_but_not_wait(lab: Live) -> None:
    lab.declare()
    told: list[object] = []
    done = threading.Event()

    def note(event: object) -> None:
        if not told:
            told.append(lab.driver.ask(lambda: lab.platform.work))
            try:
                lab.requests.invoke("f", b"")
            except NestedRun as error:
                told.append(error)
            done.set()

    lab.driver.ask(lab.platform.recording.hooks.asking([ExecutionEnded]), note)
    lab.requests.invoke("f", b"")
    assert done.wait(DEADLINE)
    assert isinstance(told[1], NestedRun)


def test_clause_3_an_interrupted_caller_leaves_and_the_request_goes_on(lab: Live) -> None:
    lab.declare(duration=0.3)
    started = threading.Event()
    lab.driver.ask(lab.platform.recording.hooks.asking([]), lambda event: started.set())

    def interrupt() -> None:
        assert started.wait(DEADLINE)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        lab.requests.invoke("f", b"")
    thread.join(DEADLINE)
    lab.driver.finish()
    assert [e.kind for e in lab.driver.recording().events][-2:] == ["InstanceReleased", "RequestSucceeded"]
    assert lab.requests.invoke("f", b"").ok


def test_clause_3_an_interrupted_wait_for_all_work_leaves_nothing_behind(lab: Live) -> None:
    lab.declare(duration=0.3)
    lab.requests.at("f", [0.0, 0.1], b"", "sync")
    timer = threading.Timer(0.05, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        lab.driver.finish()
    lab.driver.finish()
    assert lab.driver.ask(lambda: lab.driver.clock.after_turn) is None


def test_clause_4_a_waiting_thread_learns_of_the_end() -> None:
    made = Live()
    made.declare(duration=3600)
    errors: list[BaseException] = []
    asked = threading.Event()
    made.driver.ask(made.platform.recording.hooks.asking([]), lambda event: asked.set())

    def call() -> None:
        try:
            made.requests.invoke("f", b"")
        except LabClosed as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert asked.wait(DEADLINE)
    made.driver.close()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(errors) == 3
    assert made.released == [True]
    made.driver.close()
    for use in (made.driver.check, made.driver.finish, lambda: made.requests.invoke("f", b""), lambda: made.driver.ask(int)):
        with pytest.raises(LabClosed):
            use()
    assert len(made.driver.recording()) > 0


def test_clause_5_what_fails_unasked_is_raised_by_the_oldest_wait_for_work(lab: Live, caplog: pytest.LogCaptureFixture) -> None:
    lab.declare(duration=0.2)
    lab.requests.at("f", [0.0], b"", "sync")
    lab.driver.clock.post(lambda: 1 / 0)
    with caplog.at_level(logging.ERROR, "fclab"):
        lab.driver.ask(int)
    assert "division by zero" in caplog.text
    lab.driver.ask(lambda: lab.driver.clock.call_at(lab.driver.clock.now() + 50_000, lambda: [][0]))
    with pytest.raises(IndexError):
        lab.driver.finish()
    lab.driver.finish()


def test_times_that_have_passed_move_to_now_with_their_gaps(lab: Live) -> None:
    lab.declare()
    lab.driver.to(lab.driver.now() + 20_000)
    calls = lab.requests.at("f", [0.0, 0.05], b"", "sync")
    assert calls[0].at >= 0.02
    assert calls[1].at - calls[0].at == pytest.approx(0.05)
    lab.driver.finish()
    assert all(call.response is not None and call.response.ok for call in calls)


def test_the_past_cannot_be_waited_for(lab: Live) -> None:
    lab.driver.to(lab.driver.now() + 1000)
    with pytest.raises(UsageError, match="past"):
        lab.driver.to(0)


def test_a_wait_for_what_can_never_be_says_so(lab: Live) -> None:
    lab.declare(max_instances=0)
    lab.requests.invoke_async("f", b"", 0, None)
    with pytest.raises(EndlessRun, match="may have no instance"):
        lab.driver.finish()


def test_step_waits_for_the_next_thing_to_happen(lab: Live) -> None:
    lab.declare(duration=0.01, idle_timeout=0.05)
    lab.requests.at("f", [0.0], b"", "sync")
    count = 0
    while lab.driver.step():
        count += 1
        assert count < 100
    assert count >= 1
    assert lab.driver.recording().events[-1].kind == "RequestSucceeded"


def test_a_recording_is_a_copy_that_stays_as_it_is(lab: Live) -> None:
    lab.declare()
    lab.requests.invoke("f", b"")
    before = lab.driver.recording()
    count = len(before)
    assert lab.driver.recording() is before
    lab.requests.invoke("f", b"")
    assert len(before) == count
    after = lab.driver.recording()
    assert len(after) > count
    assert after.row(0) == before.row(0)
    for _ in range(1500):  # so many that rows are packed into blocks
        lab.requests.invoke("f", b"")
    assert (len(before), len(after)) == (count, count + 6)
    kept = lab.driver.recording()
    assert [kept.row(n) for n in range(count)] == [before.row(n) for n in range(count)]


def test_a_task_is_awaited_and_stopped(lab: Live) -> None:
    lab.declare(duration=0.05)
    task = lab.requests.invoke_async("f", b"", 0, None)
    assert task.result(timeout=DEADLINE).ok
    slow = lab.requests.invoke_async("f", b"", 60, None)
    with pytest.raises(TimeoutError):
        slow.result(timeout=0.05)
    assert slow.stop()
    assert slow.state == "Stopped"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_told_that_the_engine_is_elsewhere(lab: Live) -> None:
    child = os.fork()
    if child == 0:
        try:
            lab.driver.check()
        except WrongThread:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_wait_with_a_limit_leaves_no_timer(lab: Live) -> None:
    before = lab.driver.ask(lambda: len(lab.driver.clock))
    for _ in range(10):
        lab.driver.until(lambda: True, limit=3_600_000_000)
    assert lab.driver.ask(lambda: len(lab.driver.clock)) == before
