"""Scenarios: a lab run written as TOML, for load studies and exercises without a notebook. `fclab.commands.run` shows the format."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from fclab.errors import UsageError
from fclab.lab import Lab
from fclab.model import AsyncConfig, BootProfile, FunctionSpec, Schedule, TargetTracking

__all__ = ["COUNTS", "Scenario", "load"]

Table = Mapping[str, Any]
CODE_ONLY = {"name", "handler", "initializer", "pre_freeze", "pre_stop", "start"}
COUNTS = ("requests", "succeeded", "failed", "refused", "waiting", "cold_starts")
"""What `[expect]` may name, and what `fclab run` prints."""

KEYS: Mapping[str, frozenset[str]] = {
    "the top": frozenset({"title", "until", "lab", "functions", "calls", "traffic", "reserve", "faults", "output", "expect"}),
    "[lab]": frozenset({"seed", "profile", "semantics", "max_instances"}),
    "functions": frozenset(field.name for field in fields(FunctionSpec)) - CODE_ONLY,
    "calls": frozenset({"function", "at", "payload", "mode"}),
    "traffic": frozenset({"function", "rate", "duration", "arrivals", "payload", "mode"}),
    "reserve": frozenset({"function", "at", "count", "schedule", "tracking"}),
    "faults": frozenset({"outage", "kill", "at", "arrow", "drop", "delay", "crash", "function", "start", "end", "times"}),
    "[output]": frozenset({"show", "export"}),
    "[expect]": frozenset(COUNTS),
}
SHOW = ("table", "metrics", "bill")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that was read and whose keys are known; values are checked by the lab when it is played."""

    title: str
    until: float | None
    data: Table
    show: tuple[str, ...]
    export: tuple[str, ...]
    expect: Mapping[str, int]

    def play(self) -> Lab:
        """Run it in a new virtual lab and return the lab, its run done. Raises `UsageError` naming the table at fault."""
        with _place("[lab]"):
            options = dict(self.data.get("lab", {}))
            if isinstance(options.get("profile"), dict):
                options["profile"] = BootProfile(**options["profile"])
            lab = Lab(**options)
        for name, table in self.data.get("functions", {}).items():
            with _place(f"[functions.{name}]"):
                settings = dict(table)
                if "async_config" in settings:
                    settings["async_config"] = AsyncConfig(**settings["async_config"])
                lab.declare(name, **settings)
        for place, table in _entries(self.data, "faults"):
            with _place(place):
                _fault(lab, table)
        later: list[tuple[float, Callable[[], object], str]] = []
        for place, table in _entries(self.data, "reserve"):
            with _place(place):
                later.append((_number(table.get("at", 0), "at"), _reservation(lab, table), place))
        later.sort(key=lambda entry: entry[0])
        for place, table in _entries(self.data, "calls"):
            with _place(place):
                lab.invoke_at(table["function"], table.get("at", 0), payload=_payload(table), mode=table.get("mode", "sync"))
        for place, table in _entries(self.data, "traffic"):
            with _place(place):
                settings = {key: value for key, value in table.items() if key != "function"}
                lab.traffic(table["function"], **{**settings, "payload": _payload(table)})
        for at, act, place in later:
            with _place(place):
                if at > lab.now:
                    lab.run(until=at)
                act()
        with _place("the run"):
            lab.run(until=self.until)
        return lab


