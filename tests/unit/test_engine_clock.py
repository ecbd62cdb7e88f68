"""`VirtualClock` and the `Timers` under it, clause by clause."""

from __future__ import annotations

from random import Random

import pytest

from fclab.clock import Order, VirtualClock
from fclab.errors import UsageError


def test_clause_1_now_is_the_due_time_inside_a_callback_and_until_after_run() -> None:
    clock = VirtualClock()
    seen: list[tuple[int, int]] = []
    for due in (30, 10, 20):
        clock.call_at(due, lambda due=due: seen.append((due, clock.now())))
    clock.run(25)
    assert seen == [(10, 10), (20, 20)]
    assert clock.now() == 25
    clock.run(25)
    clock.run(100)
    assert seen[-1] == (30, 30)
    assert clock.now() == 100


def test_clause_1_until_itself_is_included() -> None:
    clock = VirtualClock()
    seen: list[int] = []
    clock.call_at(10, seen.append, 1)
    clock.call_at(11, seen.append, 2)
    clock.run(10)
    assert seen == [1]


def test_timers_clause_1_ties_go_by_order_then_first_come() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    expected = []
    for order in Order:
        expected += [f"{order.name} {n}" for n in range(2)]
    for n in range(2):
        for order in reversed(Order):
            clock.call_at(5, seen.append, f"{order.name} {n}", order=order)
    clock.run(5)
    assert seen == expected
    assert [order.name for order in Order] == ["PROGRESS", "TIMEOUT", "FAULT", "RETRY_DUE", "ARRIVAL", "TICK", "IDLE_EXPIRY"]


def test_timers_clause_1_a_call_may_add_calls_for_its_own_instant() -> None:
    clock = VirtualClock()
    seen: list[str] = []

    def first() -> None:
        seen.append("first")
        clock.call_at(5, seen.append, "expiry", order=Order.IDLE_EXPIRY)
        clock.call_at(5, seen.append, "progress")

    clock.call_at(5, first, order=Order.FAULT)
    clock.call_at(5, seen.append, "arrival", order=Order.ARRIVAL)
    clock.run(5)
    assert seen == ["first", "progress", "arrival", "expiry"]


def test_timers_clause_2_a_cancelled_call_never_runs() -> None:
    clock = VirtualClock()
    seen: list[int] = []
    timers = [clock.call_at(due, seen.append, due) for due in range(10)]
    for timer in timers[::2]:
        timer.cancel()
        timer.cancel()
    assert len(clock) == 5
    clock.run(10)
    assert seen == [1, 3, 5, 7, 9]
    timers[1].cancel()
    assert len(clock) == 0


def test_timers_clause_2_a_callback_may_cancel_another_of_its_instant() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    timer = clock.call_at(5, seen.append, "late", order=Order.TICK)
    clock.call_at(5, timer.cancel)
    clock.run(9)
    assert seen == []


def test_timers_clause_2_cancelled_entries_do_not_leak() -> None:
    clock = VirtualClock()
    live = [clock.call_at(1000 + n, lambda: None) for n in range(10)]
    for n in range(10_000):
        clock.call_at(5000 + n, lambda: None).cancel()
        assert clock._dead - len(clock) <= 64
    assert len(clock) == len(live)
    assert len(clock._heap) <= 2 * len(live) + 65


def test_timers_clause_2_random_cancelling_keeps_count() -> None:
    random = Random(3)
    clock = VirtualClock()
    due: dict[int, int] = {}
    ran: list[int] = []
    timers = {}
    for n in range(2000):
        when = random.randrange(1000)
        timers[n] = clock.call_at(when, ran.append, n)
        due[n] = max(when, clock.now())
        if random.random() < 0.7:
            gone = random.choice(list(timers))
            timers.pop(gone).cancel()
            due.pop(gone, None)
        if random.random() < 0.05:
            clock.step()
            if ran:
                timers.pop(ran[-1], None)
        assert len(clock) == len(timers)
    clock.run(2000)
    assert sorted(ran) == sorted(due)


