"""The table store's verbs: tables, rows, ranges, conditions, batches, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab
from fclab.controls.desks import hub_of
from fclab.errors import SourceError
from fclab.observe import events as e
from fclab.sources.tables.rows import SCANS

KEY = {"user": 7, "order": "b"}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as made:
        made.tables.create_table("orders", {"user": "INTEGER", "order": "STRING"})
        yield made


def refusal(act: Callable[[], object]) -> str:
    """The code with which `act` is refused; every refusal says what to do."""
    with pytest.raises(SourceError) as caught:
        act()
    assert caught.value.hint
    return caught.value.code


def test_tables_are_made_described_listed_and_deleted(lab: Lab) -> None:
    lab.tables.create_table("a", {"k": "BINARY"}, stream=False)
    lab.tables.create_table("z", {"k": "STRING"}, expire=168)
    assert lab.tables.tables() == ["a", "orders", "z"]
    assert lab.tables.describe_table("orders") == {
        "name": "orders", "key": {"user": "INTEGER", "order": "STRING"}, "stream": True, "expire": 24,
    }  # fmt: skip
    assert lab.tables.describe_table("a") == {"name": "a", "key": {"k": "BINARY"}, "stream": False, "expire": None}
    lab.tables.put_row("z", {"k": "x"})
    lab.tables.delete_table("z")
    lab.tables.create_table("z", {"k": "INTEGER"})
    assert lab.tables.get_range("z") == {"rows": [], "next_start": None}
    assert refusal(lambda: lab.tables.create_table("z", {"k": "INTEGER"})) == "OTSObjectAlreadyExist"
    assert [event.what for event in lab.recording.events if isinstance(event, e.SourceChanged)][-3:] == [
        "PutRow k='x'", "DeleteTable", "CreateTable",
    ]  # fmt: skip


def test_a_row_keeps_its_types(lab: Lab) -> None:
    columns = {"b": True, "i": 1, "f": 1.0, "s": "ü", "raw": b"\x00\xff", "big": -(2**63), "far": math.inf}
    lab.tables.put_row("orders", KEY, columns)
    row = lab.tables.get_row("orders", {"order": "b", "user": 7})
    assert row is not None
    assert row == {"key": KEY, "columns": columns}
    assert [type(value) for value in row["columns"].values()] == [bool, int, float, str, bytes, int, float]
    assert lab.tables.get_row("orders", KEY, columns=["s", "missing"]) == {"key": KEY, "columns": {"s": "ü"}}
    assert lab.tables.get_row("orders", {"user": 7, "order": "c"}) is None
    lab.tables.put_row("orders", KEY, {"i": 2})
    assert lab.tables.get_row("orders", KEY) == {"key": KEY, "columns": {"i": 2}}


def test_an_update_puts_deletes_and_counts(lab: Lab) -> None:
    tables = lab.tables
    assert tables.update_row("orders", KEY, {"a": 1, "b": 2}) == {}
    assert tables.update_row("orders", KEY, {"a": "one"}, ["b", "none"], {"views": 3}) == {"views": 3}
    assert tables.update_row("orders", KEY, increment={"views": -5}) == {"views": -2}
    assert tables.get_row("orders", KEY) == {"key": KEY, "columns": {"a": "one", "views": -2}}
    tables.update_row("orders", KEY, delete=["a", "views"])
    assert tables.get_row("orders", KEY) == {"key": KEY, "columns": {}}
    other = {"user": 8, "order": ""}
    tables.update_row("orders", other, delete=["a"])
    assert tables.get_row("orders", other) is None


def test_conditions_hold_or_refuse_and_change_nothing(lab: Lab) -> None:
    tables = lab.tables
    gone = {"user": 0, "order": ""}
    tables.put_row("orders", KEY, {"state": "new", "n": 5}, condition="EXPECT_NOT_EXIST")
    cases: list[Callable[[], object]] = [
        lambda: tables.put_row("orders", KEY, {}, condition="EXPECT_NOT_EXIST"),
        lambda: tables.put_row("orders", gone, {}, condition="EXPECT_EXIST"),
        lambda: tables.update_row("orders", gone, {"a": 1}, condition="EXPECT_EXIST"),
        lambda: tables.delete_row("orders", gone, condition="EXPECT_EXIST"),
        lambda: tables.delete_row("orders", KEY, when={"column": "state", "comparator": "EQUAL", "value": "paid"}),
        lambda: tables.update_row("orders", KEY, increment={"n": 1}, when={"column": "n", "comparator": "LESS_THAN", "value": 5}),
        lambda: tables.put_row("orders", KEY, {}, when={"column": "x", "comparator": "EQUAL", "value": 1, "pass_if_missing": False}),
        lambda: tables.put_row("orders", gone, {}, when={"column": "x", "comparator": "EQUAL", "value": 1, "pass_if_missing": False}),
    ]
    assert [refusal(case) for case in cases] == ["OTSConditionCheckFail"] * len(cases)
    assert tables.get_row("orders", KEY) == {"key": KEY, "columns": {"state": "new", "n": 5}}
    assert tables.get_row("orders", gone) is None
    tables.update_row("orders", KEY, {"state": "paid"}, when={"column": "state", "comparator": "EQUAL", "value": "new"})
    tables.update_row("orders", KEY, {"note": "x"}, when={"column": "missing", "comparator": "EQUAL", "value": 1})
    tables.delete_row("orders", KEY, condition="EXPECT_EXIST", when={"column": "state", "comparator": "NOT_EQUAL", "value": 1})
    assert tables.get_row("orders", KEY) is None


@pytest.mark.parametrize(
    ("comparator", "passing"),
    [
        ("EQUAL", [5]), ("NOT_EQUAL", [4, 6, 5.0, True, "5"]), ("GREATER_THAN", [4]), ("GREATER_EQUAL", [4, 5]), ("LESS_THAN", [6]),
        ("LESS_EQUAL", [5, 6]),
    ],
)  # fmt: skip
def test_comparators_compare_values_of_one_type(lab: Lab, comparator: str, passing: list[Any]) -> None:
    lab.tables.put_row("orders", KEY, {"n": 5})
    values = (4, 5, 6, 5.0, True, "5")
    tests = [{"column": "n", "comparator": comparator, "value": value} for value in values]
    results = lab.tables.batch_write([{"type": "PUT", "table": "orders", "key": KEY, "columns": {"n": 5}, "when": test} for test in tests])
    assert {result["code"] for result in results if not result["ok"]} == {"OTSConditionCheckFail"}
    assert [repr(value) for value, result in zip(values, results, strict=True) if result["ok"]] == [repr(value) for value in passing]


def test_a_range_is_read_in_order_and_goes_on_where_it_ended(lab: Lab) -> None:
    tables = lab.tables
    for user in (8, -1, 7):
        for order in ("b", "a", "ab"):
            tables.put_row("orders", {"user": user, "order": order}, {"n": 1})

    def read(*bounds: object, **options: Any) -> list[tuple[int, str]]:
        return [(row["key"]["user"], row["key"]["order"]) for row in tables.get_range("orders", *bounds, **options)["rows"]]  # type: ignore[arg-type]

    everything = [(user, order) for user in (-1, 7, 8) for order in ("a", "ab", "b")]
    assert read() == everything
    assert read(direction="BACKWARD") == everything[::-1]
    assert read({"user": 7, "order": -math.inf}, {"user": 7, "order": math.inf}) == everything[3:6]
    assert read({"user": 7, "order": "ab"}, {"user": 8, "order": "ab"}) == everything[4:7]
    assert read({"user": 8, "order": "ab"}, {"user": 7, "order": "ab"}, direction="BACKWARD") == everything[7:4:-1]
    pages: list[Any] = []
    page = tables.get_range("orders", limit=4, columns=["none"])
    while True:
        pages.append([(row["key"]["user"], row["key"]["order"]) for row in page["rows"]])
        assert not any(row["columns"] for row in page["rows"])
        if page["next_start"] is None:
            break
        page = tables.get_range("orders", page["next_start"], limit=4, columns=["none"])
    assert pages == [everything[:4], everything[4:8], everything[8:]]


def test_one_read_ends_at_4_mb_or_5000_rows(lab: Lab) -> None:
    tables = lab.tables
    for n in range(5):
        tables.put_row("orders", {"user": n, "order": ""}, {"big": bytes(1 << 20)})
    page = tables.get_range("orders")
    assert (len(page["rows"]), page["next_start"]) == (3, {"user": 3, "order": ""})
    tables.create_table("many", {"n": "INTEGER"}, stream=False)
    for n in range(5001):
        tables.put_row("many", {"n": n})
    page = tables.get_range("many", limit=9999)
    assert (len(page["rows"]), page["next_start"]) == (5000, {"n": 5000})


def test_a_range_read_is_a_scan_of_the_index(lab: Lab) -> None:
    store = hub_of(lab._driver).store
    for sql in SCANS.values():
        plan = [row[3] for row in store.all(f"EXPLAIN QUERY PLAN {sql}", 1, b"", b"", 1)]
        assert plan == ["SEARCH table_rows USING PRIMARY KEY (tab=? AND key>? AND key<?)"]


def test_the_rows_of_a_batch_stand_for_themselves(lab: Lab) -> None:
    results = lab.tables.batch_write(
        [
            {"type": "PUT", "table": "orders", "key": KEY, "columns": {"n": 1}},
            {"type": "PUT", "table": "orders", "key": KEY, "condition": "EXPECT_NOT_EXIST"},
            {"type": "UPDATE", "table": "orders", "key": KEY, "increment": {"n": 1}},
            {"type": "UPDATE", "table": "nowhere", "key": KEY, "put": {"n": 1}},
            {"type": "DELETE", "table": "orders", "key": {"user": 7}},
            {"type": "DELETE", "table": "orders", "key": {"user": 1, "order": ""}},
        ]
    )
    assert [result.get("code", "ok") for result in results] == [
        "ok", "OTSConditionCheckFail", "ok", "OTSObjectNotExist", "OTSInvalidPK", "ok",
    ]  # fmt: skip
    assert results[0] == {"ok": True}
    assert results[1] == {"ok": False, "code": "OTSConditionCheckFail", "message": "Condition check failed: the row exists."}
    assert lab.tables.get_row("orders", KEY) == {"key": KEY, "columns": {"n": 2}}


WRONG: dict[str, tuple[str, Callable[[Any], object]]] = {
    "no such table": ("OTSObjectNotExist", lambda t: t.get_row("none", KEY)),
    "delete no such table": ("OTSObjectNotExist", lambda t: t.delete_table("none")),
    "a table's name": ("OTSParameterInvalid", lambda t: t.create_table("1st", {"k": "INTEGER"})),
    "no key columns": ("OTSParameterInvalid", lambda t: t.create_table("t", {})),
    "five key columns": ("OTSParameterInvalid", lambda t: t.create_table("t", dict.fromkeys("abcde", "STRING"))),
    "a key's type": ("OTSParameterInvalid", lambda t: t.create_table("t", {"k": "DOUBLE"})),
    "an odd key's type": ("OTSParameterInvalid", lambda t: t.create_table("t", {"k": []})),
    "an expiry of 0": ("OTSParameterInvalid", lambda t: t.create_table("t", {"k": "STRING"}, expire=0)),
    "an expiry of 169": ("OTSParameterInvalid", lambda t: t.create_table("t", {"k": "STRING"}, expire=169)),
    "stream": ("OTSParameterInvalid", lambda t: t.create_table("t", {"k": "STRING"}, stream=1)),
    "half a key": ("OTSInvalidPK", lambda t: t.put_row("orders", {"user": 7})),
    "more than a key": ("OTSInvalidPK", lambda t: t.put_row("orders", {**KEY, "x": 1})),
    "a text for an integer": ("OTSInvalidPK", lambda t: t.put_row("orders", {"user": "7", "order": "b"})),
    "a bool for an integer": ("OTSInvalidPK", lambda t: t.put_row("orders", {"user": True, "order": "b"})),
    "infinity outside a range": ("OTSInvalidPK", lambda t: t.put_row("orders", {"user": math.inf, "order": "b"})),
    "no mapping for a key": ("OTSParameterInvalid", lambda t: t.put_row("orders", [7, "b"])),
    "65 bits in a key": ("OTSParameterInvalid", lambda t: t.put_row("orders", {"user": 2**63, "order": "b"})),
    "a long key": ("OTSParameterInvalid", lambda t: t.put_row("orders", {"user": 1, "order": "ü" * 513})),
    "half a surrogate pair": ("OTSParameterInvalid", lambda t: t.put_row("orders", {"user": 1, "order": "\ud800"})),
    "a column's name": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, {"a-b": 1})),
    "a key's column": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, {"user": 1})),
    "a list in a column": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, {"a": [1]})),
    "65 bits in a column": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, {"a": -(2**63) - 1})),
    "a column of over 2 MB": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, {"a": bytes((2 << 20) + 1)})),
    "a row of over 4 MB": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, dict.fromkeys("abc", bytes(1 << 21)))),
    "columns that are no mapping": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, ["a"])),
    "an update of nothing": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY)),
    "a column twice": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY, {"a": 1}, ["a"])),
    "a name for a list": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY, delete="note")),
    "a number for a list": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY, delete=1)),
    "a step of 0.5": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY, increment={"n": 0.5})),
    "a counter that is text": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY, increment={"text": 1})),
    "a counter past 64 bits": ("OTSParameterInvalid", lambda t: t.update_row("orders", KEY, increment={"most": 1})),
    "a condition": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, condition="MAYBE")),
    "no comparator": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, when={"column": "a", "value": 1})),
    "a comparator": ("OTSParameterInvalid", lambda t: t.put_row("orders", KEY, when={"column": "a", "comparator": "==", "value": 1})),
    "a direction": ("OTSParameterInvalid", lambda t: t.get_range("orders", direction="UP")),
    "a limit of 0": ("OTSParameterInvalid", lambda t: t.get_range("orders", limit=0)),
    "a range backwards": ("OTSParameterInvalid", lambda t: t.get_range("orders", KEY, {"user": 7, "order": "a"})),
    "a range of nothing": ("OTSParameterInvalid", lambda t: t.get_range("orders", KEY, KEY)),
    "half a bound": ("OTSInvalidPK", lambda t: t.get_range("orders", {"user": 7})),
    "a batch of nothing": ("OTSParameterInvalid", lambda t: t.batch_write([])),
    "a batch of 201": ("OTSParameterInvalid", lambda t: t.batch_write([{"type": "DELETE", "table": "orders", "key": KEY}] * 201)),
    "a batch's type": ("OTSParameterInvalid", lambda t: t.batch_write([{"type": "POKE", "table": "orders", "key": KEY}])),
    "a batch's option": ("OTSParameterInvalid", lambda t: t.batch_write([{"type": "DELETE", "table": "orders", "key": KEY, "put": {}}])),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused_with_the_products_code(lab: Lab, case: str) -> None:
    lab.tables.put_row("orders", KEY, {"text": "x", "most": 2**63 - 1})
    before = lab.tables.get_range("orders"), lab.tables.tables()
    code, act = WRONG[case]
    assert refusal(lambda: act(lab.tables)) == code
    assert (lab.tables.get_range("orders"), lab.tables.tables()) == before


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_handler_has_the_same_verbs(backend: str) -> None:
    def cashier(event: bytes, context: Any) -> Any:
        tables, key = context.tables, {"user": 7, "order": b"\x00"}
        tables.create_table("orders", {"user": "INTEGER", "order": "BINARY"})
        tables.put_row("orders", key, {"total": 12.5, "raw": b"\xff"}, condition="EXPECT_NOT_EXIST")
        said = [tables.update_row("orders", key, {"paid": True}, increment={"n": 2})]
        said += tables.batch_write([{"type": "PUT", "table": "orders", "key": {"user": 8, "order": b""}}])
        page = tables.get_range("orders", {"user": 7, "order": float("-inf")}, {"user": 7, "order": float("inf")}, limit=1)
        said.append([len(page["rows"]), page["next_start"], tables.get_row("orders", key) == page["rows"][0]])
        try:
            tables.delete_row("orders", key, when={"column": "paid", "comparator": "EQUAL", "value": False})
        except ValueError as error:
            said.append(error.code)  # type: ignore[attr-defined]
        return [*said, tables.tables(), tables.describe_table("orders")["expire"]]

    with Lab(backend) as lab:
        lab.function(cashier)
        answer = lab.invoke("cashier")
        assert answer.status == 200, answer.logs
        assert answer.json() == [{"n": 2}, {"ok": True}, [1, None, True], "OTSConditionCheckFail", ["orders"], 24]
        row = lab.tables.get_row("orders", {"user": 7, "order": b"\x00"})
        assert row is not None
        assert row["columns"] == {"total": 12.5, "raw": b"\xff", "paid": True, "n": 2}


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_home_keeps_tables_and_rows(backend: str, tmp_path: Path) -> None:
    with Lab(backend, home=tmp_path) as lab:
        lab.tables.create_table("orders", {"user": "INTEGER", "order": "STRING"}, expire=3)
        lab.tables.put_row("orders", KEY, {"n": 1})
    with Lab(backend, home=tmp_path) as lab:
        assert lab.tables.describe_table("orders")["expire"] == 3
        assert lab.tables.get_row("orders", KEY) == {"key": KEY, "columns": {"n": 1}}
        assert refusal(lambda: lab.tables.create_table("orders", {"k": "STRING"})) == "OTSObjectAlreadyExist"
