"""Layer 2: timeline and call chain of one recording side by side: one moment, one caption, one token a request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fclab_widgets import CallChain, Timeline
from playwright.sync_api import Page, expect

from fclab.observe import events as e
from tests.browser.bare import Bare
from tests.unit.drawn import many_requests, three_requests
from tests.unit.observe_runs import Script, us

CAPTION, CLOCK = ".fcl-caption", ".fcl-clock"


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(three_requests())


@pytest.fixture
def bare(page: Page) -> Bare:
    return Bare(page)


def focus(bare: Bare, number: int = 0) -> None:
    bare.page.locator(".fcl").nth(number).focus()


def position(bare: Bare, number: int = 0) -> float:
    return float(str(bare.page.locator(".fcl").nth(number).get_attribute("data-position")))


def test_linked_views_show_the_same_moment(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline, CallChain(timeline.scene.recording))
    focus(bare, 1)
    bare.press(*["Shift+ArrowRight"] * 3, "ArrowRight")
    for number in (0, 1):
        expect(bare.page.locator(CLOCK).nth(number)).to_have_text("600.10 s")
    expect(bare.page.locator(CAPTION).first).to_contain_text("hello#2")
    expect(bare.page.locator("[data-node='hello#2']")).to_have_attribute("data-state", "download")
    expect(bare.page.locator("[data-node='hello#1']")).to_have_attribute("data-state", "reclaimed")
    bare.page.locator("[data-token] >> text=R3").click()
    assert bare.state(timeline, "selected") == 3


def test_a_pair_fits_on_a_screen_and_has_one_caption_and_one_set_of_controls(
    page: Page, timeline: Timeline, snapshot: Callable[[str], Path]
) -> None:
    bare = Bare(page, width=1130)
    bare.show(timeline, CallChain(timeline.scene.recording))
    views = page.locator(".fcl")
    first, second = views.nth(0).bounding_box(), views.nth(1).bounding_box()
    assert first
    assert second
    assert second["y"] + second["height"] - first["y"] <= 640
    for part in (CAPTION, ".fcl-bar"):
        expect(views.nth(0).locator(part)).to_be_visible()
        expect(views.nth(1).locator(part)).to_be_hidden()
    assert page.locator("[aria-live]:visible, output:visible").count() == 1, "a screen reader hears each caption once"
    expect(views.nth(1)).to_contain_text("Call chain")
    focus(bare, 1)
    bare.press("ArrowRight")
    expect(page.locator(CAPTION).first).to_contain_text("R1 arrives")
    expect(page.locator(CLOCK).nth(1)).to_have_text("0.00 s")
    snapshot("widgets-pair")
    page.evaluate("() => window.ends[0]()")
    for part in (CAPTION, ".fcl-bar"):
        expect(page.locator(part)).to_be_visible()
    expect(page.locator(CAPTION)).to_contain_text("R1 arrives")


def test_views_far_from_one_another_keep_their_controls(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    bare.page.evaluate("() => { document.querySelector('.fcl').parentElement.style.marginBottom = '900px' }")
    bare.show(CallChain(timeline.scene.recording))
    expect(bare.page.locator(".fcl-bar >> visible=true")).to_have_count(2)


def test_a_request_is_one_token_and_its_202_is_none(bare: Bare) -> None:
    run = Script("front", "back", until=3)
    front = run.create(0, request=1)
    run.emit(0, e.InstanceReady, 0, 0, front)
    run.accept(0, 1)
    run.assign(0, 1, front)
    run.start(0, 1, front)
    run.accept(1, 2, mode="async", function=2, cause=1)
    run.emit(1, e.EventEnqueued, 2, function=2, a=us(1), b="task")
    run.end(2, 1, front)
    run.succeed(2, 1)
    chain = CallChain(run.recording)
    bare.show(chain)
    page = bare.page
    story = chain.scene.story
    receipts = 0
    for share in range(0, 101, 2):
        page.evaluate("([id, p]) => window.models[id].set('position', p)", [chain.player.model_id, story.length * share / 100])
        bare.settle()
        shown = page.locator("[data-token]").all_text_contents()
        receipts += "202" in shown
        names = [text.split()[0] for text in shown if text != "202"]
        assert len(names) == len(set(names)), f"at {share} %: {shown}"
    assert names == ["R2"]
    assert receipts


def test_a_long_call_chain_says_what_it_leaves_out(bare: Bare) -> None:
    timeline = Timeline(many_requests(4_100))
    bare.show(CallChain(timeline.scene.recording))
    expect(bare.page.locator(CAPTION)).to_contain_text("The call chain shows the first 20,000 hops, up to 4001")
    focus(bare)
    bare.press("ArrowRight")
    expect(bare.page.locator(CAPTION)).not_to_contain_text("The call chain shows")
    bare.press("End")
    expect(bare.page.locator(CAPTION)).to_contain_text("The call chain shows the first 20,000 hops")
    expect(bare.page.locator(".fcl-head")).to_contain_text("shows the first 20,000 hops")


def test_a_second_view_shows_the_state_of_the_first(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    focus(bare)
    bare.press("Shift+ArrowRight", "Shift+ArrowRight", "ArrowRight")
    bare.show(timeline)
    assert position(bare, 1) == position(bare, 0)
    assert bare.picture(1) == bare.picture(0)
    expect(bare.page.locator(CLOCK).nth(1)).to_have_text(bare.page.locator(CLOCK).nth(0).inner_text())
