"""Views that move: those of a lab in real time, and of a virtual one that is played."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest
from fclab_widgets import Player, Timeline
from fclab_widgets.playhead import carry, position_at, time_at
from fclab_widgets.reel import reel

from fclab import Lab
from fclab.controls import pace
from fclab.controls.driver import Driver
from fclab.observe.feed import Budget, Feed
from fclab.observe.recording import Recording
from fclab.observe.svg_scene import Scene
from tests.unit.drawn import many_requests, three_requests
from tests.unit.engine_kit import model_lab
from tests.unit.feed_kit import Growing, Shell, Watch, messages
from tests.unit.live_kit import DEADLINE, Live


def columns(player: Player) -> dict[str, object]:
    return {name: getattr(player, name) for name in reel(player.scene)}


# ---- the player


def followed(source: Growing) -> tuple[Feed, Player]:
    feed = Feed(source, Watch(), Budget())
    feed.begin()
    return feed, Player.of(feed)


def test_clause_3_an_update_is_one_message_with_the_next_version() -> None:
    source = Growing()
    _, player = followed(source)
    assert (player.live, player.following, player.version) == (True, True, 0)
    with messages(player) as sent:
        for _ in range(3):
            source.request()
            assert player.grow(source.recording(), source.present())
    assert [state["version"] for state in sent] == [1, 2, 3]
    assert sent[0].keys() >= {"spans", "hops", "steps", "captions", "end", "present"}
    assert "begin" not in sent[0], "what is the same is not sent again"
    assert not sent[0].keys() & {"position", "following", "selected", "playing", "speed", "folded"}, "those are the reader's"
    assert columns(player) == reel(Scene(source.recording()))


def test_clause_3_a_moment_that_was_shown_stays_where_it_was() -> None:
    source = Growing()
    _, player = followed(source)
    source.request()
    player.grow(source.recording(), source.present())
    player.seek(0.8)
    for _ in range(600):
        source.request()
    player.grow(source.recording(), source.present())
    assert player.scene.story.length > 100, "so long that its dwelling was shortened"
    assert player.now == pytest.approx(0.8)
    assert not player.following


def test_a_position_inside_a_stand_keeps_its_distance() -> None:
    short, long = Scene(three_requests()).story, Scene(many_requests(300)).story
    first = position_at(short, 0)
    assert time_at(short, first + 0.3) == 0
    assert carry(first + 0.3, short, short) == first + 0.3
    assert 0 < carry(first + 0.3, short, long) < 0.3
    assert carry(-1.0, short, long) == -1.0


def test_at_the_end_it_is_the_player_of_the_recording() -> None:
    source = Growing()
    feed, player = followed(source)
    source.request()
    source.live = False
    while feed.end():
        pass
    assert (player.live, player.following, player.now) == (False, False, source.recording().end_us / 1e6)
    assert Player.of(source.recording()) is player
    assert Player.of(feed) is player
    fresh = Player(Scene(source.recording()))
    assert columns(player) == columns(fresh)


def test_a_page_that_is_loaded_later_learns_what_time_it_is() -> None:
    source = Growing()
    _, player = followed(source)
    source.time += 7_000_000
    assert player.get_state()["present"] == source.time
    assert "present" not in player.get_state("spans")


def test_following_and_leaving_from_a_cell() -> None:
    source = Growing()
    _, player = followed(source)
    source.request()
    player.grow(source.recording(), source.present())
    assert repr(player).endswith("live)")
    assert player.now == source.recording().end_us / 1e6
    player.seek(0.5)
    assert (player.following, player.now) == (False, 0.5)
    player.follow()
    assert player.following


def test_a_closed_player_wants_no_more_and_a_new_view_gets_another() -> None:
    source = Growing()
    feed, player = followed(source)
    player.close()
    source.request()
    assert not player.grow(source.recording(), source.present())
    assert Player.of(feed) is not player


def test_two_labs_send_thirty_messages_a_second_together() -> None:
    watch, budget = Watch(), Budget()
    sources = [Growing(), Growing()]
    feeds = [Feed(source, watch, budget) for source in sources]
    times: list[float] = []
    for feed in feeds:
        feed.begin()
        Player.of(feed).comm.send = lambda *_, **__: times.append(watch.now)
    due = [watch.now, watch.now]
    while watch.now < 103:
        number = due.index(min(due))
        watch.now = max(watch.now, due[number])
        for source in sources:
            source.request()
        due[number] = watch.now + max(1e-6, feeds[number].look())
    assert 28 <= max(sum(time <= other < time + 1 - 1e-9 for other in times) for time in times) <= 30
    for source, feed in zip(sources, feeds, strict=True):
        source.live = False
        while wait := feed.end():
            watch.now += max(1e-6, wait)
        assert len(Player.of(feed).scene.ledger) == source.scribe.requests
    assert max(sum(time <= other < time + 1 - 1e-9 for other in times) for time in times) <= 30


# ---- in real time


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live()
    yield made
    made.driver.close()


def when(player: Player, said: Callable[[], bool]) -> bool:
    """Wait until `said` after an update of the player; False where that takes too long."""
    seen = threading.Event()
    send = player.comm.send

    def sent(*args: object, **kwargs: object) -> None:
        send(*args, **kwargs)
        if said():
            seen.set()

    player.comm.send = sent
    return said() or seen.wait(DEADLINE)


def test_views_of_a_lab_move_while_nobody_asks(live: Live) -> None:
    lab = Shell(live)
    live.declare(duration=0.01)
    timeline = lab.timeline()
    player = timeline.player
    assert player.live
    live.requests.at("f", [0.0, 0.05, 0.1], b"", "sync")
    assert when(player, lambda: len(player.scene.ledger) == 3)
    assert lab.call_chain().player is player, "shown at another moment, and linked"


def test_a_new_view_shows_the_present(live: Live) -> None:
    lab = Shell(live)
    live.declare()
    assert repr(lab.timeline()) == "Timeline(0 instances, 0 requests, 0 spans)"
    live.requests.invoke("f", b"")
    player = lab.timeline().player
    assert when(player, lambda: len(player.scene.ledger) == 1)


def test_no_thread_outlives_its_lab_and_the_last_state_arrives() -> None:
    made = Live()
    lab = Shell(made)
    made.declare(duration=0.001)
    before = threading.active_count()
    player = lab.timeline().player
    assert threading.active_count() == before + 1
    lab.call_chain()
    assert threading.active_count() == before + 1
    for _ in range(20):
        made.requests.invoke("f", b"")
    made.driver.close()
    assert threading.active_count() == before - 1, "the engine's thread is gone, and that of its views"
    assert columns(player) == reel(Scene(lab.recording))
    assert not player.live
    assert lab.timeline().player is player


def test_a_lab_without_views_has_one_thread_and_one_closed_makes_no_new_one(live: Live) -> None:
    live.declare()
    before = threading.active_count()
    live.requests.invoke("f", b"")
    live.driver.recording()
    assert threading.active_count() == before
    live.driver.close()
    assert not Shell(live).timeline().player.live
    assert threading.active_count() == before - 1


def test_an_observer_may_close_the_lab(live: Live) -> None:
    lab = Shell(live)
    live.declare()
    player = lab.timeline().player
    live.driver.ask(live.platform.recording.hooks.asking([]), lambda event: live.driver.close())
    live.requests.at("f", [0.0], b"", "sync")
    assert when(player, lambda: not player.live)
    live.driver.close()


# ---- played


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=made, sleep=lambda seconds: setattr(made, "now", made.now + seconds)))
    monkeypatch.setattr(pace, "FRAME", 0)
    return made


def shown(lab: Lab, watch: Watch) -> Player:
    """The player of a lab, whose feed has the clock of the test from its first moment."""
    player = lab.timeline().player
    driver = lab._driver
    assert isinstance(driver, Driver)
    assert driver.feed
    driver.feed.clock, driver.feed.budget = watch, Budget()
    return player  # type: ignore[no-any-return]


async def over(player: Player, watch: Watch) -> None:
    """The end of the run has been shown."""
    done = asyncio.Event()
    player.comm.send = lambda *_, **__: done.set()
    watch.now += 1
    if player.live:
        await asyncio.wait_for(done.wait(), DEADLINE)


def played_first(lab: Lab, watch: Watch) -> Player:
    lab.play(speed=1)
    return shown(lab, watch)


def shown_first(lab: Lab, watch: Watch) -> Player:
    player = shown(lab, watch)
    assert not player.live
    lab.play(speed=1)
    return player


@pytest.mark.parametrize("begin", [played_first, shown_first])
def test_a_view_keeps_up_with_a_lab_that_is_played(watch: Watch, begin: Callable[[Lab, Watch], Player]) -> None:
    lab = model_lab(0.5, 1.0)
    lab.invoke_at("f", [0, 2, 4])
    seen: list[tuple[float, int, bool]] = []

    async def notebook() -> Player:
        player = begin(lab, watch)
        for _ in range(60):
            watch.now += 0.1
            for _ in range(5):
                await asyncio.sleep(0)
            seen.append((player.scene.end_us / 1e6, len(player.scene.ledger), player.live))
        await over(player, watch)
        return player

    player = asyncio.run(notebook())
    assert {count for _, count, _ in seen} == {1, 2, 3}
    assert all(before[0] <= after[0] for before, after in pairwise(seen))
    assert seen[20] == (2.0, 2, True), "R2 has begun at 2 s, and nothing is recorded between that and its end"
    assert not player.live
    assert columns(player) == reel(Scene(lab.recording))
    assert lab.call_chain().player is player
    assert Timeline(lab.recording).player is player


def test_an_unpaced_lab_has_players_of_finished_recordings() -> None:
    lab = model_lab()
    lab.invoke("f")
    threads = threading.active_count()
    before = lab.timeline()
    assert (before.player.live, before.player.following, before.player.version) == (False, False, 0)
    assert before.player is lab.call_chain().player is Player.of(lab.recording)
    lab.invoke("f")
    assert lab.timeline().player is not before.player
    assert threading.active_count() == threads
    assert isinstance(before.scene.recording, Recording)


def test_a_played_lab_that_is_closed_leaves_no_view_live(watch: Watch) -> None:
    lab = model_lab(0.5, 1.0)
    lab.invoke_at("f", [0, 2, 4])

    async def notebook() -> Player:
        player = played_first(lab, watch)
        assert player.live
        lab.close()
        await over(player, watch)
        return player

    player = asyncio.run(notebook())
    assert not player.live
    assert lab.timeline().player is player
