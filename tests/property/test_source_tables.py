"""The table store against plain models: the order of keys, range reads, the stream of changes, and delivery through failures and lives."""

from __future__ import annotations

import math
from itertools import pairwise, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import Lab, TablestoreTrigger
from fclab.errors import SourceError
from fclab.sources.tables.keys import TYPES, decode, encode

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INTEGER": st.sampled_from([-(2**63), -256, -1, 0, 1, 255, 256, 2**63 - 1]) | st.integers(-(2**63), 2**63 - 1),
    "STRING": st.text("\x00\x01ab\x7f\x80ÿü\ud7ff\ue000\uffff\U00010000\U0010ffff", max_size=6),
    "BINARY": st.binary(max_size=4) | st.text("\x00\x01\xff", max_size=4).map(lambda text: text.encode("latin-1")),
}
SCHEMAS = st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=4).map(lambda kinds: dict(zip("dbca", kinds, strict=False)))


@st.composite
def keys(draw: st.DrawFn, count: int) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """A schema and keys of it, close to each other."""
    schema = draw(SCHEMAS)
    pools = {name: draw(st.lists(VALUES[kind], min_size=1, max_size=3)) for name, kind in schema.items()}
    return schema, [{name: draw(st.sampled_from(pool)) for name, pool in pools.items()} for _ in range(count)]


@settings(max_examples=500)
@given(keys(2))
def test_encoded_keys_sort_as_the_keys_do_and_come_back(drawn: tuple[dict[str, str], list[dict[str, Any]]]) -> None:
    """Clauses 1 and 2 of the keys."""
    schema, (one, other) = drawn
    a, b = encode(schema, one), encode(schema, other)
    mine, theirs = tuple(one.values()), tuple(other.values())
    assert (a < b, a == b) == (mine < theirs, mine == theirs)
    assert decode(schema, a) == one
    assert encode(schema, dict(reversed(one.items()))) == a


@settings(max_examples=300)
@given(keys(2), st.integers(0, 3), st.sampled_from([-math.inf, math.inf]))
def test_an_infinite_column_lies_outside_all_values(
    drawn: tuple[dict[str, str], list[dict[str, Any]]], column: int, infinity: float
) -> None:
    """Clause 3 of the keys: the bound compares with a key as its finite columns do, and where those agree, infinity decides."""
    schema, (one, other) = drawn
    at = column % len(schema)
    name = list(schema)[at]
    bound = encode(schema, {**other, name: infinity}, bound=True)
    mine, theirs = tuple(one.values())[:at], tuple(other.values())[:at]
    assert (encode(schema, one) < bound) == (mine < theirs or (mine == theirs and infinity > 0))


@settings(max_examples=80, deadline=None)
@given(keys(8), st.data())
def test_range_reads_equal_a_sorted_dict(drawn: tuple[dict[str, str], list[dict[str, Any]]], data: st.DataObject) -> None:
    schema, rows = drawn
    with Lab() as lab:
        lab.tables.create_table("t", schema, stream=False)
        model: dict[tuple[Any, ...], int] = {}
        for n, key in enumerate(rows[:-2]):
            lab.tables.put_row("t", key, {"n": n})
            model[tuple(key.values())] = n
        start, end = rows[-2:]
        low, high = tuple(start.values()), tuple(end.values())
        limit = data.draw(st.none() | st.integers(1, 4))
        for direction in ("FORWARD", "BACKWARD"):
            forward = direction == "FORWARD"
            inside = sorted((key for key in model if (low <= key < high if forward else low >= key > high)), reverse=not forward)
            if low >= high if forward else low <= high:
                assert _code(lab, start, end, direction) == "OTSParameterInvalid"
                continue
            found: list[tuple[Any, ...]] = []
            at: dict[str, Any] | None = start
            while at is not None:
                page = lab.tables.get_range("t", at, end, direction=direction, limit=limit)
                assert limit is None or len(page["rows"]) <= limit
                assert all(row["columns"] == {"n": model[tuple(row["key"].values())]} for row in page["rows"])
                found += [tuple(row["key"].values()) for row in page["rows"]]
                at = page["next_start"]
            assert found == inside
        everything = [tuple(row["key"].values()) for row in lab.tables.get_range("t")["rows"]]
        assert everything == sorted(model)


def _code(lab: Lab, start: dict[str, Any], end: dict[str, Any], direction: str) -> str:
    try:
        lab.tables.get_range("t", start, end, direction=direction)
    except SourceError as error:
        return error.code
    return "none"


CELLS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("aü", max_size=3) | st.binary(max_size=3) | st.floats(-1, 1)
COLUMNS = st.dictionaries(st.sampled_from("abc"), CELLS)
CHANGES = st.lists(st.tuples(st.sampled_from(["put", "update", "delete"]), st.integers(0, 2), COLUMNS, st.booleans()), max_size=12)
"""(verb, row, columns: for an update None means delete it, whether the row must be there)."""


