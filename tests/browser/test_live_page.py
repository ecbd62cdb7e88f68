"""Layer 2: what of a view survives when there is more to show."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fclab_widgets import CallChain, Player, Timeline
from playwright.sync_api import Page, expect

from fclab.observe.feed import Budget, Feed
from tests.browser.bare import Bare
from tests.unit.feed_kit import Growing, Watch


class Growth:
    """A lab of which one more request is recorded when the test says so, shown in a bare page."""

    def __init__(self, page: Page) -> None:
        self.source = Growing()
        self.source.request()
        self.feed = Feed(self.source, Watch(), Budget())
        self.feed.begin()
        self.player = Player.of(self.feed)
        self.bare = Bare(page)

    def tell(self) -> None:
        """Hand the page the newest state in one go, as a message does, and wait until it is taken in."""
        self.player.grow(self.source.recording(), self.source.present())
        reader = ("position", "speed", "folded", "playing", "selected", "following")
        state = {
            name: {"base64": base64.b64encode(value).decode()} if isinstance(value, (bytes, memoryview)) else value
            for name, value in self.player.get_state().items()
            if not name.startswith("_") and name not in reader
        }
        self.bare.page.evaluate(
            """([id, text]) => {
                const model = window.models[id];
                const { version, ...state } = JSON.parse(text);
                for (const [name, value] of Object.entries(state))
                    model.state[name] = value?.base64 === undefined ? value
                        : new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer);
                model.set("version", version);
            }""",
            [self.player.model_id, json.dumps(state, default=str)],
        )
        for view in self.bare.page.locator(".fcl").all():
            expect(view).to_have_attribute("data-version", str(self.player.version))
        self.bare.settle()

    def more(self, requests: int = 1) -> None:
        for _ in range(requests):
            self.source.request()
        self.tell()

    def window(self, view: Timeline) -> list[float]:
        """The lab times (s) that a zoomed timeline shows at its ends."""
        part = self.bare.page.evaluate("id => window.models[id].get('window')", view.model_id)
        assert isinstance(part, list)
        return part


@pytest.fixture
def growth(page: Page) -> Growth:
    return Growth(page)


def test_selection_hover_focus_and_nodes_survive(growth: Growth) -> None:
    page = growth.bare.page
    growth.bare.show(Timeline(growth.feed), CallChain(growth.feed))
    timeline = page.locator(".fcl").first
    node = page.locator("[data-node='hello#1']").element_handle()
    timeline.focus()
    page.keyboard.press("ArrowLeft")
    page.evaluate("id => window.models[id].set('selected', 1)", growth.player.model_id)
    box = timeline.locator(".fcl-rows").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    tip = timeline.locator(".fcl-tip")
    expect(tip).to_contain_text("hello#1")
    growth.more()
    expect(tip).to_contain_text("hello#1")
    assert growth.bare.state(Timeline(growth.feed), "selected") == 1
    assert timeline.evaluate("view => view === document.activeElement")
    assert node.evaluate("node => node.isConnected"), "what stands still is not drawn anew"
    expect(timeline).to_have_attribute("data-live", "behind")


def test_a_zoomed_view_of_who_was_left_behind_shows_the_same_times(growth: Growth) -> None:
    page = growth.bare.page
    view = Timeline(growth.feed)
    growth.bare.show(view)
    timeline = page.locator(".fcl").first
    timeline.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    rows = timeline.locator(".fcl-rows")
    box = rows.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    growth.bare.settle()
    before = growth.window(view)
    assert before != [0, 1]
    tip = timeline.locator(".fcl-tip")
    said = tip.inner_text()
    growth.more(40)
    after = growth.window(view)
    assert after[1] - after[0] < (before[1] - before[0]) / 2, "the same times are a smaller part of the run"
    assert tip.inner_text().split("\n")[0] == said.split("\n")[0], "and what is under the pointer is what it was"


def test_following_ends_with_the_run_and_it_replays(growth: Growth, snapshot: Callable[[str], Path]) -> None:
    page = growth.bare.page
    growth.bare.show(Timeline(growth.feed), CallChain(growth.feed))
    timeline = page.locator(".fcl").first
    expect(timeline).to_have_attribute("data-live", "now")
    growth.more(3)
    growth.source.live = False
    growth.more()
    expect(timeline).to_have_attribute("data-live", "over")
    assert growth.bare.state(Timeline(growth.feed), "following") is False
    expect(timeline.locator(".fcl-clock")).to_have_text(f"{growth.source.scribe.recording.end_us / 1e6:.2f} s")
    over = growth.bare.picture()
    page.evaluate("() => window.ends.forEach((end) => end())")
    growth.bare.show(Timeline(growth.source.scribe.recording.copy()))
    page.locator(".fcl").first.focus()
    page.keyboard.press("End")
    growth.bare.settle()
    assert growth.bare.picture() == over, "the picture is that of any recording of this run"
    snapshot("live-page-over")
