"""`WallClock`, clause by clause: real time, real descriptors, real threads, and no test that waits without a deadline."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from fclab.clock import Order
from fclab.wall_clock import WallClock

DEADLINE = 10.0
T = TypeVar("T")


class Running:
    """A clock whose loop runs on a thread of its own, until the test is over."""

    def __init__(self) -> None:
        self.clock = WallClock()
        self.failures: list[BaseException] = []
        self.clock.failed = self.failures.append
        self.thread = threading.Thread(target=self.clock.run)
        self.thread.start()

    def ask(self, fn: Callable[[], T]) -> T:
        """What `fn` returns on the loop's thread."""
        box: list[T] = []
        done = threading.Event()

        def call() -> None:
            box.append(fn())
            done.set()

        self.clock.post(call)
        assert done.wait(DEADLINE)
        return box[0]

    def wait(self, start: Callable[[threading.Event], object]) -> None:
        """Do `start(event)` on the loop's thread and wait until the event is set."""
        done = threading.Event()
        self.clock.post(start, done)
        assert done.wait(DEADLINE)


def open_descriptors() -> int:
    """How many there are; 0 where the system does not say."""
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.is_dir() else 0


@pytest.fixture
def loop() -> Iterator[Running]:
    before = open_descriptors()
    running = Running()
    yield running
    running.clock.stop()
    running.thread.join(DEADLINE)
    assert not running.thread.is_alive()
    assert running.clock.ended
    assert open_descriptors() <= before


def test_clause_1_and_4_what_is_handed_in_is_called_in_order_on_the_loops_thread(loop: Running) -> None:
    seen: list[tuple[int, int]] = []

    def last(done: threading.Event) -> None:
        done.set()

    for number in range(1000):
        loop.clock.post(lambda number=number: seen.append((number, threading.get_ident())))
    loop.wait(last)
    assert [number for number, _ in seen] == list(range(1000))
    assert {thread for _, thread in seen} == {loop.thread.ident}
    assert not loop.clock.here


def test_clause_2_time_stands_still_within_a_call_and_never_goes_back(loop: Running) -> None:
    def look() -> tuple[int, int, bool]:
        first = loop.clock.now()
        while loop.clock.reading() <= first:
            pass
        return first, loop.clock.now(), loop.clock.here

    looks = [loop.ask(look) for _ in range(50)]
    assert all(first == second and here for first, second, here in looks)
    assert [first for first, _, _ in looks] == sorted(first for first, _, _ in looks)


def test_clause_3_a_timer_is_never_early(loop: Running) -> None:
    late: list[int] = []

    def start(done: threading.Event) -> None:
        for wait in (3000, 1000, 2000, 0, 500):
            due = loop.clock.now() + wait
            loop.clock.call_at(due, lambda due=due: late.append(loop.clock.now() - due))
        loop.clock.call_at(loop.clock.now() + 3000, done.set, order=Order.IDLE_EXPIRY)

    loop.wait(start)
    assert len(late) == 5
    assert all(by >= 0 for by in late)


def test_clause_3_ties_go_by_order_then_first_come(loop: Running) -> None:
    seen: list[str] = []

    def start(done: threading.Event) -> None:
        due = loop.clock.now()
        for n in range(2):
            for order in reversed(Order):
                loop.clock.call_at(due, seen.append, f"{order.name} {n}", order=order)
        loop.clock.call_at(due + 1, done.set)

    loop.wait(start)
    assert seen == [f"{order.name} {n}" for order in Order for n in range(2)]


def test_a_cancelled_timer_never_fires_and_is_forgotten(loop: Running) -> None:
    fired: list[int] = []

    def start(done: threading.Event) -> None:
        timers = [loop.clock.call_at(loop.clock.now() + 1000, fired.append, n) for n in range(200)]
        for timer in timers[1:]:
            timer.cancel()
            timer.cancel()
        assert len(loop.clock) == 1
        loop.clock.call_at(loop.clock.now() + 1000, done.set)

    loop.wait(start)
    assert fired == [0]


def test_a_timer_may_be_used_again(loop: Running) -> None:
    times: list[int] = []

    def start(done: threading.Event) -> None:
        def tick() -> None:
            times.append(loop.clock.now())
            if len(times) == 3:
                done.set()
            else:
                loop.clock.call_again(timer, loop.clock.now() + 500)

        timer = loop.clock.call_at(loop.clock.now(), tick)

    loop.wait(start)
    assert len(times) == 3
    assert times[2] - times[0] >= 1000


def test_descriptors_are_watched_until_they_are_let_go(loop: Running) -> None:
    here, there = os.pipe()
    got: list[bytes] = []

    def start(done: threading.Event) -> None:
        def readable() -> None:
            got.append(os.read(here, 1))
            if got[-1] == b"!":
                loop.clock.watch(here)
                done.set()

        loop.clock.watch(here, readable)

    done = threading.Event()
    loop.clock.post(start, done)
    os.write(there, b"abc!d")
    assert done.wait(DEADLINE)
    loop.wait(lambda later: later.set())
    assert got == [b"a", b"b", b"c", b"!"]
    os.close(here)
    os.close(there)


def test_a_descriptor_let_go_by_an_earlier_call_of_the_turn_is_not_called(loop: Running) -> None:
    pipes = [os.pipe() for _ in range(2)]
    calls: list[int] = []

    def start(done: threading.Event) -> None:
        def ready(number: int) -> Callable[[], None]:
            def call() -> None:
                calls.append(number)
                for here, _ in pipes:
                    loop.clock.watch(here)
                loop.clock.call_at(loop.clock.now() + 1000, done.set)

            return call

        for number, (here, there) in enumerate(pipes):
            os.write(there, b"x")
            loop.clock.watch(here, ready(number))

    loop.wait(start)
    assert len(calls) == 1
    for pair in pipes:
        for fd in pair:
            os.close(fd)


def test_clause_5_a_call_that_raises_is_reported_and_ends_nothing(loop: Running) -> None:
    loop.clock.post(lambda: 1 / 0)
    assert loop.ask(lambda: 7) == 7
    assert [type(error) for error in loop.failures] == [ZeroDivisionError]


def test_many_threads_hand_in_and_nothing_is_lost(loop: Running) -> None:
    seen: list[tuple[int, int]] = []

    def hand_in(who: int) -> None:
        for number in range(2000):
            loop.clock.post(seen.append, (who, number))

    threads = [threading.Thread(target=hand_in, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    loop.wait(lambda done: done.set())
    assert len(seen) == 8000
    for who in range(4):
        assert [number for one, number in seen if one == who] == list(range(2000))


def test_after_turn_is_called_while_it_is_set(loop: Running) -> None:
    done = threading.Event()

    def arm() -> None:
        def after() -> None:
            loop.clock.after_turn = None
            done.set()

        loop.clock.after_turn = after

    loop.clock.post(arm)
    assert done.wait(DEADLINE)


def test_what_is_handed_in_after_the_end_does_no_harm() -> None:
    running = Running()
    running.clock.stop()
    running.thread.join(DEADLINE)
    running.clock.post(lambda: None)
    running.clock.stop()
    assert running.clock.ended


def test_a_busy_timer_starves_nobody(loop: Running) -> None:
    served: list[bool] = []

    def again() -> None:
        if not served:
            loop.clock.call_at(0, again)

    loop.clock.post(again)
    loop.ask(lambda: served.append(True))
