"""Layer 3: lesson 00 in a real JupyterLab, as a learner meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from fclab.commands.dead_views import STILL
from tests.browser.jupyterlab import OPEN, Server, insert, ready, run_in_kernel

RUN_ALL = "jupyterapp.commands.execute('notebook:run-all-cells')"
CELLS = f"{OPEN}.content.widgets.length"
PATIENCE = 60_000
"""Milliseconds to wait for what comes from the kernel, on a busy machine."""


@pytest.fixture
def lesson(page: Page, jupyter: Server) -> Page:
    """Lesson 00, opened by nothing but the server's address, run from the top."""
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.goto(jupyter.url)
    ready(page)
    page.evaluate(RUN_ALL)
    return page


def card(page: Page, name: str) -> Locator:
    return page.locator(f'.fclab-card[data-card="{name}"][data-ready]')


def bet(page: Page, *columns: int) -> None:
    """Choose one option a row on the first card, and commit."""
    wait = card(page, "wait")
    for row, column in enumerate(columns):
        wait.get_by_role("radiogroup").nth(row).get_by_role("radio").nth(column).check()
    wait.locator("button.fclab-main").click()
    expect(wait.locator("button.fclab-main")).to_be_hidden()


def players(page: Page) -> tuple[Locator, Locator]:
    """The timeline and the call chain of the Watch step, once they are painted."""
    timeline, chain = (page.locator(f'.fcl[aria-label^="{title}"]').first for title in ("Timeline", "Call chain"))
    for player in (timeline, chain):
        expect(player).to_be_visible(timeout=PATIENCE)
        expect(player).to_have_attribute("data-position", re.compile(r"\d"), timeout=PATIENCE)
    return timeline, chain


def position(frame: Locator) -> float:
    """Where a player stands, in seconds of playing; negative before the first event."""
    return float(frame.get_attribute("data-position") or "nan")


def test_the_address_opens_lesson_00_without_its_answers(page: Page, jupyter: Server) -> None:
    page.goto(jupyter.url)
    ready(page)
    name = page.evaluate(f"{OPEN}.context.path")
    assert name.startswith("00")
    stored = json.loads((jupyter.folder / name).read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in stored["cells"])
    expect(page.get_by_text("notified about official Jupyter news")).to_have_count(0)
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")


def test_lesson_00_from_the_top(lesson: Page, snapshot: Callable[[str], Path]) -> None:
    card(lesson, "wait").wait_for(timeout=PATIENCE)
    expect(card(lesson, "flip")).to_be_visible(timeout=PATIENCE)
    assert lesson.locator(".fcl").count() == 0, "the run is hidden until a prediction"
    snapshot("lesson-00-before")

    bet(lesson, 1, 0, 0)  # R3 warm: the surprise
    timeline, chain = players(lesson)
    timeline.scroll_into_view_if_needed()
    expect(lesson.locator('[data-verdict="surprise"]').first).to_be_visible()
    cells = lesson.evaluate(CELLS)

    caption = timeline.locator(".fcl-caption")

    timeline.focus()
    lesson.keyboard.press("Home")
    before, said = position(timeline), caption.inner_text()
    lesson.keyboard.press("ArrowRight")
    expect(caption).not_to_have_text(said)
    first, said = position(timeline), caption.inner_text()
    assert first > before
    assert position(chain) == first, "one cursor for both views"
    lesson.keyboard.press("Shift+ArrowRight")
    expect(caption).not_to_have_text(said)
    lesson.keyboard.press("End")
    end = position(timeline)
    lesson.keyboard.press("ArrowLeft")
    assert first < position(timeline) < end
    lesson.keyboard.press("Home")
    assert position(timeline) == before

    lesson.keyboard.press("Space")
    expect(timeline).to_have_attribute("data-playing", "true")
    lesson.keyboard.press("Space")
    expect(timeline).to_have_attribute("data-playing", "false")

    expect(chain.locator(".fcl-bar")).to_be_hidden()
    expect(chain.locator(".fcl-caption")).to_be_hidden()
    chain.focus()
    lesson.keyboard.press("Home")
    lesson.keyboard.press("ArrowRight")
    expect(timeline).to_have_attribute("data-moving", "false")
    assert position(timeline) == first, "the chain has no controls of its own, but it has the keys"
    timeline.locator(".fcl-back").click()
    assert position(timeline) == before
    scrub = timeline.locator(".fcl-scrub")
    box = scrub.bounding_box()
    assert box
    lesson.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    assert before < position(timeline) < end
    snapshot("lesson-00-watch")

    for inside in (timeline, timeline.locator(".fcl-next"), chain, scrub):
        inside.focus()
        lesson.keyboard.press("b")
    assert lesson.evaluate(CELLS) == cells, "keys in a player are not the notebook's: b would insert a cell, d d delete this one"
    assert run_in_kernel(lesson, "print(len(lab.recording) > 10)").strip() == "True"
    lesson.evaluate(f"{OPEN}.sessionContext.shutdown()")


