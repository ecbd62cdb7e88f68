"""A lab with one watched table, to test the trigger on it."""

from __future__ import annotations

from typing import Any

import cbor2

from fclab import Lab, TablestoreTrigger
from fclab.controls.desks import TriggerHandle, hub_of

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