def test_timers_clause_3_a_call_for_the_past_is_made_now() -> None:
    clock = VirtualClock()
    clock.run(50)
    seen: list[int] = []
    timer = clock.call_at(10, lambda: seen.append(clock.now()))
    assert timer.when == 50
    clock.run(60)
    assert seen == [50]


def test_clause_2_time_does_not_go_back() -> None:
    clock = VirtualClock()
    clock.run(50)
    with pytest.raises(UsageError, match="cannot go back"):
        clock.run(49)


def test_step_says_whether_anything_was_left() -> None:
    clock = VirtualClock()
    clock.call_at(7, lambda: None).cancel()
    assert clock.next_time() is None
    assert not clock.step()
    assert clock.now() == 0
    clock.call_at(7, lambda: None)
    assert clock.next_time() == 7
    assert clock.step()
    assert clock.now() == 7


def test_a_callback_that_raises_leaves_the_rest() -> None:
    clock = VirtualClock()
    seen: list[int] = []

    def broken() -> None:
        raise RuntimeError("broken")

    clock.call_at(1, broken)
    clock.call_at(2, seen.append, 2)
    with pytest.raises(RuntimeError, match="broken"):
        clock.run(5)
    assert clock.now() == 1
    clock.run(5)
    assert seen == [2]


def test_timers_clause_4_a_fired_timer_is_armed_again_with_its_order_and_other_arguments() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, int]] = []
    timer = clock.call_at(5, lambda name: seen.append((name, clock.now())), "first", order=Order.TICK)
    clock.run(5)
    assert not timer.live
    timer.args = ("again",)
    clock.call_again(timer, 9)
    clock.call_at(9, lambda: seen.append(("tick, but later", clock.now())), order=Order.TICK)
    clock.call_at(9, lambda: seen.append(("arrival", clock.now())), order=Order.ARRIVAL)
    assert (timer.live, timer.when, len(clock)) == (True, 9, 3)
    clock.run(20)
    assert seen == [("first", 5), ("arrival", 9), ("again", 9), ("tick, but later", 9)]


def test_timers_clause_4_a_timer_armed_for_the_past_is_called_now() -> None:
    clock = VirtualClock()
    seen: list[int] = []
    timer = clock.call_at(5, lambda: seen.append(clock.now()))
    clock.run(7)
    clock.call_again(timer, 6)
    clock.run(10)
    assert seen == [5, 7]


@pytest.mark.parametrize("again", [3, 10, 15])
def test_timers_clause_4_a_cancelled_call_stays_uncalled_when_its_timer_is_armed_again(again: int) -> None:
    clock = VirtualClock()
    seen: list[int] = []
    timer = clock.call_at(10, lambda: seen.append(clock.now()))
    timer.cancel()
    clock.call_again(timer, again)
    assert (len(clock), clock.next_time()) == (1, again)
    clock.run(20)
    assert seen == [again]
    assert len(clock) == 0
    timer.cancel()
    assert len(clock) == 0


def test_timers_clause_4_random_arming_and_cancelling_agrees_with_a_list() -> None:
    """Twenty timers, armed, cancelled and armed again at random: the calls are those of a sorted list of what is armed."""
    random = Random(5)
    clock = VirtualClock()
    seen: list[tuple[int, int]] = []
    timers = [clock.call_at(0, lambda number=number: seen.append((clock.now(), number))) for number in range(20)]
    clock.run(0)
    seen.clear()
    armed: dict[int, int] = {}
    expected: list[tuple[int, int]] = []
    for now in range(1, 400):
        for number in random.sample(range(20), 5):
            if number in armed:
                timers[number].cancel()
                del armed[number]
            else:
                armed[number] = now + random.randrange(30)  # the dict keeps the order of arming
                clock.call_again(timers[number], armed[number])
        due = [number for number, when in armed.items() if when == now]
        expected += [(now, number) for number in due]
        for number in due:
            del armed[number]
        clock.run(now)
        assert len(clock) == len(armed)
    assert seen == expected
    assert len(seen) > 100
