"""Clauses 6 and 7 of the queue: records of tasks change with their messages, and calls to destinations are kept until they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from fclab.errors import UsageError
from fclab.queues.base import Call, Change, Ending, Queue
from fclab.queues.errors import DuplicateTask
from fclab.queues.records import TaskQuery, TaskRecord
from tests.contract.queue_kit import IMPLEMENTATIONS, ended, entered, message, put, take


@pytest.fixture(params=IMPLEMENTATIONS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Queue]]:
    made: list[Queue] = []

    def one(**options: object) -> Queue:
        made.append(IMPLEMENTATIONS[request.param](**options))
        return made[-1]

    yield one
    for queue in made:
        queue.close()


@pytest.fixture
def queue(make: Callable[..., Queue]) -> Queue:
    return make()


def record(queue: Queue, request: int) -> TaskRecord:
    found = queue.task(request)
    assert found is not None
    return found


def numbers(queue: Queue, **query: object) -> list[int]:
    return [one.request for one in queue.tasks(TaskQuery(**query)).tasks]  # type: ignore[arg-type]


def run(queue: Queue, at: int, state: str = "Succeeded", function: str = "f", calls: tuple[Call, ...] = ()) -> None:
    """Deliver the first due message once, for one µs, and end it."""
    lease = take(queue, at, function)
    change = entered(at + 1, state, (at, "Running", ""), payload=b"out", error="boom" if state == "Failed" else "", calls=calls)
    assert ended(queue, lease, None, change)


def fail(queue: Queue, number: int) -> None:
    put(queue, message(number, payload=b"try"))
    run(queue, 0, "Failed")


def test_clause_6_a_record_from_the_first_day_to_the_last(queue: Queue) -> None:
    put(queue, message(7, task_id="order-7", payload=b"hello", cause=3))
    assert record(queue, 7) == TaskRecord(7, "1-00000007", "f", "order-7", "Enqueued", 0, cause=3, history=[(0, "Enqueued", "")])
    lease = take(queue, 5)
    running = record(queue, 7)
    assert (running.state, running.started, running.attempts, running.executions) == ("Running", 5, 1, 0)
    following = replace(lease.message, due=20, delivery=2, function_errors=1)
    ended(queue, lease, following, Change(((5, "Running", ""), (9, "Retrying", '{"Error": "boom"}')), 1))
    waiting = record(queue, 7)
    assert (waiting.state, waiting.started, waiting.ended, waiting.attempts, waiting.executions) == ("Retrying", 5, None, 1, 1)
    lease = take(queue, 20)
    ending = Ending(200, "UnhandledInvocationError", "boom ∞", b"trace")
    ended(queue, lease, None, Change(((20, "Running", ""), (31, "Failed", "boom")), 2, ending))
    last = record(queue, 7)
    assert last == replace(
        last, state="Failed", started=5, ended=31, attempts=2, executions=2, status=200, error_type="UnhandledInvocationError",
        error="boom ∞", payload=b"trace", destination="",
    )  # fmt: skip
    assert last.history == [
        (0, "Enqueued", ""), (5, "Running", ""), (9, "Retrying", '{"Error": "boom"}'), (20, "Running", ""), (31, "Failed", "boom"),
    ]  # fmt: skip
    assert queue.payload(7) == b"hello"


def test_clause_6_without_a_change_there_is_no_record(queue: Queue) -> None:
    put(queue, message(1, task_id="a"), message(2))
    ended(queue, take(queue, 0))
    queue.discard("f", 2)
    assert queue.task(1) is queue.task(2) is None
    assert not queue.known("f", "a")
    assert queue.payload(1) == b""


@pytest.mark.parametrize("size", [0, 4096, 4097, 1_000_000, 1_500_000])
def test_clause_6_of_an_outcome_one_mb_is_kept(queue: Queue, size: int) -> None:
    put(queue, message(1))
    ended(queue, take(queue, 0), None, entered(1, "Succeeded", payload=b"r" * size))
    assert len(record(queue, 1).payload) == min(size, 1_000_000)
    assert queue.tasks(TaskQuery()).tasks[0].payload == b"", "lists carry no payloads"


def test_clause_6_stopping(queue: Queue) -> None:
    put(queue, message(1), message(2))
    stored: list[int] = []
    assert queue.discard("f", 1, entered(4, "Stopped", (4, "Stopping", "")), lambda: stored.append(1)) is not None
    assert stored == [1]
    assert (record(queue, 1).state, record(queue, 1).ended, record(queue, 1).attempts) == ("Stopped", 4, 0)
    lease = take(queue, 5)
    queue.note(2, Change(((6, "Stopping", ""),)))
    assert record(queue, 2).state == "Stopping"
    ended(queue, lease, None, entered(7, "Stopped"))
    queue.note(2, Change(((8, "Stopping", ""),)))
    assert [state for _, state, _ in record(queue, 2).history] == ["Enqueued", "Stopping", "Stopped"], "an end is the end"


def test_clause_6_a_lease_that_ran_out_is_no_longer_running(queue: Queue) -> None:
    put(queue, message(1))
    take(queue, 3, until=9)
    queue.expire(9)
    back = record(queue, 1)
    assert (back.state, back.started, back.attempts) == ("Enqueued", 3, 1)


def test_a_task_id_is_given_once_a_function(queue: Queue) -> None:
    put(queue, message(1, task_id="a"), message(2, function="g", task_id="a"), message(3), message(4))
    assert queue.known("f", "a")
    assert not queue.known("f", "b")
    assert not queue.known("f", "")
    errors: list[Exception] = []
    queue.enqueue(message(5, task_id="a"), lambda: errors.append(AssertionError()), errors.append)
    assert [type(error) for error in errors] == [DuplicateTask]
    run(queue, 0)
    assert queue.known("f", "a"), "also when it has ended"
    with pytest.raises(DuplicateTask):
        queue.enqueue(message(6, task_id="a"), lambda: None)
    assert queue.waiting("f") == 2
    put(queue, message(7, task_id="b"))


def test_lists_filter_and_turn_pages(queue: Queue) -> None:
    for number in range(1, 8):
        put(queue, message(number, due=number, function="g" if number == 4 else "f", task_id=f"job-{number}" if number % 2 else ""))
    run(queue, 1)
    run(queue, 2, "Failed")
    run(queue, 3, "Expired")
    take(queue, 5)
    assert numbers(queue) == [7, 6, 5, 4, 3, 2, 1]
    assert numbers(queue, newest=False, limit=3) == [1, 2, 3]
    assert numbers(queue, function="g") == [4]
    assert numbers(queue, prefix="job-") == [7, 5, 3, 1]
    assert numbers(queue, prefix="job-3") == [3]
    assert numbers(queue, states=("Running",)) == [5]
    assert numbers(queue, states=("Enqueued", "Succeeded")) == [7, 6, 4, 1]
    assert numbers(queue, begin=2, end=5) == [3, 2]
    assert numbers(queue, dead=True, newest=False) == [2, 3]
    for newest in (True, False):
        seen: list[int] = []
        token = ""
        while True:
            page = queue.tasks(TaskQuery(function="f", limit=2, newest=newest, token=token))
            seen += [one.request for one in page.tasks]
            token = page.token
            if not token:
                break
        assert seen == sorted([1, 2, 3, 5, 6, 7], reverse=newest)
    assert queue.tasks(TaskQuery(limit=7)).token == "", "the last page says so, also when it is full"


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 101}, {"limit": True}, {"states": ("Gone",)}, {"token": "1 OR 1"}])
def test_a_senseless_query_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        TaskQuery(**wrong)  # type: ignore[arg-type]


def test_a_dead_letter_is_redriven_once(queue: Queue) -> None:
    fail(queue, 1)
    put(queue, message(2))
    letter = record(queue, 1)
    assert (letter.state, letter.redriven, queue.payload(1)) == ("Failed", 0, b"try")
    put(queue, message(3, payload=queue.payload(1), redrive_of=1))
    assert (record(queue, 1).redriven, record(queue, 3).redrive_of) == (3, 1)
    assert numbers(queue, dead=True) == []
    for number, wrong in ((1, DuplicateTask), (2, UsageError), (99, UsageError)):
        errors: list[Exception] = []
        queue.enqueue(message(4, redrive_of=number), partial(errors.append, AssertionError()), errors.append)
        assert [type(error) for error in errors] == [wrong]
    run(queue, 0)
    run(queue, 0, "Failed")
    assert numbers(queue, dead=True) == [3], "what failed again is a dead letter of its own"


def test_what_ended_long_ago_is_forgotten(queue: Queue) -> None:
    call = Call("g", b"")
    for number in range(1, 6):
        put(queue, message(number, task_id=f"t{number}"))
    run(queue, 10)
    run(queue, 10, calls=(call,))
    run(queue, 10, "Failed")
    run(queue, 20)
    assert queue.sweep(11) == 0, "at the last moment it is still there"
    assert queue.sweep(12) == 2
    assert numbers(queue) == [5, 4, 2], "those with somebody to tell stay"
    assert (queue.known("f", "t1"), queue.known("f", "t4")) == (False, True)
    assert numbers(queue, dead=True) == []
    queue.called(call, 30)
    assert (queue.sweep(12), numbers(queue)) == (1, [5, 4])
    assert queue.sweep(1 << 50) == 1
    assert queue.sweep(1 << 50) == 0
    assert numbers(queue) == [5], "what waits is never forgotten"


def test_clause_7_a_call_is_there_until_it_is_made(queue: Queue) -> None:
    put(queue, message(1), message(2), message(3))
    first, second = Call("g", b"one"), Call("queue:letters", b"two", due=4)
    run(queue, 0, calls=(first,))
    run(queue, 0, "Failed", calls=(second,))
    assert [(one.to, one.body, one.request) for one in queue.calls()] == [("g", b"one", 1), ("queue:letters", b"two", 2)]
    assert record(queue, 1).destination == "Pending"
    queue.call_again(first, 50, "g is gone")
    assert [(one.due, one.tries, one.error) for one in queue.calls()] == [(50, 1, "g is gone"), (4, 0, "")]
    queue.called(second, 5)
    queue.called(second, 5, error="told once")
    queue.called(first, 60, error="given up")
    assert queue.calls() == []
    assert (record(queue, 1).destination, record(queue, 2).destination) == ("Failed", "Succeeded")


def test_clause_7_a_call_to_a_function_ends_with_the_event_it_makes(queue: Queue) -> None:
    put(queue, message(1))
    call = Call("g", b"body")
    run(queue, 0, calls=(call,))
    errors: list[Exception] = []
    put(queue, message(2, function="g", task_id="a"))
    queue.enqueue(message(3, function="g", task_id="a", payload=call.body), partial(errors.append, AssertionError()), errors.append, call)
    assert [type(error) for error in errors] == [DuplicateTask]
    assert queue.calls() == [call], "no event, so the call is still to be made"
    queue.enqueue(message(3, function="g", payload=call.body, cause=1), lambda: None, None, call)
    assert queue.calls() == []
    assert record(queue, 1).destination == "Succeeded"
    run(queue, 0, function="g")
    assert take(queue, 0, "g").message.payload == b"body"
