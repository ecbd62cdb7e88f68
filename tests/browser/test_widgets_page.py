"""Layer 2: timeline and call chain in a bare page. What a learner sees and presses, without Jupyter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fclab_widgets import CallChain, Timeline
from playwright.sync_api import Browser, Page, expect

from tests.browser.bare import Bare
from tests.browser.conftest import Trouble
from tests.unit.drawn import three_requests

STEPS = 17
CAPTION, CLOCK, COUNT = ".fcl-caption", ".fcl-clock", ".fcl-count"


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(three_requests())


@pytest.fixture
def bare(page: Page) -> Bare:
    return Bare(page)


@pytest.fixture
def calm(browser: Browser) -> Iterator[Page]:
    """A page of somebody who asked for less motion."""
    trouble = Trouble()
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as context:
        page = context.new_page()
        trouble.watch(page)
        yield page
    trouble.check()


def focus(bare: Bare, number: int = 0) -> None:
    bare.page.locator(".fcl").nth(number).focus()


def position(bare: Bare, number: int = 0) -> float:
    return float(str(bare.page.locator(".fcl").nth(number).get_attribute("data-position")))


def test_it_opens_paused_with_an_informative_first_frame(bare: Bare, timeline: Timeline, snapshot: Callable[[str], Path]) -> None:
    bare.show(timeline, CallChain(timeline.scene.recording))
    page = bare.page
    expect(page.locator(CLOCK).first).to_have_text("0.00 s")
    expect(page.locator(CAPTION).first).to_contain_text("2 instances, 3 requests, 15 spans. Press play (Space)")
    expect(page.locator(COUNT).first).to_have_text(f"0 / {STEPS}")
    assert page.locator(".fcl").first.get_attribute("data-playing") == "false"
    colours = page.evaluate(
        """() => { const c = document.querySelector('.fcl-rows');
        return new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size }"""
    )
    assert colours > 50, "rows, pale spans and marks are there before anything is pressed"
    expect(page.locator("[data-node='hello#1']")).to_have_attribute("data-state", "not there yet")
    snapshot("widgets-first-frame")


def test_steps_with_the_keyboard_pass_the_same_pictures_back(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    focus(bare)
    there = [(bare.picture(), position(bare))]
    for _ in range(STEPS):
        bare.press("ArrowRight")
        there.append((bare.picture(), position(bare)))
    assert len({picture for picture, _ in there}) == STEPS + 1
    expect(bare.page.locator(CAPTION)).to_contain_text("R3 is answered after 1.1 s, cold")
    back = [there[-1]]
    for _ in range(STEPS):
        bare.press("ArrowLeft")
        back.append((bare.picture(), position(bare)))
    assert back == there[::-1]


def test_steps_by_request_and_to_the_ends(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    focus(bare)
    stops = []
    for key in ("Shift+ArrowRight",) * 3 + ("End", "Shift+ArrowLeft", "Shift+ArrowLeft", "Home"):
        bare.press(key)
        stops.append(bare.page.locator(CLOCK).inner_text())
    assert stops == ["0.00 s", "60.00 s", "600.00 s", "601.10 s", "600.00 s", "60.00 s", "0.00 s"]
    assert position(bare) == -1


def test_the_mouse_does_what_the_keys_do(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    for name, clock in (("next event", "0.00 s"), ("next event", "0.10 s"), ("next request", "60.00 s"), ("previous event", "1.10 s")):
        page.get_by_role("button", name=name).click()
        bare.settle()
        expect(page.locator(CLOCK)).to_have_text(clock)
    page.get_by_role("button", name="to the end").click()
    bare.settle()
    expect(page.locator(CLOCK)).to_have_text("601.10 s")
    page.get_by_role("button", name="to the start").click()
    bare.settle()
    assert position(bare) == -1


def test_play_pauses_at_the_end_and_starts_again_from_the_front(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    page.get_by_label("speed").select_option("10")
    focus(bare)
    page.keyboard.press("Space")
    expect(page.locator(".fcl")).to_have_attribute("data-playing", "true")
    expect(page.get_by_role("button", name="pause")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.fcl').dataset.playing === 'false'")
    expect(page.locator(CLOCK)).to_have_text("601.10 s")
    assert bare.state(timeline, "position") == pytest.approx(timeline.scene.story.length)
    page.keyboard.press("Space")
    page.wait_for_function("() => Number(document.querySelector('.fcl').dataset.position) < 4")
    page.keyboard.press("Space")
    expect(page.locator(".fcl")).to_have_attribute("data-playing", "false")


def test_scrubbing_pauses_and_tells_the_kernel_once(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    focus(bare)
    page.keyboard.press("Space")
    box = page.locator(".fcl-rows").bounding_box()
    assert box
    page.evaluate("id => { window.models[id].sent = [] }", timeline.player.model_id)
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 80, steps=12)
    page.mouse.up()
    bare.settle()
    expect(page.locator(".fcl")).to_have_attribute("data-playing", "false")
    sent = page.evaluate("id => window.models[id].sent", timeline.player.model_id)
    assert [list(message) for message in sent if "position" in message] == [["playing", "position"]] or len(sent) == 1
    assert 0 < position(bare) < timeline.scene.story.length
    page.locator(".fcl-scrub").fill("2.6")
    bare.settle()
    expect(page.locator(CLOCK)).to_have_text("60.00 s")


def test_true_scale_is_a_toggle(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    story = bare.picture()
    toggle = page.get_by_role("button", name="True scale")
    toggle.click()
    bare.settle()
    true = bare.picture()
    assert true != story
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".fcl-head")).to_contain_text("true scale")
    assert bare.state(timeline, "folded") is False
    toggle.click()
    bare.settle()
    assert bare.picture() == story


def test_the_kernel_can_move_the_cursor(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    timeline.seek(360.1)
    bare.page.evaluate("([id, p]) => window.models[id].set('position', p)", [timeline.player.model_id, timeline.player.position])
    bare.settle()
    expect(bare.page.locator(CLOCK)).to_have_text("360.10 s")
    expect(bare.page.locator(CAPTION)).to_contain_text("reclaimed")


def test_tokens_travel_and_rest(bare: Bare, timeline: Timeline) -> None:
    chain = CallChain(timeline.scene.recording)
    bare.show(chain)
    page = bare.page
    expect(page.locator("[data-token]")).to_have_count(0)
    places = set()
    for share in (0.05, 0.2, 0.3, 0.45, 0.9):
        page.evaluate("([id, p]) => window.models[id].set('position', p)", [chain.player.model_id, share])
        bare.settle()
        places.add(page.locator("[data-token]").first.get_attribute("transform"))
    assert len(places) == 5
    focus(bare)
    bare.press("End")
    expect(page.locator("[data-token]")).to_have_text("R3 ✓")
    expect(page.locator("[data-node='caller']")).to_have_attribute("data-state", "3/3 answered")
    expect(page.locator("[data-node='hello#2']")).to_have_attribute("data-state", "idle (frozen)")


def test_less_motion_jumps_instead_of_moving(calm: Page, timeline: Timeline) -> None:
    bare = Bare(calm)
    bare.show(timeline, CallChain(timeline.scene.recording))
    focus(bare)
    stops = {-1.0, *timeline.scene.story.steps.p, timeline.scene.story.length}
    calm.evaluate(
        """id => { window.seen = []; const m = window.models[id]; m.on('change:position', () => window.seen.push(m.get('position'))); }""",
        timeline.player.model_id,
    )
    bare.press("ArrowRight", "ArrowRight")
    calm.get_by_label("speed").first.select_option("10")
    focus(bare)
    calm.keyboard.press("Space")
    calm.wait_for_function("() => document.querySelector('.fcl').dataset.playing === 'false'")
    seen = calm.evaluate("() => window.seen")
    assert set(seen) <= stops
    assert len(seen) > 3
    bare.press("Home", "ArrowRight")
    expect(calm.locator("[data-token]")).to_have_attribute("data-token", "rest 1 0")


def test_lab_shortcuts_are_kept_away_and_other_keys_are_left_alone(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    expect(page.locator(".fcl")).to_have_attribute("data-lm-suppress-shortcuts", "true")
    page.evaluate(
        """() => { window.passed = [];
        document.addEventListener('keydown', (e) => window.passed.push(`${e.key} ${e.defaultPrevented}`)) }"""
    )
    focus(bare)
    bare.press("ArrowRight", "Space", "Space", "b", "Control+ArrowRight")
    assert page.evaluate("() => window.passed") == ["Control false", "ArrowRight false"], "plain keys never reach the notebook"


def test_buttons_keep_their_own_space_and_lists_their_arrows(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    page.get_by_role("button", name="next event").focus()
    bare.press("Space")
    expect(page.locator(COUNT)).to_have_text(f"1 / {STEPS}")
    page.get_by_label("speed").focus()
    bare.press("ArrowRight")
    expect(page.locator(COUNT)).to_have_text(f"1 / {STEPS}")


def test_a_plain_wheel_scrolls_the_page_and_ctrl_zooms(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    whole = bare.picture()
    page.locator(".fcl-rows").hover(position={"x": 200, "y": 60})
    page.mouse.wheel(0, 200)
    bare.settle()
    assert bare.picture() == whole
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    bare.settle()
    window = page.evaluate("id => window.models[id].get('window')", timeline.model_id)
    assert 0 <= window[0] < window[1] < 1
    page.locator(".fcl-rows").dblclick(position={"x": 300, "y": 60})
    bare.settle()
    assert page.evaluate("id => window.models[id].get('window')", timeline.model_id) == [0, 1]


def test_nothing_is_left_when_a_view_goes(bare: Bare, timeline: Timeline) -> None:
    bare.show(timeline)
    page = bare.page
    focus(bare)
    page.keyboard.press("Space")
    page.evaluate("() => window.ends[0]()")
    before = page.evaluate("id => window.models[id].get('position')", timeline.player.model_id)
    page.evaluate("() => new Promise((done) => setTimeout(done, 60))")
    assert page.evaluate("id => window.models[id].get('position')", timeline.player.model_id) == before
    expect(page.locator(".fcl")).to_have_count(0)
