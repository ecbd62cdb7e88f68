"""Queues: what the message service promises, in virtual time and over real processes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import AsyncConfig, Lab
from fclab.errors import LabClosed, SourceError, UsageError
from fclab.observe import events as e
from tests.unit.message_kit import code_of


@pytest.fixture(params=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(request.param) as made:
        yield made


def test_a_message_is_sent_received_and_deleted(lab: Lab) -> None:
    sent = lab.queues.send("jobs", "hello")
    assert sent["md5"] == "5D41402ABC4B2A76B9719D911017C592"
    (got,) = lab.queues.receive("jobs", 16)
    assert {key: got[key] for key in ("id", "body", "md5", "priority", "dequeue_count")} == {
        "id": sent["id"], "body": b"hello", "md5": sent["md5"], "priority": 8, "dequeue_count": 1,
    }  # fmt: skip
    assert got["next_visible"] - got["first_dequeued"] == pytest.approx(30)
    assert lab.queues.receive("jobs") == [], "clause 1: one receiver at a time"
    assert lab.queues["jobs"] == [b"hello"], "as a mapping it has what is hidden too"
    lab.queues.delete("jobs", got["receipt"])
    assert lab.queues["jobs"] == []
    assert code_of(lambda: lab.queues.delete("jobs", got["receipt"])) == "MessageNotExist"


def test_clause_1_after_the_time_out_it_is_visible_again_and_the_receipt_is_over() -> None:
    lab = Lab()
    lab.queues.send("jobs", "x")
    (first,) = lab.queues.receive("jobs", visibility=5)
    lab.run_for(4.999999)
    assert lab.queues.receive("jobs") == []
    lab.run_for(0.000001)
    assert code_of(lambda: lab.queues.delete("jobs", first["receipt"])) == "MessageNotExist"
    (second,) = lab.queues.receive("jobs")
    assert (second["id"], second["dequeue_count"], second["first_dequeued"], second["next_visible"]) == (first["id"], 2, 0, 35)
    assert code_of(lambda: lab.queues.delete("jobs", first["receipt"])) == "MessageNotExist"
    lab.queues.delete("jobs", second["receipt"])


def test_visibility_changes_and_the_old_receipt_is_over() -> None:
    lab = Lab()
    lab.queues.send("jobs", "x")
    (got,) = lab.queues.receive("jobs", visibility=5)
    lab.run_for(4)
    new = lab.queues.change_visibility("jobs", got["receipt"], 100)
    assert new["next_visible"] == 104
    assert code_of(lambda: lab.queues.change_visibility("jobs", got["receipt"], 9)) == "MessageNotExist"
    lab.run_for(99)
    lab.queues.delete("jobs", new["receipt"])
    assert lab.queues == {"jobs": []}


def test_clause_1_a_delayed_message_waits() -> None:
    lab = Lab()
    lab.queues.create("jobs", delay=60)
    lab.queues.send("jobs", "later")
    lab.queues.send("jobs", "now", delay=0)
    assert lab.queues.attributes("jobs") == {
        "name": "jobs", "delay": 60, "visibility": 30, "retention": 345_600, "active": 1, "inactive": 0, "delayed": 1,
    }  # fmt: skip
    assert [one["body"] for one in lab.queues.peek("jobs", 16)] == [b"now"]
    lab.queues.receive("jobs")
    assert [lab.queues.attributes("jobs")[key] for key in ("active", "inactive", "delayed")] == [0, 1, 1]
    lab.run_for(60)
    assert [one["body"] for one in lab.queues.receive("jobs", 16)] == [b"later", b"now"], "clause 2: what was sent first"
    assert lab.queues["jobs"] == [b"later", b"now"], "oldest first, whatever is visible"


def test_clause_2_priority_comes_first_then_age() -> None:
    lab = Lab()
    lab.queues.send_many("jobs", ["a", {"body": "b", "priority": 1}, {"body": "c", "priority": 16}, "d", {"body": "e", "priority": 1}])
    assert [one["body"] for one in lab.queues.receive("jobs", 16)] == [b"b", b"e", b"a", b"d", b"c"]


def test_clause_3_retention_ends_messages_but_not_those_of_destinations() -> None:
    lab = Lab()
    lab.queues.create("short", retention=60)
    lab.queues.send("short", "x")

    @lab.function(async_config=AsyncConfig(on_success="queue:kept"))
    def f(event: bytes, context: object) -> None: ...

    lab.invoke_async("f")
    lab.run()
    lab.run_for(59)
    assert len(lab.queues["short"]) == 1
    lab.run_for(1)
    assert lab.queues["short"] == []
    lab.run_for(30 * 86_400)
    assert len(lab.queues["kept"]) == 1


def test_queues_are_made_changed_listed_and_deleted(lab: Lab) -> None:
    lab.queues.create("b")
    lab.queues.create("b")
    assert code_of(lambda: lab.queues.create("b", delay=1)) == "QueueAlreadyExist"
    lab.queues.set_attributes("b", delay=1, retention=None)
    assert (lab.queues.attributes("b")["delay"], lab.queues.attributes("b")["retention"]) == (1, None)
    lab.queues.send("a", "x")
    assert (list(lab.queues), lab.queues.list(), lab.queues.list("b")) == (["b", "a"], ["a", "b"], ["b"])
    assert ("a" in lab.queues, "c" in lab.queues, lab.queues.get("c", 7), len(lab.queues)) == (True, False, 7, 2)
    assert [lab.queues.delete_queue("a"), lab.queues.delete_queue("a")] == [True, False]
    assert lab.queues == {"b": []}
    with pytest.raises(KeyError):
        lab.queues["a"]


def test_wrong_use_of_queues_is_one_clear_error_each() -> None:
    lab = Lab()
    queues = lab.queues
    odd: Any = 5
    queues.create("q")
    for act in (
        lambda: queues.send("q", ""), lambda: queues.send("q", b"x" * 65_537), lambda: queues.send("q", "x", delay=604_801),
        lambda: queues.send("q", "x", delay=-1), lambda: queues.send("q", "x", priority=0), lambda: queues.send("q", "x", priority=17),
        lambda: queues.send_many("q", []), lambda: queues.send_many("q", ["x"] * 17), lambda: queues.send("-q", "x"),
        lambda: queues.receive("q", 17), lambda: queues.receive("q", visibility=0), lambda: queues.receive("q", visibility=43_201),
        lambda: queues.create("x" * 121), lambda: queues.create("r", retention=59), lambda: queues.create("r", visibility=0),
    ):  # fmt: skip
        assert code_of(act) == "InvalidArgument"
    for act in (lambda: queues.receive("no"), lambda: queues.peek("no"), lambda: queues.attributes("no"), lambda: queues.delete("no", "x")):
        assert code_of(act) == "QueueNotExist"
    for handle in ("", "nonsense", "8-????", 5):
        assert code_of(lambda handle=handle: queues.delete("q", handle)) == "ReceiptHandleError"  # type: ignore[misc]
    for wrong in (lambda: queues.send("q", odd), lambda: queues.send_many("q", [{"te": "x"}]), lambda: queues.set_attributes("q", size=1)):
        with pytest.raises(UsageError):
            wrong()
    assert lab.queues == {"q": []}, "nothing was sent"


def test_a_batch_is_sent_whole_or_not_at_all() -> None:
    lab = Lab()
    assert code_of(lambda: lab.queues.send_many("q", ["good", ""])) == "InvalidArgument"
    assert lab.queues == {}


def test_a_handler_works_on_a_queue(lab: Lab) -> None:
    @lab.function
    def worker(event: bytes, context: Any) -> Any:
        context.queues.send("out", b"\x00\xff", priority=2)
        (got,) = context.queues.receive("out")
        context.queues.delete("out", got["receipt"])
        try:
            context.queues.delete("out", got["receipt"])
        except ValueError as error:
            return [list(got["body"]), got["priority"], error.code]  # type: ignore[attr-defined]

    answer = lab.invoke("worker")
    assert answer.json() == [[0, 255], 2, "MessageNotExist"], answer.logs
    changed = [(one.source, one.request) for one in lab.recording.events if isinstance(one, e.SourceChanged)]
    assert changed == [("queues out", 1)] * 3


# ---- destinations


def test_what_a_destination_tells_can_be_received_and_stays_readable(lab: Lab) -> None:
    @lab.function(async_config=AsyncConfig(on_success="queue:done", max_retries=0))
    def f(event: bytes, context: object) -> str:
        return "well"

    assert lab.queues == {}
    lab.invoke_async("f")
    lab.run()
    (got,) = lab.queues.receive("done")
    assert json.loads(got["body"])["responsePayload"] == "well"
    assert lab.queues["done"] == [got["body"]]
    lab.close()
    assert dict(lab.queues) == {"done": [got["body"]]}, "a mapping of what was there, after the end"
    with pytest.raises(LabClosed):
        lab.queues.send("done", "x")


def test_a_closed_lab_that_never_had_queues_has_none() -> None:
    lab = Lab()
    lab.close()
    assert lab.queues == {}
    with pytest.raises(LabClosed):
        lab.queues.list()


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_clause_4_a_call_that_was_delivered_before_the_end_is_not_delivered_again(backend: str, tmp_path: Path) -> None:
    """The lab ends between the delivery to the queue and the note that the call is over."""
    config = AsyncConfig(on_success="queue:done", max_retries=0)

    def f(event: bytes, context: object) -> str:
        return event.decode()

    with Lab(backend, home=tmp_path) as lab:
        lab.function(async_config=config)(f)
        lab._driver.ask(setattr, lab._platform.queue, "called", lambda *args, **options: None)
        lab.invoke_async("f", "one")
        lab.run()
        (got,) = lab.queues.receive("done")
        lab.queues.delete("done", got["receipt"])
        lab.invoke_async("f", "two")
        lab.run()
    for _ in range(2):
        with Lab(backend, home=tmp_path) as lab:
            lab.function(async_config=config)(f)
            lab.run()
            assert [json.loads(body)["responsePayload"] for body in lab.queues["done"]] == ["two"]


def test_a_queue_that_cannot_take_it_is_told_again() -> None:
    lab = Lab()

    @lab.function(async_config=AsyncConfig(on_success="queue:done"))
    def f(event: bytes, context: object) -> None: ...

    real = lab._platform.hub.deliver
    failures = iter([True, True])

    def deliver(to: str, body: bytes, request: int) -> None:
        if next(failures, False):
            raise SourceError("InternalError", "the disk is full")
        real(to, body, request)

    lab._platform.hub.deliver = deliver  # type: ignore[method-assign]
    lab.invoke_async("f")
    lab.run()
    assert len(lab.queues["done"]) == 1


def test_the_cost_of_a_message_does_not_grow() -> None:
    lab = Lab(record=False)
    queues = lab.queues

    def cost(messages: int) -> float:
        began = time.process_time()
        for _ in range(messages):
            queues.send("q", "x")
            queues.receive("q", visibility=43_200)
        return (time.process_time() - began) / messages

    cost(200)
    early = min(cost(500) for _ in range(3))
    cost(10_000)
    late = min(cost(500) for _ in range(3))
    assert late < 2 * early
