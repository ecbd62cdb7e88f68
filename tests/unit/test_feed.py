"""`Feed` and `Budget`, clause by clause, with a clock that is turned by hand."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest

from fclab.observe.feed import GAP, SHARE, Budget, Feed, Present
from fclab.observe.recording import Recording
from tests.unit.feed_kit import Growing, Watch


@dataclass(slots=True)
class Eye:
    """A follower: when it was shown how many events, and how long it takes to look."""

    watch: Watch
    cost: float = 0.0
    wants_more: bool = True
    seen: list[tuple[float, int, bool]] = field(default_factory=list)

    def grow(self, recording: Recording, present: Present) -> bool:
        self.seen.append((self.watch.now, len(recording), present.live))
        self.watch.now += self.cost
        return self.wants_more


@pytest.fixture
def watch() -> Watch:
    return Watch()


def made(watch: Watch, budget: Budget, cost: float = 0.0) -> tuple[Feed, Growing, Eye]:
    source, eye = Growing(), Eye(watch, cost)
    feed = Feed(source, watch, budget)
    feed.begin()
    feed.follow(eye, source.size())
    return feed, source, eye


def pump(watch: Watch, feeds: list[Feed], seconds: float, also: list[Growing]) -> None:
    """Call each feed when it says, for so long; before every call something is recorded in each of `also`."""
    due = dict.fromkeys(range(len(feeds)), watch.now)
    end = watch.now + seconds
    while (first := min(due, key=due.__getitem__)) is not None and due[first] < end:
        watch.now = max(watch.now, due[first])
        for source in also:
            source.request()
        due[first] = watch.now + max(1e-6, feeds[first].look())


def most_in_a_second(times: list[float]) -> int:
    return max(sum(1 for other in times if time <= other < time + 1 - 1e-9) for time in times)


@pytest.mark.parametrize("labs", [1, 2, 5])
def test_clause_2_all_feeds_together_send_thirty_times_a_second_at_most(watch: Watch, labs: int) -> None:
    budget = Budget()
    parts = [made(watch, budget) for _ in range(labs)]
    pump(watch, [feed for feed, _, _ in parts], 10, [source for _, source, _ in parts])
    times = sorted(time for _, _, eye in parts for time, _, _ in eye.seen)
    assert 25 <= most_in_a_second(times) <= 30
    counts = [len(eye.seen) for _, _, eye in parts]
    assert max(counts) - min(counts) <= 2, "they take turns"


@pytest.mark.parametrize("cost", [0.01, 0.2])
def test_clause_2_an_update_that_takes_long_is_followed_by_a_long_pause(watch: Watch, cost: float) -> None:
    feed, source, eye = made(watch, Budget(), cost)
    pump(watch, [feed], 30, [source])
    assert len(eye.seen) * cost / 30 == pytest.approx(SHARE, rel=0.5)
    assert len(eye.seen) * cost <= 30 * SHARE * 1.05 + cost


def test_clause_3_nothing_is_shown_while_nothing_is_recorded(watch: Watch) -> None:
    feed, source, eye = made(watch, Budget())
    pump(watch, [feed], 5, [])
    assert eye.seen == []
    source.request()
    pump(watch, [feed], 5, [])
    assert [count for _, count, _ in eye.seen] == [source.size()]


def test_clause_4_the_last_state_arrives_though_it_is_not_its_time(watch: Watch) -> None:
    budget = Budget()
    feed, source, eye = made(watch, budget, cost=1.0)
    source.request()
    pump(watch, [feed], GAP, [])
    source.request()
    assert feed.look() > 5, "its pause is long"
    other = budget.turn(watch.now)
    source.live = False
    wait = feed.end()
    assert wait == pytest.approx(GAP)
    watch.now += wait
    assert feed.end() == 0
    assert eye.seen[-1][1:] == (source.size(), False)
    assert eye.seen[-1][0] >= other + GAP
    assert feed.end() == 0
    assert len(eye.seen) == 2


def test_clause_3_a_run_that_begins_and_ends_is_told_once_each(watch: Watch) -> None:
    feed, source, eye = made(watch, Budget())
    feed.begin()
    pump(watch, [feed], 2, [])
    assert len(eye.seen) == 1
    source.live = False
    watch.now += 1
    assert feed.end() == 0
    assert [live for _, _, live in eye.seen] == [True, False]


def test_who_asks_sees_the_present_unless_another_has_the_turn(watch: Watch) -> None:
    budget = Budget()
    feed, source, eye = made(watch, budget, cost=1.0)
    source.request()
    feed.refresh()
    source.request()
    watch.now += GAP
    feed.refresh()
    assert len(eye.seen) == 2, "the pause does not hold for who asks"
    source.request()
    budget.turn(watch.now)
    feed.refresh()
    assert len(eye.seen) == 2
    feed.refresh()


def test_a_run_goes_on_for_who_has_seen_all_before_it_only(watch: Watch) -> None:
    feed, source, eye = made(watch, Budget())
    source.request()
    feed.begin()
    assert feed.follower is None
    feed.follow(eye, source.size())
    feed.begin()
    assert feed.follower is eye
    assert feed.follow(Eye(watch), 0) is eye


def test_a_follower_that_is_closed_is_shown_nothing_more(watch: Watch) -> None:
    feed, source, eye = made(watch, Budget())
    eye.wants_more = False
    pump(watch, [feed], 2, [source])
    assert len(eye.seen) == 1
    assert feed.follower is None


def test_clause_6_a_follower_that_raises_is_let_go_and_reported(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    feed, source, eye = made(watch, Budget())
    eye.seen = None  # type: ignore[assignment]
    with caplog.at_level(logging.ERROR, "fclab"):
        pump(watch, [feed], 2, [source])
    assert feed.follower is None
    assert "do not move any more" in caplog.text
    assert feed.end() == 0
