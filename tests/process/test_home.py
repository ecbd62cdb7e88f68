"""A home under real processes: accepted events are run by the next lab, at their time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fclab import Lab, idempotent


def echo(event: bytes, context: Any) -> str:
    return f"{event.decode()} {context.request_id}"


def test_an_event_outlives_its_lab(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path) as lab:
        lab.function(name="f")(echo)
        first = lab.invoke_async("f", "now").result(timeout=30)
        waiting = lab.invoke_async("f", "later", delay=2)
        assert waiting.status == 202
    assert first.json() if first.text.startswith('"') else first.text.startswith("now")
    assert (tmp_path / "packages").is_dir()
    with Lab("process", home=tmp_path) as lab:
        lab.function(name="f")(echo)
        lab.run()
        record = lab._driver.ask(lab._platform.queue.task, waiting.number)
    assert record is not None
    assert (record.state, record.payload.decode().strip('"')) == ("Succeeded", f"later {waiting.request_id}")
    assert not [path for path in (tmp_path / "packages").glob("*") if path.name not in ("store", "unpacked")]


def test_a_burst_is_accepted_and_run(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path, durability="full", max_instances=2) as lab:
        lab.function(name="f", concurrency=1)(echo)
        tasks = [lab.invoke_async("f", str(number)) for number in range(20)]
        lab.run()
        assert {task.state for task in tasks} == {"Succeeded"}


STORE = "/nowhere/effects.db"


@idempotent(STORE)
def once(event: bytes, context: Any) -> str:
    with Path(event.decode()).open("a", encoding="utf-8") as file:
        file.write("x")
    return "done"


def test_an_idempotent_handler_in_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost after the effect; the next delivery, in whatever instance, finds the result."""
    monkeypatch.setattr(sys.modules[__name__], "STORE", str(tmp_path / "effects.db"))
    effects = tmp_path / "effects"
    with Lab("process") as lab:
        lab.function(name="f")(once)
        lab.faults.add("instance->dispatcher", drop=1.0, times=2)
        outcome = lab.invoke_async("f", str(effects)).result(timeout=60)
    assert outcome.text.strip('"') == "done"
    assert effects.read_text(encoding="utf-8") == "x"
