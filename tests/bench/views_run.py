"""How long the views of a large recording take: spans and hops in Python, and the timeline's first picture in a browser."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from statistics import median

from fclab.observe.hops import hops
from fclab.observe.recording import Recording
from fclab.observe.spans import spans
from tests.bench.lab_run import dealt, prepared
from tests.bench.workloads import WORKLOADS, draw

EVENTS, SPANS = 1_000_000, 100_000
EACH = 6
"""Events of a warm request; it also makes two spans, a run and a rest."""

WATCH = """() => {
  const mount = window.show;
  window.show = async (id, bundle) => {
    await import(bundle);
    const before = document.querySelectorAll("[data-painted]").length;
    const start = performance.now();
    await mount(id, bundle);
    while (document.querySelectorAll("[data-painted]").length === before) await new Promise(requestAnimationFrame);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    window.paint = performance.now() - start;
  };
}"""
"""From data in the page to the end of the frame that shows it; the bundle is there already."""


def recorded(count: int) -> Recording:
    """V1 at 10 requests a second with `count` invocations."""
    numbers = draw(replace(WORKLOADS["V1-10"], count=count))
    lab = prepared(numbers, dealt(numbers))
    lab.run()
    return lab.recording


def first_paint(recording: Recording) -> tuple[float, float]:
    """Seconds of Python to make the widget, and ms in the page until its first picture is there, the median of three pages."""
    from fclab_widgets import Timeline
    from playwright.sync_api import sync_playwright

    from tests.browser.bare import Bare
    from tests.browser.conftest import FLAGS, NAMES

    start = time.process_time()
    timeline = Timeline(recording)
    made = time.process_time() - start
    with sync_playwright() as playwright:
        path = next((found for name in NAMES if (found := shutil.which(name))), None)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, chromium_sandbox=False)
        took = []
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            bare = Bare(page)
            page.evaluate(WATCH)
            bare.show(timeline)
            took.append(float(page.evaluate("window.paint")))
            page.close()
        browser.close()
    return made, median(took)


def main() -> None:
    recording = recorded(EVENTS // EACH)
    took: dict[str, object] = {"events": len(recording)}
    for name, view in (("spans", spans), ("hops", hops)):
        start = time.process_time()
        found = view(recording)
        took[name] = time.process_time() - start
        took[f"{name}_made"] = len(found)
    small = recorded(SPANS // 2)
    try:
        took["widget"], took["paint_ms"] = first_paint(small)
        took["painted_spans"] = len(spans(small))
    except ImportError as missing:
        took["no_paint"] = str(missing)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