def load(path: Path) -> Scenario:
    """Read a scenario. Raises `UsageError` for a file that cannot be read, is no TOML, or holds a key that means nothing."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.", hint="check the path") from None
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}.", hint="see the example in the README, or `fclab run --help`") from None
    _known(data, "the top", "the top")
    for name in ("lab", "functions", "output", "expect"):
        if not isinstance(data.get(name, {}), dict):
            raise UsageError(f"{name} must be a table.", hint=f"write [{name}]")
    for name in ("lab", "output", "expect"):
        _known(data.get(name, {}), f"[{name}]", f"[{name}]")
    if not data.get("functions"):
        raise UsageError(f"{path} declares no function.", hint='add a table such as [functions.hello] with duration = 0.1')
    for name, table in data["functions"].items():
        _known(table, f"[functions.{name}]", "functions")
    for kind in ("calls", "traffic", "reserve", "faults"):
        for place, table in _entries(data, kind):
            _known(table, place, kind)
            if kind != "faults" and table.get("function") not in data["functions"]:
                names = ", ".join(sorted(data["functions"]))
                raise UsageError(f"{place} names no declared function: {table.get('function')!r}.", hint=f"use one of {names}")
    output, until, title = data.get("output", {}), data.get("until"), data.get("title", path.stem)
    show, export = output.get("show", ["table"]), output.get("export", [])
    if not (isinstance(show, list) and all(name in SHOW for name in show)):
        raise UsageError(f"show in [output] must be a list of {', '.join(SHOW)}, not {show!r}.", hint='such as show = ["table", "bill"]')
    if not (isinstance(export, list) and all(isinstance(name, str) for name in export)):
        raise UsageError(f"export in [output] must be a list of file names, not {export!r}.", hint='such as export = ["run.html"]')
    for name, number in data.get("expect", {}).items():
        if type(number) is not int:
            raise UsageError(f"{name} in [expect] must be a whole number, not {number!r}.", hint=f"such as {name} = 3")
    return Scenario(
        title=str(title),
        until=None if until is None else _number(until, "until"),
        data=data,
        show=tuple(show),
        export=tuple(export),
        expect=data.get("expect", {}),
    )


def _known(table: object, place: str, kind: str) -> None:
    """Refuse a key that means nothing in `place`, naming the one that was probably meant."""
    if not isinstance(table, dict):
        raise UsageError(f"{place} must be a table, not {table!r}.", hint="see `fclab run --help`")
    for key in table:
        if key not in KEYS[kind]:
            near = get_close_matches(key, KEYS[kind], n=1)
            hint = f"did you mean {near[0]}?" if near else f"known there: {', '.join(sorted(KEYS[kind]))}"
            raise UsageError(f"{place} does not know the key {key!r}.", hint=hint)


def _entries(data: Table, kind: str) -> Iterator[tuple[str, Table]]:
    """The tables of [[kind]], each with the words that name it in an error."""
    entries = data.get(kind, [])
    if not isinstance(entries, list):
        raise UsageError(f"{kind} must be a list of tables.", hint=f"write [[{kind}]], with two brackets")
    for number, table in enumerate(entries, 1):
        yield f"[[{kind}]] number {number}", table


@contextmanager
def _place(place: str) -> Iterator[None]:
    """Errors from inside name the table they come from; a missing or unfit key is wrong use too."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}: {error.what}", hint=error.hint) from None
    except KeyError as error:
        raise UsageError(f"{place} lacks the key {error}.", hint="see `fclab run --help`") from None
    except TypeError as error:
        raise UsageError(f"{place}: {error}.", hint="see `fclab run --help`") from None


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{name} must be a number of seconds, not {value!r}.", hint=f"such as {name} = 600")
    return float(value)


def _payload(table: Table) -> bytes:
    payload = table.get("payload", "")
    if not isinstance(payload, str):
        raise UsageError(f"payload must be text, not {payload!r}.", hint="put it between quotation marks")
    return payload.encode()


def _fault(lab: Lab, table: Table) -> None:
    if "outage" in table:
        if set(table) != {"outage"} or not (isinstance(table["outage"], list) and len(table["outage"]) == 2):
            raise UsageError("An outage is [start, end] in seconds, and nothing else in its table.", hint="such as outage = [0, 60]")
        start, end = table["outage"]
        lab.faults.outage(start=start, end=end)
        return
    if "kill" in table:
        lab.faults.kill(table["kill"], at=table["at"])
        return
    lab.faults.add(table["arrow"], **{key: value for key, value in table.items() if key != "arrow"})


def _reservation(lab: Lab, table: Table) -> Callable[[], object]:
    settings: dict[str, Any] = {}
    if "schedule" in table:
        settings["schedule"] = [Schedule(**rule) for rule in table["schedule"]]
    if "tracking" in table:
        settings["tracking"] = TargetTracking(**table["tracking"])
    count = table.get("count", 0) if settings else table["count"]
    return lambda: lab.reserve(table["function"], count, **settings)
