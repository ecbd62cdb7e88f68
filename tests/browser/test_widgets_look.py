"""Layer 2: how timeline and call chain look: themes, sizes, odd recordings, facts for the mouse and for a screen reader, speed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fclab_widgets import CallChain, Timeline
from playwright.sync_api import Page, expect

from fclab.observe.recording import Recording
from tests.browser.bare import Bare
from tests.unit.drawn import crowd, many_requests, three_requests


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(three_requests())


@pytest.fixture
def bare(page: Page) -> Bare:
    return Bare(page)


def focus(bare: Bare) -> None:
    bare.page.locator(".fcl").first.focus()


def ink(bare: Bare, x: float, y: float) -> list[int]:
    """The colour of the timeline at shares x, y of its size."""
    script = """([x, y]) => { const c = document.querySelector('.fcl-rows');
        return [...c.getContext('2d').getImageData(c.width * x, c.height * y, 1, 1).data] }"""
    return list(bare.page.evaluate(script, [x, y]))


def test_dark_theme_is_followed_at_once(page: Page, timeline: Timeline, snapshot: Callable[[str], Path]) -> None:
    bare = Bare(page, theme="dark", width=1200)
    bare.show(timeline, CallChain(timeline.scene.recording))
    focus(bare)
    bare.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    assert sum(ink(bare, 0.5, 0.99)[:3]) < 200 or ink(bare, 0.5, 0.99)[3] == 0
    dark = bare.picture()
    snapshot("widgets-dark")
    page.evaluate(
        """() => { for (const [name, value] of [['layout-color1', '#fff'], ['layout-color2', '#eee'], ['content-font-color1', '#111']])
          document.body.style.setProperty(`--jp-${name}`, value);
        document.body.dataset.jpThemeLight = 'true'; }"""
    )
    bare.settle()
    assert bare.picture() != dark


def test_the_legend_has_the_colours_of_the_bars(page: Page, timeline: Timeline) -> None:
    for theme, most in (("light", 255), ("dark", 90)):
        bare = Bare(page, theme=theme)
        bare.show(timeline)
        colour = page.locator(".fcl-quiet").evaluate("node => getComputedStyle(node).backgroundColor")
        # color-mix() is told in shares of 1, plain colours in 255ths
        parts = [float(one) * (255 if "srgb" in colour else 1) for one in re.findall(r"[\d.]+", colour)[:3]]
        assert max(parts) <= most, colour
        page.unroute("**/*")


def test_the_axis_stays_in_sight_while_many_rows_scroll(page: Page, snapshot: Callable[[str], Path]) -> None:
    bare = Bare(page, width=1130)
    bare.show(Timeline(crowd(60)))
    page.evaluate("() => { document.querySelector('.fcl-picture').scrollTop = 200 }")
    bare.settle()
    box, axis, rows = (page.locator(name).bounding_box() for name in (".fcl-picture", ".fcl-axis", ".fcl-rows"))
    assert box
    assert axis
    assert rows
    assert rows["y"] < box["y"] - 100
    assert box["y"] + box["height"] - axis["y"] - axis["height"] == pytest.approx(0, abs=1)
    snapshot("widgets-many-rows")


def test_hovering_tells_the_facts_of_a_span(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    bare.page.locator(".fcl-rows").hover(position={"x": 175, "y": 62})
    expect(bare.page.locator(".fcl-tip")).to_contain_text("hello#1 · download · R1")
    expect(bare.page.locator(".fcl-tip")).to_contain_text("0.1 – 0.4 s (0.3 s)")


def test_a_table_says_the_same_to_a_screen_reader(bare: Bare, timeline: Timeline) -> None:
    chain = CallChain(timeline.scene.recording)
    bare.show(timeline, chain)
    page = bare.page
    spans = page.locator(".fcl").nth(0).locator("tbody tr")
    hops = page.locator(".fcl").nth(1).locator("tbody tr")
    expect(spans).to_have_count(len(timeline.scene.spans))
    expect(hops).to_have_count(len(chain.scene.hops))
    assert spans.nth(1).locator("td").all_inner_texts() == ["hello#1", "download", "R1", "0.1", "0.4"]
    assert hops.nth(0).locator("td").all_inner_texts() == ["R1", "caller", "front door", "0", "0", "ok"]
    expect(page.locator(".fcl-caption").first).to_have_attribute("aria-live", "polite")
    tree = page.locator(".fcl").first.aria_snapshot()
    assert "Space plays and pauses" in tree
    assert "slider" in tree


@pytest.mark.parametrize("recording", [Recording(), crowd(40), many_requests(200)], ids=["empty", "crowd", "many"])
@pytest.mark.parametrize("width", [320, 1200])
def test_odd_recordings_are_drawn_too(page: Page, recording: Recording, width: int) -> None:
    bare = Bare(page, width=width)
    bare.show(Timeline(recording), CallChain(recording))
    focus(bare)
    bare.press("ArrowRight", "End", "Home")
    overflow = page.evaluate("() => document.querySelector('.fcl').scrollWidth - document.querySelector('.fcl').clientWidth")
    assert overflow <= 0


def test_five_thousand_spans_are_smooth(bare: Bare) -> None:
    timeline = Timeline(many_requests(2_500))
    assert len(timeline.scene.spans) > 5_000
    bare.show(timeline)
    work = bare.page.evaluate(
        """async (id) => { const m = window.models[id], took = [];
        for (let i = 0; i < 60; i++) {
          m.set('position', i * 3.7);
          const began = await new Promise((done) => requestAnimationFrame(() => done(performance.now())));
          await new Promise((done) => requestAnimationFrame(done)); took.push(performance.now() - began); }
        return took.sort((a, b) => a - b)[54]; }""",
        timeline.player.model_id,
    )
    assert work < 60, f"the 90th percentile of a frame took {work} ms"
