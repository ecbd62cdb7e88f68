"""The contract of the async queue, clause by clause, for every implementation of `queue_kit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule, run_state_machine_as_test

from fclab.queues.base import Lease, Message, Queue
from fclab.queues.errors import QueueFull
from fclab.queues.memory import MemoryQueue
from tests.contract.queue_kit import IMPLEMENTATIONS, ended, message, put, take


@pytest.fixture(params=IMPLEMENTATIONS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Queue]]:
    """Makes queues of one kind, and closes them."""
    made: list[Queue] = []

    def one(**options: Any) -> Queue:
        made.append(IMPLEMENTATIONS[request.param](**options))
        return made[-1]

    yield one
    for queue in made:
        queue.close()


@pytest.fixture
def queue(make: Callable[..., Queue]) -> Queue:
    return make()


def test_clause_1_on_stored_comes_once_and_only_when_the_message_is_there(queue: Queue) -> None:
    seen: list[int] = []
    queue.enqueue(message(1), lambda: seen.append(queue.waiting()))
    assert seen == [1]


def test_clause_1_beyond_its_depth_the_queue_refuses_and_keeps_nothing(make: Callable[..., Queue]) -> None:
    queue = make(max_depth=2)
    put(queue, message(1), message(2))
    errors: list[Exception] = []
    queue.enqueue(message(3), lambda: errors.append(AssertionError()), errors.append)
    assert [type(error) for error in errors] == [QueueFull]
    with pytest.raises(QueueFull, match="2 events"):
        queue.enqueue(message(3), lambda: None)
    lease = take(queue, 0)
    with pytest.raises(QueueFull):
        queue.enqueue(message(3), lambda: None)
    assert ended(queue, lease, replace(lease.message, delivery=2)), "a retry is never refused"
    assert ended(queue, take(queue, 0))
    put(queue, message(3))
    assert queue.waiting() == 2


@pytest.mark.parametrize("size", [0, 1024, 4096, 4097, 128 * 1024])
def test_clause_2_the_payload_comes_with_every_lease(queue: Queue, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    put(queue, message(1, payload=body), message(2, due=9, payload=body))
    lease = take(queue, 0, until=5)
    assert lease.message.payload == body
    queue.expire(5)
    lease = take(queue, 5)
    assert lease.message.payload == body
    ended(queue, lease, replace(lease.message, due=8, delivery=3))
    found = queue.discard("f", 2)
    assert found is not None
    assert [take(queue, 8).message.payload, found.payload, queue.payload(1)] == [body] * 3


def test_clause_2_nothing_is_leased_before_it_is_due(queue: Queue) -> None:
    put(queue, message(1, due=10))
    assert queue.next_due("f") == 10
    assert queue.lease("f", 9, 100) is None
    assert take(queue, 10).message.request == 1


def test_clause_2_first_due_first_then_order_of_arrival(queue: Queue) -> None:
    put(queue, message(1, due=5), message(2, due=3), message(3, due=5), message(4, due=3))
    assert [take(queue, 9).message.request for _ in range(4)] == [2, 4, 1, 3]


def test_clause_2_functions_do_not_mix(queue: Queue) -> None:
    put(queue, message(1, function="g"), message(2))
    assert take(queue, 0).message.request == 2
    assert queue.lease("f", 0, 9) is None
    assert queue.lease("nobody", 0, 9) is None
    assert queue.next_due("nobody") is None
    assert take(queue, 0, "g").message.request == 1


def test_clause_2_a_leased_message_is_given_to_nobody_else(queue: Queue) -> None:
    put(queue, message(1))
    lease = take(queue, 0)
    assert queue.lease("f", 0, 9) is None
    assert queue.discard("f", 1) is None
    assert queue.next_due("f") is None
    assert (queue.waiting(), queue.waiting("f"), queue.leased()) == (0, 0, 1)
    assert ended(queue, lease)
    assert (queue.waiting(), queue.leased()) == (0, 0)


def test_clause_3_the_next_delivery_takes_the_place_in_one_step(queue: Queue) -> None:
    put(queue, message(1))
    lease = take(queue, 0)
    counts: list[tuple[int, int]] = []
    following = replace(lease.message, due=7, delivery=2, function_errors=1)
    assert queue.settle(lease, following, lambda: counts.append((queue.waiting(), queue.leased())))
    assert counts == [(1, 0)], "when it says stored the next is there and the lease is over"
    assert queue.lease("f", 6, 99) is None
    again = take(queue, 7)
    assert (again.message.delivery, again.message.function_errors, again.message.request) == (2, 1, 1)
    assert again.token != lease.token


def test_clause_3_a_retry_queues_behind_those_due_with_it(queue: Queue) -> None:
    put(queue, message(1), message(2, due=5))
    lease = take(queue, 0)
    ended(queue, lease, replace(lease.message, due=5, delivery=2))
    assert [take(queue, 5).message.request for _ in range(2)] == [2, 1]


def test_clause_4_an_overdue_lease_returns_its_message(queue: Queue) -> None:
    put(queue, message(1), message(2))
    late, timely = take(queue, 0, until=10), take(queue, 0, until=20)
    assert queue.expire(9) == []
    assert queue.expire(10) == ["f"]
    assert (queue.waiting(), queue.leased()) == (1, 1)
    assert take(queue, 10).message.request == late.message.request
    assert ended(queue, timely)


def test_clause_4_settling_after_the_expiry_does_nothing(queue: Queue) -> None:
    put(queue, message(1))
    lease = take(queue, 0, until=10)
    queue.expire(10)
    calls: list[int] = []
    assert not queue.settle(lease, replace(lease.message, due=50), lambda: calls.append(1))
    assert not queue.settle(lease, None, lambda: calls.append(1))
    assert calls == []
    again = take(queue, 10)
    assert (again.message.delivery, again.message.due) == (2, 0), "the old message came back, and the delivery that was begun counts"
    assert ended(queue, again)
    assert not ended(queue, again), "settling twice"
    assert (queue.waiting(), queue.leased()) == (0, 0)


def test_clause_4_an_expired_message_keeps_its_place_in_the_line(queue: Queue) -> None:
    put(queue, message(1), message(2))
    take(queue, 0, until=10)
    queue.expire(10)
    assert [take(queue, 10).message.request for _ in range(2)] == [1, 2]


def test_clause_4_expire_names_each_function_once(queue: Queue) -> None:
    put(queue, message(1), message(2), message(3, function="g"))
    for function in ("f", "f", "g"):
        take(queue, 0, function, until=10)
    assert sorted(queue.expire(99)) == ["f", "g"]
    assert queue.expire(99) == []


def test_discard_takes_a_waiting_message_out(queue: Queue) -> None:
    put(queue, message(1), message(2), message(3, due=9))
    found = queue.discard("f", 2)
    assert found is not None
    assert found.request == 2
    assert queue.discard("f", 2) is None
    assert queue.discard("g", 1) is None
    assert (queue.waiting("f"), queue.waiting()) == (2, 2)
    assert [take(queue, 9).message.request for _ in range(2)] == [1, 3]
    assert queue.next_due("f") is None


def test_discard_of_the_first_message_moves_the_due_time(queue: Queue) -> None:
    put(queue, message(1, due=1), message(2, due=8))
    queue.discard("f", 1)
    assert queue.next_due("f") == 8


class Machine(RuleBasedStateMachine):
    """Clause 5, and the others beside it: whatever is done, stored = waiting + leased, and no message is lost or doubled."""

    make: ClassVar[Callable[[], Queue]] = MemoryQueue
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.queue = type(self).make()
        self.now = 0
        self.number = 0
        self.waiting: dict[int, Message] = {}
        self.out: dict[int, tuple[Lease, Message]] = {}

    @rule(due=st.integers(0, 5), function=st.sampled_from("fg"), size=st.sampled_from([1, 5000]))
    def enqueue(self, due: int, function: str, size: int) -> None:
        self.number += 1
        new = message(self.number, self.now + due, function, b"%d" % self.number * size)
        put(self.queue, new)
        self.waiting[new.request] = new

    @rule(by=st.integers(0, 4))
    def pass_time(self, by: int) -> None:
        self.now += by

    @rule(target=leases, function=st.sampled_from("fg"), held=st.integers(0, 6))
    def lease(self, function: str, held: int) -> Lease | None:
        due = sorted(one.due for one in self.waiting.values() if one.function == function and one.due <= self.now)
        lease = self.queue.lease(function, self.now, self.now + held)
        assert (lease is None) == (not due)
        if lease is not None:
            mine = self.waiting.pop(lease.message.request)
            assert lease.message.due == due[0]
            assert lease.message.delivery == mine.delivery
            assert lease.message.payload == mine.payload
            self.out[lease.token] = lease, mine
        return lease

    @rule(lease=consumes(leases), again=st.none() | st.integers(0, 5))
    def settle(self, lease: Lease | None, again: int | None) -> None:
        if lease is None:
            return
        held = self.out.pop(lease.token, None)
        following = None if again is None else replace(lease.message, due=self.now + again, delivery=lease.message.delivery + 1)
        assert ended(self.queue, lease, following) == (held is not None)
        if held is not None and following is not None:
            self.waiting[following.request] = following

    @rule()
    def expire(self) -> None:
        over = [token for token, (lease, _) in self.out.items() if lease.until <= self.now]
        functions = {self.out[token][1].function for token in over}
        assert set(self.queue.expire(self.now)) == functions
        for token in over:
            _, back = self.out.pop(token)
            self.waiting[back.request] = replace(back, delivery=back.delivery + 1)

    @precondition(lambda self: self.number > 0)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        request = data.draw(st.integers(1, self.number))
        mine = self.waiting.get(request)
        found = self.queue.discard(mine.function if mine else "f", request)
        assert (found is None) == (mine is None)
        self.waiting.pop(request, None)

    @invariant()
    def clause_5_nothing_is_lost(self) -> None:
        assert self.queue.waiting() == len(self.waiting)
        assert self.queue.leased() == len(self.out)
        for function in "fg":
            mine = [one.due for one in self.waiting.values() if one.function == function]
            assert self.queue.waiting(function) == len(mine)
            assert self.queue.next_due(function) == min(mine, default=None)

    def teardown(self) -> None:
        self.queue.close()


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_clause_5_conservation(name: str) -> None:
    machine: Any = type("Machine", (Machine,), {"make": staticmethod(IMPLEMENTATIONS[name])})
    examples = 60 if name == "memory" else 25
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))
