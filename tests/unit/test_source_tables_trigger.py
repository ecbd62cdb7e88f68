"""The trigger on a table: its event, its order, what it begins with, what it refuses, and what a change costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import cbor2
import pytest

from fclab import Lab, TablestoreTrigger
from fclab.backends.virtual.handler_time import EPOCH_US
from fclab.errors import SourceError, UsageError
from fclab.observe import events as e
from tests.unit.tables_kit import Bench, numbers


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
