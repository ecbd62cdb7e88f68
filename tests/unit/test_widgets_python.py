"""The Python side of the widgets: one player a recording, state in traits, stable text, help for wrong use."""

from __future__ import annotations

import base64
import json
from array import array
from pathlib import Path

import fclab_widgets
import pytest
from fclab_widgets import CallChain, Player, Timeline
from fclab_widgets.columns import pack
from fclab_widgets.player import SPEEDS
from fclab_widgets.playhead import position_at, time_at
from fclab_widgets.reel import MOST_HOPS
from hypothesis import given
from hypothesis import strategies as st

from fclab.errors import UsageError
from fclab.observe.recording import Recording
from fclab.observe.svg_scene import Scene
from tests.unit.drawn import crowd, many_requests, three_requests

STATIC = Path(fclab_widgets.__file__).parent / "static"


def test_views_of_one_recording_share_one_player() -> None:
    recording = three_requests()
    timeline, chain = Timeline(recording), CallChain(recording)
    assert timeline.player is chain.player is Player.of(recording)
    assert Timeline(three_requests()).player is not timeline.player


def test_a_recording_that_grew_gets_a_new_player() -> None:
    recording = three_requests()
    before = Timeline(recording)
    recording.until_us = 900_000_000
    assert Timeline(recording).player is not before.player
    assert before.player.end == 601_100_000


def test_text_is_short_and_stable() -> None:
    recording = three_requests()
    assert repr(Timeline(recording)) == "Timeline(2 instances, 3 requests, 15 spans)"
    assert repr(CallChain(recording)) == "CallChain(5 nodes, 3 requests, 15 hops)"
    assert repr(Player.of(recording)) == "Player(2 instances, 3 requests, 15 spans, at the start)"
    assert repr(Timeline(Recording())) == "Timeline(0 instances, 0 requests, 0 spans)"


@pytest.mark.parametrize("view", [Timeline, CallChain])
def test_an_output_carries_a_live_view_a_picture_and_text(view: type[Timeline] | type[CallChain]) -> None:
    shown = view(three_requests())
    data, _ = shown._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert data["text/plain"] == repr(shown)
    html = str(data["text/html"])
    assert html.startswith(f'<img alt="{shown!r}" src="data:image/svg+xml;base64,')
    assert base64.b64decode(html.split("base64,")[1].rstrip('">')).decode() == shown.svg()
    assert len(html) < 40_000
    assert "/" not in str(data["text/plain"])


def test_wrong_use_is_refused_with_help() -> None:
    recording = three_requests()
    with pytest.raises(UsageError, match=r"Timeline has no option 'height'(.|\n)*set speed"):
        Timeline(recording, height=3)
    with pytest.raises(UsageError, match=r"shows a recording(.|\n)*lab\.timeline\(\)"):
        Timeline("run.json")  # type: ignore[arg-type]
    player = Player.of(recording)
    with pytest.raises(UsageError, match=r"from 0\.1 to 1000"):
        player.speed = 0
    with pytest.raises(UsageError, match="no request 'R9'"):
        player.select("R9")
    with pytest.raises(UsageError, match="time must be"):
        player.seek("soon")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="position must be"):
        player.position = float("nan")


def test_seek_and_select_move_every_view() -> None:
    timeline = Timeline(three_requests())
    chain = CallChain(timeline.scene.recording)
    timeline.seek(360.1)
    assert chain.player.now == 360.1
    assert repr(chain.player).endswith("at 360.1 s)")
    chain.select("R3")
    assert timeline.player.selected == 3
    timeline.select(0)
    assert chain.player.selected == 0


def test_position_is_kept_inside_the_story() -> None:
    player = Player.of(three_requests())
    player.position = 1e9
    assert player.now == 601.1
    player.position = -7
    assert (player.position, player.now) == (-1.0, 0.0)


@given(st.floats(min_value=0, max_value=700))
def test_seek_goes_where_it_was_asked(time: float) -> None:
    story = Scene(three_requests()).story
    us = min(round(time * 1e6), 601_100_000)
    assert abs(time_at(story, position_at(story, us)) - us) <= 1


def test_columns_are_little_endian_and_widest_first() -> None:
    packed = pack("dIB", [1.5], [7], [3])
    assert packed == bytes.fromhex("000000000000f83f" "07000000" "03")
    with pytest.raises(ValueError, match="shorter"):
        pack("dI", [1.0])


def test_the_reel_says_what_the_recording_says() -> None:
    recording = three_requests()
    made, player = Scene(recording), Player.of(recording)
    starts = array("d", bytes(player.spans)[: 8 * len(made.spans)])
    assert starts.tolist() == [float(start) for start in made.spans.start]
    assert len(player.spans) == len(made.spans) * (8 + 8 + 4 + 4 + 1)
    assert len(player.hops) == len(made.hops) * (4 * 8 + 4 + 3 * 2 + 1)
    assert player.captions == list(made.story.steps.captions)
    assert len(player.requests) == 3 * (3 * 8 + 2 * 4 + 2 + 1)
    assert array("d", bytes(player.requests)[:24]).tolist() == [0.0, 60e6, 600e6]
    assert player.hops_until == -1
    assert [node["name"] for node in player.nodes] == ["caller", "front door", "pool", "hello#1", "hello#2"]
    assert [lane["node"] for lane in player.lanes] == [3, 4]
    assert sorted(map(tuple, player.edges)) == [(0, 1, 3), (1, 0, 3), (1, 2, 3), (2, 3, 2), (2, 4, 1), (3, 1, 2), (4, 1, 1)]


def test_instances_that_share_a_node_keep_their_lanes() -> None:
    player = Player.of(crowd(20))
    assert len(player.lanes) == 20
    assert player.lanes[19]["node"] == player.lanes[7]["node"]
    assert player.nodes[-1]["kind"] == "group"


def test_names_travel_as_small_json_and_numbers_as_bytes() -> None:
    player = Player.of(many_requests(2_000))
    state = player.get_state()
    small = {name: value for name, value in state.items() if not isinstance(value, (bytes, memoryview))}
    assert len(json.dumps(small, default=str)) < 700_000
    assert len(player.hops) // 43 <= MOST_HOPS


def test_of_a_long_run_the_first_hops_are_sent_and_the_player_knows_it() -> None:
    recording = many_requests(4_100)
    player, made = Player.of(recording), Scene(recording)
    assert len(made.hops) == 20_500
    assert len(player.hops) // 43 == MOST_HOPS
    assert player.hops_until == made.hops.depart[MOST_HOPS - 1]
    assert "20500 hops" in repr(CallChain(recording))


def test_speeds_are_those_of_the_browser() -> None:
    source = (Path(fclab_widgets.__file__).parents[1] / "src" / "player" / "driver.js").read_text(encoding="utf-8")
    listed = source.split("SPEEDS = [")[1].split("]")[0]
    assert [float(one) for one in listed.split(",")] == list(SPEEDS)


@pytest.mark.parametrize("name", ["timeline", "call_chain", "prediction", "panel"])
def test_bundles_are_small_and_ask_for_nothing(name: str) -> None:
    text = (STATIC / f"{name}.js").read_text(encoding="utf-8")
    assert len(text.encode()) <= 38_000
    assert "export{" in text or "export default" in text
    for word in ("fetch(", "XMLHttpRequest", "WebSocket", "import(", "sendBeacon"):
        assert word not in text
    assert "http" not in text.replace("http://www.w3.org/", "")
