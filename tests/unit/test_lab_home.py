"""Labs with a home, in virtual time: what is left when one ends, and how the next one goes on."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.errors import UsageError
from fclab.observe.events import DeliveryStarted, RequestAccepted, RequestRejected
from fclab.observe.metrics import metrics
from fclab.observe.recording import Recording
from fclab.queues.errors import HomeRefused


def declared(home: Path, got: list[str], fails: int = 0, **options: Any) -> Lab:
    """A lab whose function notes the ids of the requests that it ran, and fails the first `fails` deliveries of each."""
    lab = Lab(home=home, profile="instant", **{name[4:]: value for name, value in options.items() if name.startswith("lab_")})

    @lab.function(name="f", **{name: value for name, value in options.items() if not name.startswith("lab_")})
    def f(event: bytes, context: Any) -> str:
        got.append(context.request_id)
        if context.retry_count < fails:
            raise ValueError("not yet")
        return event.decode()

    return lab


def test_an_event_that_waits_is_run_by_the_next_lab(tmp_path: Path) -> None:
    got: list[str] = []
    lab = declared(tmp_path, got)
    task = lab.invoke_async("f", "later", delay=60)
    assert task.accepted is not None
    assert task.accepted.status == 202
    lab.run(until=20)
    lab.close()
    assert got == []

    lab = declared(tmp_path, got)
    assert lab.now == 20, "virtual time goes on where it was left"
    lab.run()
    assert got == [task.request_id]
    assert lab.recording.select(DeliveryStarted)[0].time == 60
    lab.close()

    lab = declared(tmp_path, got)
    lab.run()
    assert len(got) == 1, "what has ended stays so"
    lab.close()


def test_a_retry_keeps_its_time_and_its_counts(tmp_path: Path) -> None:
    got: list[str] = []
    lab = declared(tmp_path, got, fails=9, async_config=AsyncConfig(max_retries=3, first_delay=100, cap=10_000))
    lab.invoke_async("f", "x")
    lab.run(until=150)  # executions at 0 and 100; the next one is due at 300
    lab.close()
    assert len(got) == 2

    lab = declared(tmp_path, got, fails=9, async_config=AsyncConfig(max_retries=3, first_delay=100, cap=10_000))
    lab.run()
    assert len(got) == 4
    assert [event.time for event in lab.recording.select(DeliveryStarted)] == [300, 700]
    assert [event.attempt for event in lab.recording.select(DeliveryStarted)] == [3, 4]
    record = lab._platform.queue.task(1)
    assert record is not None
    assert (record.state, record.attempts, record.executions) == ("Failed", 4, 4)
    entered = [state for _, state, _ in record.history]
    assert entered == ["Enqueued", *["Running", "Retrying"] * 3, "Running", "Failed"]
    lab.close()


def test_events_of_a_function_that_is_not_declared_wait_for_it(tmp_path: Path) -> None:
    got: list[str] = []
    lab = declared(tmp_path, got)
    lab.invoke_async("f", delay=5)
    lab.close()

    lab = Lab(home=tmp_path)
    lab.declare("g", duration=1)
    lab.invoke("g")
    lab.run()
    assert lab._platform.queue.waiting() == 1
    lab.close()

    lab = declared(tmp_path, got)
    lab.run()
    assert len(got) == 1
    lab.close()


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    """Sync requests leave nothing in the home, so a later life counts on from what is there; the id says which life it was."""
    seen: set[str] = set()
    for _ in range(3):
        lab = declared(tmp_path, [])
        responses = [lab.invoke("f"), lab.invoke("f")]
        tasks = [lab.invoke_async("f"), lab.invoke_async("f")]
        lab.run()
        new = {*(one.request_id for one in responses), *(one.request_id for one in tasks)}
        assert len(new) == 4
        assert not new & seen
        seen |= new
        lab.close()


def test_a_home_is_open_once(tmp_path: Path) -> None:
    lab = declared(tmp_path, [])
    with pytest.raises(HomeRefused, match="open in another lab"):
        Lab(home=tmp_path)
    with pytest.raises(UsageError, match="has a home"):
        lab.fresh()
    del lab
    gc.collect()
    Lab(home=tmp_path).close()


def test_a_task_id_is_known_in_the_next_life(tmp_path: Path) -> None:
    lab = declared(tmp_path, [])
    assert lab.invoke_async("f", task_id="order-7").status == 202
    lab.run()
    lab.close()
    lab = declared(tmp_path, [])
    assert lab.invoke_async("f", task_id="order-7").status == 409
    lab.close()


def test_a_full_queue_refuses(tmp_path: Path) -> None:
    for home in (None, tmp_path):
        lab = Lab(home=home, max_waiting=3)
        lab.declare("f", duration=1, max_instances=1)
        tasks = [lab.invoke_async("f") for _ in range(5)]
        assert [task.status for task in tasks] == [202, 202, 202, 429, 429]
        assert len(lab.recording.select(RequestAccepted)) == 3
        assert {event.status for event in lab.recording.select(RequestRejected)} == {429}
        lab.run()
        assert lab.invoke_async("f").status == 202
        lab.run()
        lab.close()


def test_letters_and_calls_survive(tmp_path: Path) -> None:
    config = AsyncConfig(on_success="queue:done", on_failure="nobody", max_retries=0)
    got: list[str] = []
    lab = declared(tmp_path, got, async_config=config)
    lab.invoke_async("f", "one")
    lab.run()
    letters = dict(lab.queues)
    assert len(letters["done"]) == 1
    lab.close()

    lab = declared(tmp_path, got, fails=9, async_config=config)
    assert lab.queues == letters
    lab.invoke_async("f", "two")
    lab.run(until=lab.now + 3)  # "nobody" has refused a few times
    lab.close()

    told: list[bytes] = []
    lab = declared(tmp_path, got, async_config=config)
    lab.function(name="nobody")(lambda event, context: told.append(event))
    lab.run()
    assert len(told) == 1
    assert b"two" in told[0]
    lab.close()


def test_a_stopped_task_stays_so(tmp_path: Path) -> None:
    got: list[str] = []
    lab = declared(tmp_path, got)
    task = lab.invoke_async("f", delay=10)
    assert task.stop()
    assert task.state == "Stopped"
    lab.close()
    lab = declared(tmp_path, got)
    lab.run()
    assert got == []
    record = lab._platform.queue.task(1)
    assert record is not None
    assert record.state == "Stopped"
    lab.close()


def test_a_home_makes_no_difference_to_a_run(tmp_path: Path) -> None:
    """The same work with and without a home leaves the same recording."""
    digests = []
    for home in (None, tmp_path):
        lab = Lab(home=home, seed=3, max_instances=2)
        lab.declare("f", duration="exponential(0.2)", async_config=AsyncConfig(on_success="g"))
        lab.declare("g", duration=0.1)
        lab.faults.add("queue->dispatcher", drop=0.2)
        lab.traffic("f", rate=5, duration=20, mode="async")
        lab.run()
        digests.append(lab.table())
        lab.close()
    assert digests[0] == digests[1]


def test_averages_are_those_of_the_life_that_was_recorded(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path / "home", profile="instant")
    lab.declare("f", duration=2)
    lab.invoke_at("f", [0, 1000])
    lab.run()
    lab.close()
    lab = Lab(home=tmp_path / "home", profile="instant", max_instances=1)
    assert (lab.now, lab.metrics().running.mean()) == (1002, 0)
    assert lab.metrics().queue_depth.mean() == lab.metrics().queue_age.mean() == 0
    lab.declare("f", duration=2)
    for _ in range(2):
        lab.invoke_async("f")
    lab.run()
    lab.run(until=1010)
    path = lab.recording.save(tmp_path / "r")
    for recording in (lab.recording, lab.recording.copy(), Recording.load(path)):
        found = metrics(recording)
        assert (found.running.mean(), found.queue_depth.mean(), found.queue_age.mean()) == (0.5, 0.25, 0.25)
        assert found.running.mean(1002, 1004) == 1
        assert found.queue_age.points()[0] == (1002, 0)
    lab.close()


def test_events_of_undeclared_functions_count_nowhere_until_they_are_declared(tmp_path: Path) -> None:
    lab = Lab(home=tmp_path, profile="instant", max_waiting=3)
    lab.declare("f", duration=1)
    for _ in range(3):
        lab.invoke_async("f", delay=50)
    lab.close()
    lab = Lab(home=tmp_path, profile="instant", max_waiting=3)
    lab.declare("g", duration=1)
    tasks = [lab.invoke_async("g", delay=5) for _ in range(4)]
    assert [task.status for task in tasks] == [202, 202, 202, 429]
    lab.run(until=1)
    assert lab.metrics().queue_depth.maximum == 3
    assert lab.task(1).stop()
    assert lab.invoke_async("g").status == 429, "who is stopped had no part in it"
    lab.run(until=10)
    lab.declare("f", duration=1)
    assert lab.metrics().queue_depth.at(10) == 2
    assert [lab.invoke_async("g", delay=5).status for _ in range(2)] == [202, 429]
    lab.run()
    assert [lab.invoke_async("g").status for _ in range(3)] == [202] * 3
    lab.close()


def says_what_utf_8_cannot(event: bytes, context: Any) -> None:
    raise ValueError("a\udcff")


def says_nothing(event: bytes, context: Any) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    raise Mute


@pytest.mark.parametrize(
    ("handler", "told"), [(says_what_utf_8_cannot, r"ValueError: a\udcff"), (says_nothing, "Mute: <Mute without text>")]
)
@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_an_error_that_no_file_can_hold_is_spelled_out(backend: Any, handler: Any, told: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.function(name="f", async_config=AsyncConfig(max_retries=0))(handler)
        task = lab.invoke_async("f")
        lab.run()
        record = lab._driver.ask(lab._platform.queue.task, 1)
        assert (task.state, task.result().error) == ("Failed", told)
        assert record is not None
        assert (record.state, record.error) == ("Failed", told)


def test_a_destination_whose_name_no_file_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="names a function"):
        AsyncConfig(on_success="queue:\udcff")
