"""Shortcuts for long recordings: what they give is what the long way gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fclab.observe.captions import tell
from fclab.observe.hops import hops
from fclab.observe.ledger import ledger
from fclab.observe.moments import moments
from fclab.observe.recording import Recording
from fclab.observe.requests import requests
from tests.unit.drawn import crowd, many_requests
from tests.unit.observe_runs import broken_boot, capped, failing, lesson00, nested, reserved, two_slots

RUNS = [lesson00, failing, capped, two_slots, broken_boot, reserved, nested, Recording, lambda: crowd(9), lambda: many_requests(9)]

Make = Callable[[], Recording]


@pytest.mark.parametrize("make", RUNS)
def test_the_first_hops_are_those_of_the_whole(make: Make) -> None:
    recording = make()
    whole = hops(recording)
    for most in range(len(whole) + 2):
        first = hops(recording, most)
        for name in ("source", "target", "depart", "arrive", "request", "attempt", "outcome", "row"):
            assert getattr(first, name) == getattr(whole, name)[:most], (name, most)
        used = max((*first.source, *first.target), default=0) + 1
        assert first.nodes[:used] == whole.nodes[:used]


@pytest.mark.parametrize("make", RUNS)
def test_the_moments_of_some_instants_are_told_alike(make: Make) -> None:
    recording = make()
    whole = list(moments(recording))
    times = sorted({moment.time for moment in whole})
    for step in (1, 2, 3, 5):
        for first in range(step):
            chosen = set(times[first::step])
            there = [(moment.time, moment.request, tell(moment, recording)) for moment in moments(recording, chosen)]
            assert there == [(moment.time, moment.request, tell(moment, recording)) for moment in whole if moment.time in chosen]


@pytest.mark.parametrize("make", RUNS)
def test_the_ledger_says_what_the_requests_say(make: Make) -> None:
    recording = make()
    columns, views = ledger(recording), requests(recording)
    assert len(columns) == len(views)
    for index, view in enumerate(views):
        assert columns.number[index] == view.number
        assert columns.arrived[index] == view.arrived_us
        assert columns.replied[index] == (-1 if view.replied_us is None else view.replied_us)
        assert columns.done[index] == (-1 if view.finished_us is None else view.finished_us)
        assert (columns.status[index], columns.cause[index]) == (view.status or 0, view.cause)
        how = {"open": "", "ok": "cold" if view.cold else "warm"}.get(view.outcome, view.outcome)
        assert columns.words(index).partition(" ")[0] == how


def test_rows_of_some_kinds_are_the_others_left_out() -> None:
    recording = many_requests(2_000)
    recording.pack()
    for kinds in ({1}, {1, 8, 30}, set()):
        assert list(recording.rows(kinds)) == [row for row in recording.rows() if row[1] in kinds]


def test_rows_from_a_number_on_are_the_rest() -> None:
    recording = Recording()
    for n in range(150_000):
        recording.emit(n, 1 + n % 3, n)
    whole = list(recording.rows())
    for first in (0, 1, 511, 65_535, 65_536, 65_537, 131_072, 149_999, 150_000, 150_001, 400_000):
        assert list(recording.rows(first=first)) == whole[first:]
    assert list(recording.rows({2}, 100_000)) == [row for row in whole[100_000:] if row[1] == 2]
