"""`lab.configure_async`: retries and destinations change while the function and its instances stay."""

from __future__ import annotations

import pytest

from fclab import AsyncConfig, Lab, UnknownFunction, UsageError


def fails(event: object, context: object) -> None:
    raise ValueError("no")


def test_it_counts_from_now_on_and_instances_stay() -> None:
    with Lab(profile="instant") as lab:
        lab.function(name="f", async_config=AsyncConfig(max_retries=2))(fails)
        before = lab.invoke_async("f")
        before.result()
        assert before.executions == 3
        (instance,) = lab.instances("f")
        lab.configure_async("f", AsyncConfig(max_retries=0, on_failure="queue:given-up"))
        after = lab.invoke_async("f")
        after.result()
        lab.run()
        assert after.executions == 1
        assert len(lab.queues["given-up"]) == 1
        assert [one.id for one in lab.instances("f")] == [instance.id]
        assert lab.functions["f"].async_config.max_retries == 0
        with lab.fresh() as twin:
            assert twin.functions["f"].async_config.max_retries == 0


def test_what_waits_meets_it_too() -> None:
    with Lab(profile="instant") as lab:
        lab.function(name="f", async_config=AsyncConfig(max_retries=8))(fails)
        task = lab.invoke_async("f", delay=5)
        lab.configure_async("f", AsyncConfig(max_retries=1))
        task.result()
        assert task.executions == 2


def test_what_is_refused() -> None:
    with Lab() as lab:
        lab.declare("f", duration=0.1)
        with pytest.raises(UsageError, match="AsyncConfig"):
            lab.configure_async("f", {"max_retries": 1})  # type: ignore[arg-type]
        with pytest.raises(UnknownFunction):
            lab.configure_async("g", AsyncConfig())