def open_copy(page: Page, jupyter: Server, name: str) -> None:
    """Another copy of lesson 00, run from the top."""
    (original,) = jupyter.folder.glob("00*.ipynb")
    (jupyter.folder / name).write_bytes(original.read_bytes())
    page.goto(f"{jupyter.url}/lab/tree/{name}?reset")
    ready(page)
    page.evaluate(RUN_ALL)
    card(page, "wait").wait_for(timeout=PATIENCE)


def test_a_reload_shows_the_same_page_and_the_same_bet(page: Page, jupyter: Server) -> None:
    open_copy(page, jupyter, "mine.ipynb")
    bet(page, 1, 0, 1)
    players(page)
    page.evaluate(f"{OPEN}.context.save()")
    page.reload()
    ready(page)
    expect(card(page, "wait").locator("button.fclab-main")).to_be_hidden(timeout=PATIENCE)
    players(page)
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")


def stills(page: Page) -> None:
    """Every card and stage of the lesson is a still picture, and says how to make it live; nothing says "Error"."""
    expect(page.get_by_text(re.sub("<[^>]*>", "", STILL))).to_have_count(5, timeout=PATIENCE)
    expect(page.get_by_role("img", name="How long will each of the three callers wait?")).to_be_visible()
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    expect(page.locator(".fclab-card")).to_have_count(0)


def test_after_a_restart_nothing_pretends_to_answer_and_a_copy_opens_with_pictures(
    page: Page, jupyter: Server, snapshot: Callable[[str], Path]
) -> None:
    open_copy(page, jupyter, "again.ipynb")
    bet(page, 1, 0, 0)
    card(page, "flip").get_by_role("textbox").fill("300")
    card(page, "flip").locator("button.fclab-main").click()
    tweak = page.locator('[data-panel="tweak"]:not([inert])')
    expect(tweak.get_by_role("slider")).to_be_visible(timeout=PATIENCE)
    page.evaluate(f"{OPEN}.sessionContext.session.kernel.restart()")
    grey = page.locator('[data-panel="tweak"][inert]')
    expect(grey).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".fclab-dead").last).to_have_text(re.compile("Run the cells again"))
    expect(card(page, "wait")).not_to_have_attribute("inert", "", timeout=PATIENCE)
    grey.scroll_into_view_if_needed()
    snapshot("lesson-00-restarted")

    page.evaluate(f"{OPEN}.context.save()")
    page.reload()
    ready(page)
    stills(page)
    snapshot("lesson-00-reopened")
    page.evaluate(RUN_ALL)
    card(page, "wait").wait_for(timeout=PATIENCE)
    page.evaluate(f"{OPEN}.context.save()")
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")
    page.goto(f"{jupyter.url}/lab/tree/again.ipynb?reset")
    ready(page)
    stills(page)
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")


def test_the_first_hint_leads_back_to_the_timeline_and_text_stays_whole(page: Page, jupyter: Server) -> None:
    open_copy(page, jupyter, "hint.ipynb")
    bet(page, 1, 0, 0)
    timeline, _ = players(page)
    insert(page, 'L.hint("bridge")')
    page.locator('[data-panel="hint"]').get_by_role("button", name="Go there").click()
    expect(timeline).to_be_in_viewport(timeout=PATIENCE)
    expect(timeline).to_be_focused()
    insert(page, "lab.table()")
    text = page.locator(".jp-RenderedHTML pre").last
    expect(text).to_contain_text("reclaimed at 360.1")
    assert text.evaluate("node => getComputedStyle(node).whiteSpace") == "pre"
    assert text.evaluate("node => node.scrollWidth <= node.clientWidth"), "the lesson's table fits a page of 1280 pixels"
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")
