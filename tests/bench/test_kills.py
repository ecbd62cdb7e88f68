"""The five-second form of `python -m tests.bench.kills`."""

from __future__ import annotations

import sys

import pytest

from tests.bench.kills import CLEAR, EVERY, run


@pytest.mark.skipif(sys.platform != "linux", reason="real processes need Linux")
def test_killed_at_random_nothing_is_lost_and_nothing_leaks(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = 5.0
    found = run(seconds)
    print(found)
    assert found.wrong == []
    assert found.kills > seconds / EVERY / 5, "the machine may be slow, but not that slow"
    assert set(found.calls) <= set(CLEAR)
    assert found.calls["ok"] > found.kills
    assert found.calls.get("ProcessExited", 0) > 0, "kills must have struck"
    assert set(found.events) <= {"Succeeded", "Failed"}
    before, after = found.before, found.after
    assert before is not None
    assert after is not None
    assert after.processes == before.processes
    assert after.folders == before.folders
    assert after.descriptors <= before.descriptors + 2, "a bell or two for callers that happened to wait at the same time"
    assert after.objects < before.objects + 20 * found.kills
    assert after.mb < before.mb + 20