def apply(lab: Lab, change: tuple[str, int, dict[str, Any], bool], model: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    """Do a change to table t and to the model; the record that must follow, without times, or None if it changes nothing."""
    verb, n, columns, must = change
    put = {name: value for name, value in columns.items() if value is not None}
    gone = [name for name, value in columns.items() if value is None]
    row: dict[str, Any] = {"type": verb.upper(), "table": "t", "key": {"n": n}, "condition": "EXPECT_EXIST" if must else "IGNORE"}
    options: dict[str, dict[str, Any]] = {"put": {"columns": put}, "update": {"put": put, "delete": gone}, "delete": {}}
    row |= options[verb]
    (result,) = lab.tables.batch_write([row])
    refused = (must and n not in model) or (verb == "update" and not columns)
    assert result["ok"] is not refused
    if refused:
        return None
    before = model.get(n)
    if verb == "delete":
        model.pop(n, None)
        return None if before is None else {"Type": "DeleteRow", "n": n, "put": {}, "gone": []}
    if verb == "put":
        model[n] = put
        return {"Type": "PutRow", "n": n, "put": put, "gone": []}
    if before is None and not put:
        return None
    model[n] = {name: value for name, value in {**(before or {}), **put}.items() if name not in gone}
    return {"Type": "UpdateRow", "n": n, "put": put, "gone": gone}


def told(event: bytes) -> list[dict[str, Any]]:
    """The records of an event, in the model's form."""
    return [
        {
            "Type": record["Type"],
            "n": record["PrimaryKey"][0]["Value"],
            "put": {column["ColumnName"]: column["Value"] for column in record["Columns"] if column["Type"] == "Put"},
            "gone": [column["ColumnName"] for column in record["Columns"] if column["Type"] == "DeleteAllVersions"],
        }
        for record in cbor2.loads(event)["Records"]
    ]


@settings(max_examples=80, deadline=None)
@given(CHANGES, st.data())
def test_the_stream_tells_exactly_what_changed(changes: list[Any], data: st.DataObject) -> None:
    """Clause 1 of the table store; without failures every record comes once, in order."""
    got: list[dict[str, Any]] = []
    with Lab() as lab:
        lab.tables.create_table("t", {"n": "INTEGER"})

        @lab.function
        def f(event: bytes, context: object) -> None:
            got.extend(told(event))

        lab.trigger("f", TablestoreTrigger(table="t"))
        model: dict[int, dict[str, Any]] = {}
        expected = []
        for change in changes:
            expected += [record] if (record := apply(lab, change, model)) is not None else []
            if data.draw(st.booleans()):
                lab.run()
        lab.run()
        assert got == expected
        replayed: dict[int, dict[str, Any]] = {}
        for record in got:
            if record["Type"] == "DeleteRow":
                del replayed[record["n"]]
                continue
            old = {} if record["Type"] == "PutRow" else replayed.get(record["n"], {})
            replayed[record["n"]] = {name: value for name, value in {**old, **record["put"]}.items() if name not in record["gone"]}
        assert replayed == model == {row["key"]["n"]: row["columns"] for row in lab.tables.get_range("t")["rows"]}


LIVES = st.lists(st.tuples(st.integers(0, 3), st.lists(st.booleans(), max_size=4), st.floats(0, 5)), min_size=1, max_size=4)
"""Lives of a home: (rows put, which of its first calls fail, seconds until it ends)."""


@settings(max_examples=40, deadline=None)
@given(LIVES)
def test_every_record_comes_at_least_once_and_in_order_through_failures_and_lives(lives: list[tuple[int, list[bool], float]]) -> None:
    """Clause 1 of the trigger. What an ended life was in the middle of is sent again; what succeeded is not."""
    taken: list[int] = []
    seen: list[int] = []
    put = 0
    with TemporaryDirectory() as home:
        for rows, failures, span in [*lives, (0, [], 1000.0)]:
            failing = iter(failures)

            def f(event: bytes, context: object, failing: Any = failing) -> None:
                records = [record["n"] for record in told(event)]
                seen.extend(records)
                if next(failing, False):
                    raise ValueError("no")
                taken.extend(records)

            with Lab(home=Path(home)) as lab:
                lab.function(f)
                if "t" not in lab.tables.tables():
                    lab.tables.create_table("t", {"n": "INTEGER"})
                    lab.trigger("f", TablestoreTrigger(table="t"))
                for _ in range(rows):
                    lab.tables.put_row("t", {"n": put})
                    put += 1
                lab.run_for(span)
                assert lab.triggers()[0].undelivered == []
    assert list(dict.fromkeys(taken)) == list(range(put))
    assert list(dict.fromkeys(seen)) == list(range(put))
    assert all(later <= earlier + 1 for earlier, later in pairwise(seen))


def test_a_counter_has_64_bits_and_no_more() -> None:
    with Lab() as lab:
        lab.tables.create_table("t", {"n": "INTEGER"})
        for n, (start, step) in enumerate(product([-(2**63), -1, 0, 1, 2**63 - 1], repeat=2)):
            lab.tables.put_row("t", {"n": n}, {"c": start})
            (result,) = lab.tables.batch_write([{"type": "UPDATE", "table": "t", "key": {"n": n}, "increment": {"c": step}}])
            fits = -(2**63) <= start + step < 2**63
            assert result["ok"] is fits
            row = lab.tables.get_row("t", {"n": n})
            assert row is not None
            assert row["columns"]["c"] == (start + step if fits else start)
