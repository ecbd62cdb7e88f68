"""Layer 2: a widget's bundle in a bare page, with models that behave like those of a notebook but talk to nobody."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, Route

if TYPE_CHECKING:
    from fclab_widgets.view import View

ADDRESS = "http://127.0.0.1:1"
"""Nothing listens there: every request of the page is answered by the test itself."""

BUNDLES = {"Timeline": "timeline.js", "CallChain": "call_chain.js"}

THEMES = {
    "light": {"layout-color1": "#ffffff", "layout-color2": "#eef1f4", "content-font-color1": "#1f2933", "content-font-color2": "#555f6a"},
    "dark": {
        "layout-color0": "#0b0d10",
        "layout-color1": "#14181d",
        "layout-color2": "#20262d",
        "content-font-color1": "#f1f4f7",
        "content-font-color2": "#b4bec8",
        "border-color1": "#4a545f",
        "border-color2": "#333b44",
        "brand-color1": "#58a6e6",
    },
}

SCRIPT = """
class Model {
  constructor(state) { this.state = state; this.handlers = {}; this.dirty = {}; this.sent = []; }
  get(name) { return this.state[name]; }
  set(name, value) {
    if (JSON.stringify(this.state[name]) === JSON.stringify(value)) return;
    this.state[name] = value; this.dirty[name] = value;
    for (const handler of [...(this.handlers[`change:${name}`] ?? [])]) handler();
  }
  save_changes() { if (Object.keys(this.dirty).length) this.sent.push(this.dirty); this.dirty = {}; }
  on(event, handler) { (this.handlers[event] ??= []).push(handler); }
  off(event, handler) { this.handlers[event] = (this.handlers[event] ?? []).filter((one) => handler && one !== handler); }
}
window.models = {};
window.widget_manager = { get_model: async (id) => window.models[id] };
window.addModel = (id, state) => {
  for (const [name, value] of Object.entries(state))
    if (value && value.base64 !== undefined) state[name] = new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer);
  window.models[id] = new Model(state);
  window.models[id].widget_manager = window.widget_manager;
};
window.show = async (id, bundle) => {
  const { default: widget } = await import(bundle);
  const el = document.createElement("div");
  document.getElementById("cell").append(el);
  const controller = new AbortController();
  const done = await widget.render({ model: window.models[id], el, signal: controller.signal });
  (window.ends ??= []).push(() => { controller.abort(); done(); el.remove(); });
};
window.up = true;
"""


class Bare:
    """A page that shows views of recordings; `page` drives it."""

    def __init__(self, page: Page, *, theme: str = "light", width: int = 1000) -> None:
        self.page = page
        page.route("**/*", self._answer)
        self.theme, self.width = theme, width
        page.goto(ADDRESS + "/")
        page.wait_for_function("window.up")

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS)
        static = Path(__file__).parents[2] / "widgets" / "fclab_widgets" / "static"
        if path == "/":
            style = "".join(f"--jp-{name}: {value};" for name, value in THEMES[self.theme].items())
            paper = THEMES[self.theme].get("layout-color0", "#ffffff")
            body = f'<div id="cell" style="width:{self.width}px"></div><script type="module">{SCRIPT}</script>'
            text = f'<!doctype html><meta charset="utf-8"><body style="margin:12px;background:{paper};{style}">{body}'
            route.fulfill(body=text, content_type="text/html")
        elif path == "/favicon.ico":
            route.fulfill(status=204)
        else:
            route.fulfill(body=(static / path.strip("/")).read_text(encoding="utf-8"), content_type="text/javascript")

    def show(self, *views: View) -> None:
        """Mount `views` below one another and wait for their first frames."""
        before = self.page.locator("[data-painted]").count()
        for view in views:
            for widget in (view.player, view):
                state = {
                    name: {"base64": base64.b64encode(value).decode()} if isinstance(value, (bytes, memoryview)) else value
                    for name, value in widget.get_state().items()
                    if not name.startswith("_")
                }
                known = self.page.evaluate("id => id in window.models", widget.model_id)
                if not known:
                    text = json.dumps(state, default=str)
                    self.page.evaluate("([id, state]) => window.addModel(id, JSON.parse(state))", [widget.model_id, text])
            self.page.evaluate("([id, bundle]) => window.show(id, bundle)", [view.model_id, f"/{BUNDLES[type(view).__name__]}"])
        self.page.wait_for_function("n => document.querySelectorAll('[data-painted]').length >= n", arg=before + len(views))
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is on the screen: steps have arrived, and two frames went by."""
        self.page.wait_for_function("() => !document.querySelector('[data-moving=true]')")
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        """Press keys, one after another, and wait for the picture."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def picture(self, number: int = 0) -> str:
        """What the rows of timeline number `number` show, as a data address."""
        return str(self.page.evaluate("n => document.querySelectorAll('.fcl-rows')[n].toDataURL()", number))

    def state(self, view: View, name: str) -> object:
        """A trait of the view's player, as the page has it now."""
        return self.page.evaluate("([id, name]) => window.models[id].get(name)", [view.player.model_id, name])
