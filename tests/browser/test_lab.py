"""Layer 3: lesson 00 in a real JupyterLab, as a learner meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyterlab import OPEN, Server, ready, run_in_kernel

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

    chain.locator(".fcl-home").click()
    chain.locator(".fcl-next").click()
    assert position(timeline) == first
    chain.locator(".fcl-back").click()
    assert position(timeline) == before
    scrub = timeline.locator(".fcl-scrub")
    box = scrub.bounding_box()
    assert box
    lesson.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    assert before < position(timeline) < end
    snapshot("lesson-00-watch")

    for inside in (timeline, chain.locator(".fcl-next"), scrub):
        inside.focus()
        lesson.keyboard.press("b")
    assert lesson.evaluate(CELLS) == cells, "keys in a player are not the notebook's: b would insert a cell, d d delete this one"
    assert run_in_kernel(lesson, "print(len(lab.recording) > 10)").strip() == "True"
    lesson.evaluate(f"{OPEN}.sessionContext.shutdown()")


def test_a_reload_shows_the_same_page_and_the_same_bet(page: Page, jupyter: Server) -> None:
    (original,) = jupyter.folder.glob("00*.ipynb")
    (jupyter.folder / "mine.ipynb").write_bytes(original.read_bytes())
    page.goto(f"{jupyter.url}/lab/tree/mine.ipynb?reset")
    ready(page)
    page.evaluate(RUN_ALL)
    card(page, "wait").wait_for(timeout=PATIENCE)
    bet(page, 1, 0, 1)
    players(page)
    page.evaluate(f"{OPEN}.context.save()")
    page.reload()
    ready(page)
    expect(card(page, "wait").locator("button.fclab-main")).to_be_hidden(timeout=PATIENCE)
    players(page)
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")
