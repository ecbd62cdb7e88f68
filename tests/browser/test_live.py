"""Layer 3: views that move, in a real JupyterLab, while a cell is over and while one blocks the kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyterlab import OPEN, Server, insert, ready, run_in_kernel

PATIENCE = 60_000
ROOT = Path(__file__).parents[2]
REAL = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from tests.unit.live_kit import Live
from tests.unit.feed_kit import Shell
live = Live()
lab = Shell(live)
live.declare("hello", duration=0.3, boot=1.0)
def soon(*delays):
    now = live.driver.now() / 1e6
    return live.requests.at("hello", [now + delay for delay in delays], b"", "sync")
"""
BUSY = f"{OPEN}.sessionContext.session.kernel.status === 'busy'"


@pytest.fixture
def notebook(page: Page, jupyter: Server, request: pytest.FixtureRequest) -> Page:
    """An empty notebook with a kernel."""
    page.set_viewport_size({"width": 1280, "height": 1100})
    name = f"{request.node.name}.ipynb".replace("[", "_").replace("]", "")
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    (jupyter.folder / name).write_text(json.dumps({"cells": [], "metadata": spec, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    page.goto(f"{jupyter.url}/doc/tree/{name}?reset")
    ready(page)
    return page


def views(page: Page) -> tuple[Locator, Locator]:
    """The first timeline and the first call chain, once they are painted."""
    made = page.locator('.fcl[aria-label^="Timeline"]').first, page.locator('.fcl[aria-label^="Call chain"]').first
    for view in made:
        expect(view).to_have_attribute("data-painted", "true", timeout=PATIENCE)
    return made


def number(view: Locator, name: str) -> float:
    return float(view.get_attribute(f"data-{name}") or "0")


def has_grown(page: Page, view: Locator, by: int = 1) -> None:
    """Wait until the view shows a later version."""
    before = number(view, "version")
    page.wait_for_function(
        "([view, least]) => Number(view.dataset.version) >= least", arg=[view.element_handle(), before + by], timeout=PATIENCE
    )


def clock(view: Locator) -> float:
    return float((view.locator(".fcl-clock").text_content() or "").removesuffix(" s"))


def dark(page: Page) -> None:
    page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")


def test_views_of_a_lab_in_real_time(notebook: Page, snapshot: Callable[[str], Path]) -> None:
    page = notebook
    insert(page, REAL)
    insert(page, "display(lab.timeline(), lab.call_chain())")
    timeline, chain = views(page)
    expect(timeline).to_have_attribute("data-live", "now")
    badge = timeline.locator(".fcl-live")
    expect(badge).to_have_text("live")

    run_in_kernel(page, "_ = soon(0.2, 0.4, 1.5, 2.5, 3.5)")
    has_grown(page, timeline, 2)
    expect(chain.locator("[data-node='hello#1']")).to_be_visible(timeout=PATIENCE)
    expect(chain.locator("[data-node='hello#1']")).to_have_attribute("data-state", "idle (frozen)", timeout=PATIENCE)
    expect(timeline.locator(".fcl-caption")).to_contain_text("R", timeout=PATIENCE)
    snapshot("live-now")
    before = clock(timeline)
    page.wait_for_function(
        "([view, least]) => parseFloat(view.querySelector('.fcl-clock').textContent) > least",
        arg=[timeline.element_handle(), before + 0.5],
    )

    timeline.focus()
    page.keyboard.press("ArrowLeft")
    expect(timeline).to_have_attribute("data-live", "behind")
    expect(badge).to_have_text("back to live")
    page.keyboard.press("ArrowLeft")
    stood, said = clock(timeline), timeline.locator(".fcl-caption").inner_text()
    run_in_kernel(page, "_ = soon(0.1, 0.2, 0.9)")
    has_grown(page, timeline, 3)
    assert timeline.evaluate("view => view === document.activeElement"), "the view is not torn down"
    assert clock(timeline) == clock(chain) == stood
    assert timeline.locator(".fcl-caption").inner_text() == said
    snapshot("live-behind")
    dark(page)
    page.keyboard.press("End")
    expect(timeline).to_have_attribute("data-live", "now")
    assert clock(timeline) > stood
    expect(chain).to_have_attribute("data-live", "now")
    run_in_kernel(page, "_ = soon(0, 0.01, 0.02)")
    has_grown(page, timeline, 2)
    snapshot("live-dark")

    insert(page, "lab.timeline()")
    second = page.locator('.fcl[aria-label^="Timeline"]').nth(1)
    expect(second).to_have_attribute("data-live", "now", timeout=PATIENCE)
    timeline.focus()
    page.keyboard.press("Space")
    expect(second).to_have_attribute("data-live", "behind")
    page.keyboard.press("End")

    left = "import threading; print([thread.name for thread in threading.enumerate() if 'fclab' in thread.name])"
    assert run_in_kernel(page, f"live.driver.close(); {left}").strip() == "[]"
    for view in (timeline, chain, second):
        expect(view).to_have_attribute("data-live", "over", timeout=PATIENCE)
        expect(view.locator(".fcl-live")).to_be_hidden()
    timeline.focus()
    end = number(timeline, "position")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(timeline.locator(".fcl-caption")).to_contain_text("R1 arrives")
    page.keyboard.press("Space")
    expect(timeline).to_have_attribute("data-playing", "true")
    page.keyboard.press("End")
    assert number(timeline, "position") == number(chain, "position") == pytest.approx(end)
    snapshot("live-over-dark")
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")


def test_views_move_while_a_cell_blocks_the_kernel(notebook: Page) -> None:
    page = notebook
    insert(page, REAL)
    insert(page, "display(lab.timeline(), lab.call_chain())")
    timeline, chain = views(page)
    insert(page, "_ = soon(*[0.2 * n for n in range(25)]); live.driver.finish(); live.driver.close()", wait=False)
    page.wait_for_function(BUSY)
    has_grown(page, timeline, 5)
    timeline.focus()
    page.keyboard.press("ArrowLeft")
    stood = clock(timeline)
    has_grown(page, timeline, 5)
    assert page.evaluate(BUSY), "all of this went on while the cell ran"
    assert clock(timeline) == stood
    assert number(timeline, "position") == number(chain, "position")
    expect(timeline).to_have_attribute("data-live", "over", timeout=PATIENCE)
    expect(timeline.locator(".fcl-note").first).to_contain_text("25 requests")
    assert clock(timeline) == stood, "the end does not take the reader along"
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")


def test_a_virtual_lab_that_is_played(notebook: Page, snapshot: Callable[[str], Path]) -> None:
    page = notebook
    insert(
        page,
        'from fclab import Lab\nlab = Lab()\nlab.declare("hello", duration=0.5, idle_timeout=20)\n'
        'lab.invoke_at("hello", [0, 0.2, 3, 40, 41])\nlab.timeline()',
    )
    timeline = page.locator('.fcl[aria-label^="Timeline"]').first
    expect(timeline).to_have_attribute("data-live", "over", timeout=PATIENCE)
    insert(page, "lab.play(speed=5)\nlab.call_chain()")
    expect(timeline).to_have_attribute("data-live", "now", timeout=PATIENCE)
    has_grown(page, timeline, 2)
    page.wait_for_function(
        "view => parseFloat(view.querySelector('.fcl-clock').textContent) > 15", arg=timeline.element_handle(), timeout=PATIENCE
    )
    snapshot("live-played")
    expect(timeline).to_have_attribute("data-live", "over", timeout=PATIENCE)
    assert clock(timeline) == float(run_in_kernel(page, "print(f'{lab.now:.2f}')"))
    snapshot("live-played-over")
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")
