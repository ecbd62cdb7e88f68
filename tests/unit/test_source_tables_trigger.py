"""The trigger on a table: its event, order, retries, expiry, and what is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from fclab import Lab, LoopDetected, TablestoreTrigger
from fclab.backends.virtual.handler_time import EPOCH_US
from fclab.controls.desks import TriggerHandle, hub_of
from fclab.errors import SourceError, UsageError
from fclab.observe import events as e

HOUR = 3600.0


class Bench:
    """A virtual lab with a table "t" (kept for `expire` hours) and a function "f" that notes the numbers it gets and fails as told."""

    def __init__(self, expire: int = 24, **lab: Any) -> None:
        self.lab = Lab(**lab)
        self.calls: list[list[int]] = []
        self.failing = False
        self.lab.tables.create_table("t", {"n": "INTEGER"}, expire=expire)

        def f(event: bytes, context: object) -> None:
            self.calls.append(numbers(event))
            if self.failing:
                raise ValueError("not now")

        self.lab.function(f)

    def watch(self) -> TriggerHandle:
        return self.lab.trigger("f", TablestoreTrigger(table="t"))

    def put(self, *rows: int) -> None:
        for n in rows:
            self.lab.tables.put_row("t", {"n": n})

    def records(self) -> int:
        (count,) = hub_of(self.lab._driver).store.one("SELECT count(*) FROM table_stream") or (0,)
        return int(count)


def numbers(event: bytes) -> list[int]:
    return [record["PrimaryKey"][0]["Value"] for record in cbor2.loads(event)["Records"]]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.lab:
        yield made


def test_the_event_is_the_documented_document() -> None:
    """The product's page on the event format of Tablestore triggers, field by field."""
    events: list[bytes] = []
    lab = Lab()
    lab.tables.create_table("orders", {"user": "INTEGER", "order": "STRING", "raw": "BINARY"})

    @lab.function
    def f(event: bytes, context: object) -> None:
        events.append(event)

    lab.trigger("f", TablestoreTrigger(table="orders"))
    lab.run(until=1.5)
    key = {"user": 7, "order": "b", "raw": b"\x00"}
    lab.tables.put_row("orders", key, {"f": 1.5, "s": "ü", "b": True, "raw2": b"\xff"})
    lab.tables.update_row("orders", key, {"i": 3}, ["s"], {"n": 2})
    lab.tables.delete_row("orders", key)
    lab.tables.delete_row("orders", key)
    lab.run()
    at = EPOCH_US + 1_500_000
    names = [{"ColumnName": "user", "Value": 7}, {"ColumnName": "order", "Value": "b"}, {"ColumnName": "raw", "Value": b"\x00"}]

    def put(name: str, value: object) -> dict[str, object]:
        return {"Type": "Put", "ColumnName": name, "Value": value, "Timestamp": at // 1000}

    gone = {"Type": "DeleteAllVersions", "ColumnName": "s", "Value": None, "Timestamp": at // 1000}
    columns = [[put("f", 1.5), put("s", "ü"), put("b", True), put("raw2", b"\xff")], [put("i", 3), put("n", 2), gone], []]
    kinds = ["PutRow", "UpdateRow", "DeleteRow"]
    assert [cbor2.loads(event) for event in events] == [
        {
            "Version": "Sync-v1",
            "Records": [
                {"Type": kind, "Info": {"Timestamp": at}, "PrimaryKey": names, "Columns": those}
                for kind, those in zip(kinds, columns, strict=True)
            ],
        }
    ]
    assert [type(column["Value"]) for column in cbor2.loads(events[0])["Records"][0]["Columns"]] == [float, str, bool, bytes]


def test_the_example_has_the_form_of_a_real_event() -> None:
    document = cbor2.loads(TablestoreTrigger.example())
    assert document["Version"] == "Sync-v1"
    assert [record["Type"] for record in document["Records"]] == ["PutRow", "UpdateRow"]
    assert [list(record) for record in document["Records"]] == [["Type", "Info", "PrimaryKey", "Columns"]] * 2


def test_records_come_in_order_in_batches_of_100_or_4_mb(bench: Bench) -> None:
    """Clause 1 of the trigger."""
    bench.watch()
    bench.put(*range(250))
    bench.lab.run()
    assert [len(call) for call in bench.calls] == [100, 100, 50]
    assert [n for call in bench.calls for n in call] == list(range(250))
    for n in range(6):
        bench.lab.tables.put_row("t", {"n": n}, {"big": bytes((1 << 20) + 1)})
    bench.lab.run()
    assert bench.calls[3:] == [[0, 1, 2], [3, 4, 5]]
    assert {event.mode for event in bench.lab.recording.events if isinstance(event, e.RequestAccepted)} == {"sync"}


def test_a_new_trigger_begins_with_what_comes_and_a_disabled_one_goes_on_where_it_stood(bench: Bench) -> None:
    """Clause 4 of the trigger."""
    bench.put(1)
    handle = bench.watch()
    bench.lab.run()
    assert bench.calls == []
    bench.put(2)
    bench.lab.run()
    handle.disable()
    bench.put(3)
    bench.lab.run()
    assert bench.calls == [[2]]
    handle.enable()
    bench.lab.run()
    assert bench.calls == [[2], [3]]


def test_a_trigger_disabled_and_enabled_during_a_call_sends_nothing_twice() -> None:
    lab = Lab()
    lab.tables.create_table("t", {"n": "INTEGER"})
    lab.declare("f", duration=2)
    handle = lab.trigger("f", TablestoreTrigger(table="t"))
    lab.tables.put_row("t", {"n": 1})
    lab.run_for(1)
    handle.disable()
    handle.enable()
    lab.tables.put_row("t", {"n": 2})
    lab.run()
    accepted = [event.request for event in lab.recording.events if isinstance(event, e.RequestAccepted)]
    sent = [numbers(bytes(lab.recording.payloads[number, "event"])) for number in accepted]  # type: ignore[arg-type]
    assert sent == [[1], [2]]


def test_two_triggers_each_get_everything(bench: Bench) -> None:
    lab, others = bench.lab, []

    @lab.function
    def g(event: bytes, context: object) -> None:
        others.extend(numbers(event))

    bench.watch()
    lab.trigger("g", TablestoreTrigger(table="t"))
    bench.put(1, 2)
    lab.run()
    assert (bench.calls, others) == ([[1, 2]], [1, 2])


def test_a_failing_batch_is_repeated_with_what_has_come_and_ever_later(bench: Bench) -> None:
    """Clause 3 of the trigger."""
    handle = bench.watch()
    bench.failing = True
    bench.put(1)
    bench.lab.run(until=200)
    bench.put(2)
    bench.failing = False
    bench.lab.run()
    fired = [event for event in bench.lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [event.attempt for event in fired] == list(range(1, len(fired) + 1))
    failed = [event.time for event in bench.lab.recording.events if isinstance(event, e.RequestFailed)]
    waits = [round(after.time - before, 6) for before, after in zip(failed, fired[1:], strict=True)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60][: len(waits)]
    assert len(waits) >= 8
    assert bench.calls == [[1]] * (len(fired) - 1) + [[1, 2]]
    assert handle.undelivered == []


def test_a_batch_that_fails_until_it_expires_is_kept_and_the_rest_goes_on() -> None:
    """Clause 3 of the trigger; clause 2 of the feeds: exactly the expired records are lost."""
    bench = Bench(expire=1)
    handle = bench.watch()
    bench.failing = True
    bench.put(1, 2)
    bench.lab.run(until=HOUR / 2)
    bench.put(3)
    bench.lab.run(until=HOUR + 120)
    (kept,) = handle.undelivered
    assert numbers(kept.payload) == [1, 2]
    assert kept.attempts > 50
    assert "StreamExpired: not taken within 1 h" in kept.reason
    assert "ValueError: not now" in kept.reason
    (gave_up,) = [event for event in bench.lab.recording.events if isinstance(event, e.TriggerGaveUp)]
    assert gave_up.reason == kept.reason
    assert HOUR <= gave_up.time <= HOUR + 61
    assert bench.calls[-1] == [3]
    bench.failing = False
    bench.put(4)
    bench.lab.run()
    assert bench.calls[-1] in ([3, 4], [4])
    assert {n for call in bench.calls for n in call} == {1, 2, 3, 4}
    assert handle.redeliver() == 1
    bench.lab.run()
    assert bench.calls[-1] == [1, 2]
    assert handle.undelivered == []


@pytest.mark.parametrize("how", ["trigger", "function"])
def test_what_expires_while_nothing_is_sent_is_kept_too(how: str) -> None:
    bench = Bench(expire=1)
    handle = bench.watch()
    if how == "trigger":
        handle.disable()
    else:
        hub_of(bench.lab._driver).platform.functions.pop("f")
    bench.put(*range(150))
    bench.lab.run(until=3 * HOUR)
    assert [numbers(one.payload) for one in handle.undelivered] == [list(range(100)), list(range(100, 150))]
    assert bench.records() == 0
    assert bench.calls == []


def test_a_stream_is_trimmed_and_its_numbers_go_on() -> None:
    """Clause 3 of the feeds."""
    bench = Bench(expire=2)
    bench.watch()
    for hour in range(6):
        bench.lab.run(until=hour * HOUR)
        bench.put(hour)
    assert bench.records() <= 4
    bench.lab.run(until=12 * HOUR)
    assert bench.records() == 0
    bench.put(99)
    bench.lab.run()
    assert bench.calls == [[n] for n in (0, 1, 2, 3, 4, 5, 99)]


def test_an_answer_later_than_a_minute_is_a_failure_and_the_run_goes_on() -> None:
    """Clause 2 of the trigger."""
    lab, took = Lab(), iter([90.0, 1.0])
    ended: list[float] = []
    lab.tables.create_table("t", {"n": "INTEGER"})

    @lab.function(timeout=120)
    def slow(event: bytes, context: Any) -> None:
        time.sleep(next(took))
        ended.append(context.now)

    handle = lab.trigger("slow", TablestoreTrigger(table="t"))
    lab.tables.put_row("t", {"n": 1})
    lab.run()
    fired = [event for event in lab.recording.events if isinstance(event, e.TriggerFired)]
    assert [event.attempt for event in fired] == [1, 2]
    assert round(fired[1].time - fired[0].time, 3) == 61
    assert len(ended) == 2
    assert handle.undelivered == []


def test_a_deleted_table_takes_its_stream_along_and_a_new_one_is_seen(bench: Bench) -> None:
    handle = bench.watch()
    handle.disable()
    bench.put(1)
    bench.lab.tables.delete_table("t")
    handle.enable()
    bench.lab.run()
    bench.lab.tables.create_table("t", {"n": "INTEGER"})
    bench.put(2)
    bench.lab.run()
    assert bench.calls == [[2]]


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_handler_decodes_the_event_and_its_change_links_the_next_request(backend: str) -> None:
    def first(event: bytes, context: Any) -> None:
        context.tables.put_row("orders", {"id": 1}, {"total": 2.5, "raw": b"\xff"})

    def second(event: bytes, context: Any) -> Any:
        import cbor2

        (record,) = cbor2.loads(event)["Records"]
        columns = {column["ColumnName"]: column["Value"] for column in record["Columns"]}
        context.tables.put_row("report", {"id": record["PrimaryKey"][0]["Value"]}, {"double": 2 * columns["total"], "raw": columns["raw"]})

    with Lab(backend) as lab:
        lab.tables.create_table("orders", {"id": "INTEGER"})
        lab.tables.create_table("report", {"id": "INTEGER"}, stream=False)
        lab.function(first)
        lab.function(second)
        lab.trigger("second", TablestoreTrigger(table="orders"))
        assert lab.invoke("first").status == 200
        lab.run()
        assert lab.tables.get_row("report", {"id": 1}) == {"key": {"id": 1}, "columns": {"double": 5.0, "raw": b"\xff"}}
        accepted = [event for event in lab.recording.events if isinstance(event, e.RequestAccepted)]
        assert [(event.function, event.cause) for event in accepted] == [("first", 0), ("second", 1)]


def test_a_function_that_writes_what_it_watches_is_stopped_and_reported(bench: Bench) -> None:
    lab = bench.lab

    @lab.function
    def echo(event: bytes, context: Any) -> None:
        context.tables.update_row("t", {"n": 0}, increment={"rounds": 1})

    handle = lab.trigger("echo", TablestoreTrigger(table="t"))
    bench.put(0)
    with pytest.raises(LoopDetected, match="17th time"):
        lab.run()
    lab.run()
    row = lab.tables.get_row("t", {"n": 0})
    assert row is not None
    assert row["columns"] == {"rounds": 16}
    assert [one.reason for one in handle.undelivered] == ["LoopDetected"]
    kinds = [event.kind for event in lab.recording.events]
    assert (kinds.count("LoopStopped"), kinds.count("TriggerGaveUp")) == (1, 1)


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_the_checkpoint_and_sends_again_what_failed(backend: str, tmp_path: Path) -> None:
    def fails(event: bytes, context: object) -> None:
        raise ValueError("no")

    def works(event: bytes, context: Any) -> None:
        import cbor2

        for record in cbor2.loads(event)["Records"]:
            context.tables.update_row("seen", {"n": record["PrimaryKey"][0]["Value"]}, increment={"times": 1})

    def seen(lab: Lab) -> dict[int, int]:
        return {row["key"]["n"]: row["columns"]["times"] for row in lab.tables.get_range("seen")["rows"]}

    with Lab(backend, home=tmp_path) as lab:
        lab.tables.create_table("t", {"n": "INTEGER"})
        lab.tables.create_table("seen", {"n": "INTEGER"}, stream=False)
        lab.function(name="f")(works)
        lab.trigger("f", TablestoreTrigger(table="t"))
        lab.tables.put_row("t", {"n": 1})
        lab.run()
        assert seen(lab) == {1: 1}
        lab.function(name="g")(fails)
        lab.trigger("g", TablestoreTrigger(table="t"))
        lab.tables.put_row("t", {"n": 2})
        lab.run_for(2)
    with Lab(backend, home=tmp_path) as lab:
        lab.tables.put_row("t", {"n": 3})
        lab.function(name="f")(works)
        lab.run()
        assert seen(lab) == {1: 1, 2: 1, 3: 1}
        lab.function(name="g")(works)
        lab.run()
        assert seen(lab) == {1: 1, 2: 2, 3: 2}
        assert [one.undelivered for one in lab.triggers()] == [[], []]


def test_a_trigger_that_cannot_work_is_refused(bench: Bench) -> None:
    lab = bench.lab
    lab.tables.create_table("dry", {"n": "INTEGER"}, stream=False)
    cases = {
        "OTSObjectNotExist": TablestoreTrigger(table="none"),
        "OTSParameterInvalid": TablestoreTrigger(table="dry"),
        "OTSAuthFailed": TablestoreTrigger(table="t", instance="other"),
    }
    for code, trigger in cases.items():
        with pytest.raises(SourceError) as caught:
            lab.trigger("f", trigger)
        assert caught.value.code == code
    assert lab.triggers() == []
    with pytest.raises(UsageError, match="name of a table"):
        TablestoreTrigger(table="a-b")
    with pytest.raises(UsageError, match="name of an instance"):
        TablestoreTrigger(table="t", instance="x")
    handle = bench.watch()
    with pytest.raises(UsageError, match="something else"):
        handle.update(table="dry")


def test_the_wire_form_makes_an_equal_trigger_or_names_what_is_wrong() -> None:
    made = TablestoreTrigger(table="orders")
    assert made.arn == "acs:ots:lab:000000000000:instance/lab/table/orders"
    assert made.config() == {}
    again = TablestoreTrigger.from_config
    assert again(made.arn, made.config()) == made
    assert again(made.arn, {"instanceName": "lab", "tableName": "orders"}) == made
    assert again("acs:ots:cn-shanghai:1:instance/shop/table/t", {}) == TablestoreTrigger(table="t", instance="shop")
    with pytest.raises(UsageError, match="'batchSize'"):
        again(made.arn, {"batchSize": 3})
    with pytest.raises(UsageError, match="tableName is 'other'"):
        again(made.arn, {"tableName": "other"})
    with pytest.raises(UsageError, match="names no table"):
        again("acs:oss:lab:0:orders", {})


def test_the_cost_of_a_change_does_not_grow() -> None:
    bench = Bench(record=False)
    bench.watch()

    def cost(changes: int) -> float:
        began = time.process_time()
        for n in range(changes):
            bench.put(n)
            bench.lab.run()
        return (time.process_time() - began) / changes

    cost(200)
    early = min(cost(300) for _ in range(3))
    cost(5_000)
    late = min(cost(300) for _ in range(3))
    assert late < 2 * early
