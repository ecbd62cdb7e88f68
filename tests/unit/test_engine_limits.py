"""`Lab.limit` while the lab runs: what is too many goes, what was set stays."""

from __future__ import annotations

from fclab import Lab
from tests.unit.engine_kit import gone, model_lab, statuses


def warm(count: int) -> Lab:
    lab = model_lab(1.0)
    lab.invoke_at("f", [0.0] * count)
    lab.run()
    return lab


def test_a_lowered_limit_lets_the_surplus_go() -> None:
    lab = warm(3)
    lab.limit("f", 1)
    assert len(lab.instances("f")) == 1
    assert {reason for _, _, reason in gone(lab)} == {"lowered"}
    calls = lab.invoke_at("f", [5.0, 5.0])
    lab.run()
    assert statuses(calls) == [200, 429]


def test_busy_instances_go_when_they_are_done() -> None:
    lab = model_lab(1.0)
    calls = lab.invoke_at("f", [0.0] * 3)
    lab.run(until=1.5)
    lab.limit("f", 0)
    assert lab.invoke("f").status == 429
    lab.run()
    assert statuses(calls) == [200] * 3
    assert lab.instances("f") == []


def test_zero_blocks_a_warm_function() -> None:
    lab = warm(1)
    lab.limit("f", 0)
    assert lab.invoke("f").error_type == "ResourceExhausted"
    lab.limit("f", None)
    assert lab.invoke("f").ok


def test_a_limit_survives_another_declaration_unless_that_says_one() -> None:
    lab = warm(1)
    lab.limit("f", 0)
    lab.declare("f", duration=1)
    assert lab.invoke("f").status == 429
    lab.declare("f", duration=1, max_instances=2)
    assert lab.invoke("f").ok
