"""Verbs used wrongly: an error that says so, whatever the value, and no traceback of the lab's own."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

from fclab import Lab
from fclab.controls.desks import Desk, hub_of
from fclab.errors import SourceError, UsageError
from fclab.sources.base import verb
from fclab.sources.deliveries import Undelivered
from tests.unit.source_kit import Bells, BellTrigger, bells_of

WRONG: list[Any] = [
    None, -1, 0, True, 1.5, 1 << 70, -(10**400), math.nan, math.inf, "", "x" * 5000, "a\0b", "\ud800", b"", b"\xff", bytearray(b"x"),
    [], [None], [[1]], (1, 2), {}, {1: 2}, {"a": object()}, {1, 2}, object(), len,
]  # fmt: skip
FINE: dict[str, dict[str, Any]] = {
    "objects": {"bucket": "photos", "source_bucket": "photos", "key": "a", "source_key": "a", "data": b"x", "target": "a", "number": 1,
                "position": 0, "keys": ["b"]},
    "tables": {"table": "orders", "name": "orders", "key": {"id": 1}, "rows": []},
    "logs": {"project": "shop", "logstore": "access", "logs": [{"a": 1}], "shard": 0, "ttl": 1},
    "queues": {"queue": "work", "body": b"x", "messages": ["x"], "visibility": 1},
    "topics": {"topic": "news", "body": "x", "queue": "work", "name": "work"},
    "bus": {"events": {"source": "s", "type": "t"}, "pattern": {}, "event": {}, "name": "rule", "targets": ["queue:work"]},
}  # fmt: skip
"""By source, arguments that are right, as far as one value is for all its verbs."""


@pytest.mark.parametrize("name", list(FINE))
def test_a_wrong_value_is_an_error_that_says_so(name: str) -> None:
    with Lab() as lab:
        lab.objects.put("photos", "a", b"x")
        lab.tables.create_table("orders", {"id": "INTEGER"})
        lab.logs.append("shop", "access", ["x"])
        source = hub_of(lab._driver).sources[name]
        for at in source.verbs():
            for wrong, options in _uses(getattr(source, at), FINE[name]):
                try:
                    getattr(Desk(lab._driver, source), at)(**options)
                except UsageError as error:
                    told = str(error)
                except Exception as error:
                    raise AssertionError(f"{name}.{at}({wrong}={options[wrong]!r:.50}): {error!r:.200}") from error
                else:
                    told = ""
                assert len(told) < 2100


def _uses(method: Any, fine: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    kinds = inspect.signature(method).parameters.values()
    named = [one for one in kinds if one.kind is not inspect.Parameter.VAR_KEYWORD]
    needed = {one.name: fine.get(one.name, "x") for one in named if one.default is inspect.Parameter.empty}
    return [(one.name, {**needed, one.name: value}) for one in named for value in WRONG]


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_whatever_a_handler_gives_it_gets_an_answer(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(self: Bells, bell: object) -> int:
        """As a verb would that checks nothing."""
        raise KeyError(bell) if bell == "broken" else ValueError(bell)

    monkeypatch.setattr("fclab.sources.catalog.SOURCES", (Bells,))
    monkeypatch.setattr(Bells, "count", verb(count))
    complaints: list[BaseException] = []
    with Lab(backend) as lab:
        monkeypatch.setattr(hub_of(lab._driver), "complain", complaints.append)

        @lab.function
        def tries(event: bytes, context: Any) -> Any:
            said = []
            for name, value in (("ring", 1 << 70), ("count", 1), ("count", "broken")):
                try:
                    getattr(context.objects, name)(value)
                except ValueError as error:
                    said.append(getattr(error, "code", None))
            return said

        assert lab.invoke("tries").json() == ["InvalidArgument", "InvalidArgument", "InternalError"]
        assert [type(one) for one in complaints] == [KeyError], "the lab hears of what is no fault of the handler"


def test_a_value_that_no_column_holds_is_no_fault_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.sources.catalog.SOURCES", (Bells,))
    with Lab() as lab:
        for value in (1 << 70, "\ud800", [1]):
            with pytest.raises(UsageError, match="cannot be kept") as caught:
                bells_of(lab).count(value)
            assert not isinstance(caught.value, SourceError)


def test_an_error_quotes_no_megabytes() -> None:
    error = SourceError("InvalidArgument", f"{'x' * 1_000_000!r} is no name.", hint="shorter")
    assert len(error.what) <= UsageError.LONGEST
    assert error.what.endswith("is no name.")


def test_an_undelivered_event_says_what_it_is_in_a_line() -> None:
    assert repr(Undelivered(1, b"x", 2, "NoAnswer")) == "Undelivered(number=1, payload=b'x', attempts=2, reason='NoAnswer')"
    long = repr(Undelivered(1, b"x" * 65_536, 2, "y" * 65_536))
    assert "... (65536 bytes)" in long
    assert len(long) < 400


def test_what_a_change_inside_another_sets_off_waits_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.sources.catalog.SOURCES", (Bells,))
    with Lab() as lab:
        lab.declare("ding", duration=0.1)
        lab.trigger("ding", BellTrigger(bell="door"))
        hub, bells = hub_of(lab._driver), bells_of(lab)

        def fails() -> None:
            with hub.change():
                bells.ring("door")
                bells.ring("cracked")

        with pytest.raises(SourceError):
            fails()
        assert (bells.count("door"), hub.owed) == (0, 0)
        with hub.change():
            bells.ring("door")
            assert hub.owed == 0
        assert hub.owed == 1
