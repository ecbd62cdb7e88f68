"""Layer 3: lesson 06 in a real JupyterLab: bets against simulated bars, real processes, and none left after a restart."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.jupyterlab import OPEN, Server, ready, run_in_kernel
from tests.browser.test_lab import PATIENCE, RUN_ALL, card

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="real processes need Linux")

KEPT = "kept = two_calls(Lab('process'))\nkept.function(start='fork', name='copied')(hello)\n"
PIDS = "print(kept.invoke('hello').text, kept.invoke('copied').text)"


def test_lesson_06_from_the_top(page: Page, jupyter: Server, snapshot: Callable[[str], Path]) -> None:
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.goto(f"{jupyter.url}/lab/workspaces/six/tree/06-a-cold-start.ipynb")  # its own, so that no other test finds it open
    ready(page)
    page.evaluate(RUN_ALL)
    expect(page.get_by_text("trim: not attempted yet")).to_be_visible(timeout=PATIENCE)
    assert page.locator(".fcl").count() == 0, "the run is hidden until a prediction"

    card(page, "order").locator("button.fclab-main").click()  # as it was dealt: wrong
    sizes = card(page, "sizes")
    for row in range(6):
        sizes.get_by_role("radiogroup").nth(row).get_by_role("radio").first.check()
    sizes.locator("button.fclab-main").click()
    watch = page.locator('[data-panel="watch"]').last
    expect(watch.locator('[data-verdict="surprise"]').first).to_be_visible(timeout=PATIENCE)
    expect(watch).to_contain_text("schedule, download, unpack, start, initialize, run")
    timeline = page.locator('.fcl[aria-label^="Timeline"]').first
    expect(timeline).to_have_attribute("data-position", re.compile(r"\d"), timeout=PATIENCE)
    watch.scroll_into_view_if_needed()
    snapshot("lesson-06-watch")

    card(page, "grow").get_by_role("textbox").fill("44")
    card(page, "grow").locator("button.fclab-main").click()
    tweak = page.locator('[data-panel="tweak"]').last
    tweak.get_by_role("button", name="Go to 200 MB").click(timeout=PATIENCE)
    expect(tweak).to_contain_text("together18.65 s1.1 s", timeout=PATIENCE)
    tweak.scroll_into_view_if_needed()
    snapshot("lesson-06-tweak")
    for words in ("virtual", "small", "fresh"):
        picture = page.locator(f'img[alt^="{words}"]')
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    snapshot("lesson-06-fork")

    pids = [int(pid) for pid in run_in_kernel(page, KEPT + PIDS).split()]
    assert len(set(pids)) == 2
    alive = [os.pidfd_open(pid) for pid in pids]
    page.evaluate(f"{OPEN}.sessionContext.session.kernel.restart()")
    for process in alive:
        assert select.select([process], [], [], 30)[0], "an instance outlived its kernel"
        os.close(process)
    ready(page)
    page.evaluate(f"{OPEN}.sessionContext.shutdown()")
