"""The prediction card and the panel in a bare page with a stand-in for the widget model: no Jupyter, no kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anywidget import AnyWidget
from fclab_widgets.panel import Panel
from fclab_widgets.prediction import Prediction
from playwright.sync_api import Page, Route, expect

from fclab.teach.lesson import lesson
from tests.meta.tree import ROOT

STATIC = ROOT / "widgets" / "fclab_widgets" / "static"
PAGE = """<!doctype html><meta charset="utf-8"><title>card</title><body style="width:900px">
<button id="before">before</button><div id="el"></div>
<script type="module">
class Model {
  constructor(state) { this.state = state; this.told = {}; this.saved = []; this.dirty = {}; this.sent = []; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; this.dirty[name] = value; (this.told["change:" + name] ?? []).slice().forEach((f) => f()); }
  save_changes() { this.saved.push(this.dirty); this.dirty = {}; }
  on(name, f) { (this.told[name] ??= []).push(f); }
  off(name, f) { this.told[name] = (this.told[name] ?? []).filter((g) => g !== f); }
  send(content) { this.sent.push(content); }
}
window.mount = async (module, state) => {
  const widget = (await import(module)).default;
  window.model = new Model(state);
  window.stop = new AbortController();
  window.views = (window.views ?? 0) + 1;
  window.again = async () => {
    const el = document.createElement("div");
    document.getElementById("el").append(el);
    return widget.render({ model: window.model, el, signal: window.stop.signal });
  };
  window.cleanup = await window.again();
};
window.up = true;
</script>"""
State = dict[str, Any]
Mount = Callable[[Prediction | Panel], None]


def state(widget: Prediction | Panel) -> State:
    """The traits that reach the browser."""
    names = [name for name in widget.trait_names(sync=True) if not name.startswith("_") and name not in AnyWidget.class_trait_names()]
    told: State = json.loads(json.dumps({name: getattr(widget, name) for name in names}))
    return told


@pytest.fixture
def mount(page: Page) -> Mount:
    """`mount(widget)` shows a widget's browser side with the state its Python side has."""

    def serve(route: Route) -> None:
        path = Path(route.request.url.split("localhost/")[1])
        if path.suffix == ".js":
            route.fulfill(body=(STATIC / path.name).read_text("utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    page.route("http://localhost/**", serve)
    page.goto("http://localhost/card")
    page.wait_for_function("window.up")

    def made(widget: Prediction | Panel) -> None:
        page.evaluate("([module, state]) => mount(module, state)", [f"/{type(widget).__name__.lower()}.js", state(widget)])
        page.locator("[data-ready]").first.wait_for()

    return made


def lesson_card(name: str) -> Prediction:
    made = lesson("00").card(name)
    assert isinstance(made, Prediction)
    return made


def model(page: Page, name: str) -> object:
    found: object = page.evaluate("name => model.get(name)", name)
    return found


def test_the_card_of_lesson_00_with_the_keyboard_alone(page: Page, mount: Mount) -> None:
    mount(lesson_card("wait"))
    commit = page.get_by_role("button", name="Commit my prediction")
    expect(commit).to_be_disabled()
    page.locator("#before").focus()
    for row, key in enumerate(("Space", "Space", "ArrowRight")):
        page.keyboard.press("Tab")
        page.keyboard.press(key)
        expect(page.get_by_role("status").first).to_have_text(["Still open: R2, R3", "Still open: R3", ""][row])
    assert model(page, "value") == [0, 0, 1]
    expect(commit).to_be_enabled()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert model(page, "committed") is True
    expect(page.get_by_role("radio").first).to_be_disabled()
    expect(commit).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.card") == "wait", "focus must not fall back to the page"


def test_the_verdict_appears_when_python_sets_it(page: Page, mount: Mount) -> None:
    mount(lesson_card("wait"))
    verdict = page.locator(".fclab-verdict")
    expect(verdict).to_be_hidden()
    page.evaluate("model.set('committed', true); model.set('verdict', {kind: 'surprise', text: 'R3: `hello#1` <b>was</b> **gone**.'})")
    expect(verdict).to_be_visible()
    expect(verdict).to_contain_text("Surprise R3: hello#1 <b>was</b> gone.")
    assert verdict.locator("code").inner_text() == "hello#1"


def test_show_me_locks_without_a_bet(page: Page, mount: Mount) -> None:
    mount(lesson_card("wait"))
    page.get_by_role("button", name="Show me").click()
    assert (model(page, "shown"), model(page, "committed"), model(page, "value")) == (True, False, None)
    expect(page.get_by_role("radio").first).to_be_disabled()


def test_a_second_view_shows_the_same_state(page: Page, mount: Mount) -> None:
    mount(lesson_card("wait"))
    page.get_by_label("about 1.1 s").nth(0).check()
    page.evaluate("again()")
    both = page.locator("[data-card]")
    expect(both).to_have_count(2)
    expect(both.nth(1).get_by_label("about 1.1 s").nth(0)).to_be_checked()
    both.nth(1).get_by_label("about 0.1 s").nth(2).check()
    expect(both.nth(0).get_by_label("about 0.1 s").nth(2)).to_be_checked()


def test_the_mark_by_key_by_typing_and_by_dragging(page: Page, mount: Mount) -> None:
    mount(lesson_card("flip"))
    mark = page.get_by_role("slider")
    mark.focus()
    assert mark.get_attribute("aria-valuetext") == "Drag the mark, or type a time"
    page.get_by_role("textbox").fill("300")
    mark.focus()
    for key in ("PageUp", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert model(page, "value") == 310.1
    assert mark.get_attribute("aria-valuetext") == "310.1 s"
    expect(page.get_by_role("textbox")).to_have_value("310.1")
    page.keyboard.press("Home")
    assert model(page, "value") == 61
    box = page.locator("svg.fclab-axis").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=4)
    page.mouse.up()
    assert model(page, "value") == pytest.approx(360, abs=3)
    page.get_by_role("textbox").fill("900")
    expect(page.get_by_role("button", name="Commit my prediction")).to_be_disabled()
    expect(page.locator(".fclab-status")).to_have_text("Between 61 and 700")
    page.get_by_role("textbox").fill("360,1")
    page.get_by_role("button", name="Commit my prediction").click()
    assert (model(page, "value"), model(page, "committed")) == (360.1, True)
    page.get_by_role("slider").dispatch_event("keydown", {"key": "ArrowRight"})
    assert model(page, "value") == 360.1, "a committed mark stands"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("abc", "“abc” is not a number. Drag the mark, or type a time"),
        ("1.2.3", "“1.2.3” is not a number. Drag the mark, or type a time"),
        ("1e3", "Between 61 and 700"),
        ("<b>$&", "“<b>$&” is not a number. Drag the mark, or type a time"),
    ],
)
def test_a_commit_that_is_not_possible_says_why(page: Page, mount: Mount, typed: str, said: str) -> None:
    made = lesson_card("flip")
    made.note = "Last time you said 300 s."
    mount(made)
    box, commit, reason = (
        page.get_by_role("textbox"),
        page.get_by_role("button", name="Commit my prediction"),
        page.locator(".fclab-status"),
    )
    expect(reason).to_have_text("Last time you said 300 s. Drag the mark, or type a time")
    expect(box).to_have_attribute("aria-invalid", "false")
    box.fill(typed)
    expect(commit).to_be_disabled()
    expect(reason).to_have_text(said)
    expect(box).to_have_attribute("aria-invalid", "true")
    for one in (box, commit):
        expect(one).to_have_accessible_description(said)
    page.get_by_role("slider").press("PageUp")
    expect(commit).to_be_enabled()
    expect(box).to_have_attribute("aria-invalid", "false")
    expect(reason).to_have_text("")


def test_two_cards_explain_themselves_each(page: Page, mount: Mount) -> None:
    mount(lesson_card("flip"))
    page.evaluate("again()")
    page.get_by_role("textbox").nth(1).fill("abc")
    names = page.locator(".fclab-status").evaluate_all("all => all.map((one) => one.id)")
    assert len(set(names)) == 2


def test_an_order_is_made_with_buttons(page: Page, mount: Mount) -> None:
    mount(Prediction("boot", "order", "In which order?", options=["unpack", "schedule", "download"]))
    page.get_by_role("button", name="Later: unpack").click()
    assert model(page, "value") == [1, 0, 2]
    page.keyboard.press("Enter")
    assert model(page, "value") == [1, 2, 0], "focus stays on the item that moves"
    page.get_by_role("button", name="Commit my prediction").click()
    assert model(page, "committed") is True


def test_number_and_multiple_choice(page: Page, mount: Mount) -> None:
    mount(Prediction("runs", "number", "How many executions?", unit="times", low=0, high=9))
    page.get_by_role("textbox").fill("four")
    expect(page.get_by_role("button", name="Commit my prediction")).to_be_disabled()
    page.get_by_role("textbox").fill("4")
    assert model(page, "value") == 4
    page.evaluate("document.getElementById('el').replaceChildren()")
    mount(Prediction("cold", "choice", "Which are cold?", options=["R1", "R2", "R3"], multiple=True))
    page.get_by_label("R3").check()
    page.get_by_label("R1").check()
    assert model(page, "value") == [0, 2]


def test_texts_are_never_markup_and_keys_never_reach_the_notebook(page: Page, mount: Mount) -> None:
    mount(Prediction("x", "choice", "<img src=x onerror=alert(1)>", options=["<b>a</b>", "b"]))
    assert page.locator("[data-card] img, [data-card] label b").count() == 0
    assert page.locator("[data-card]").get_attribute("data-lm-suppress-shortcuts") == "true"


def test_a_closed_view_listens_no_longer(page: Page, mount: Mount) -> None:
    mount(lesson_card("flip"))
    page.evaluate("cleanup(); stop.abort()")
    assert page.evaluate("Object.values(model.told).flat().length") == 0


def test_nothing_about_the_outcome_is_in_an_open_card(mount: Mount) -> None:
    for name in ("wait", "flip"):
        told = json.dumps(state(lesson_card(name)))
        assert "360" not in told
        assert "reclaim" not in told


def test_the_panel_sends_presses_and_slides(page: Page, mount: Mount) -> None:
    blocks: list[dict[str, object]] = [
        {"type": "head", "badge": "Tweak", "text": "Move `R3`."},
        {"type": "slider", "label": "R3 arrives at", "low": 61, "high": 700, "step": 0.1, "unit": "s"},
        {"type": "table", "head": ["request", "verdict"], "rows": [["R1", {"kind": "hit", "text": "hit"}]]},
        {"type": "pre", "text": "R1  cold", "label": "as text"},
        {"type": "buttons", "items": [{"id": "mine", "label": "Try my mark"}]},
    ]
    mount(Panel("tweak", blocks, value=600.0))
    page.get_by_role("button", name="Try my mark").click()
    assert page.evaluate("model.sent") == [{"press": "mine"}]
    slider = page.get_by_role("slider", name="R3 arrives at")
    slider.focus()
    for key in ("ArrowLeft", "PageDown", "ArrowRight"):
        page.keyboard.press(key)
    assert model(page, "value") == 590
    page.get_by_role("textbox").fill("360.100001")
    page.keyboard.press("Enter")
    assert model(page, "value") == 360.100001
    slider.focus()
    page.evaluate("model.set('blocks', model.get('blocks').map((b) => b.type === 'pre' ? {...b, text: 'R1  warm'} : b))")
    expect(page.locator("pre")).to_have_text("R1  warm")
    assert page.evaluate("document.activeElement.type") == "range", "only what changed is drawn again"
    page.evaluate("model.set('blocks', model.get('blocks').slice(0, 1))")
    expect(page.get_by_role("slider")).to_have_count(0)
    assert page.evaluate("model.told['change:value'].length") == 0


DEAD = "The kernel has restarted, so nothing answers here any more. Run the cells again, from the top."


def test_a_card_and_a_panel_whose_kernel_is_gone_say_so(page: Page, mount: Mount) -> None:
    mount(lesson_card("flip"))
    root, said = page.locator(".fclab-card"), page.locator(".fclab-dead")
    page.evaluate("model.told['comm_live_update'].forEach((f) => f.call({ model: { comm_live: true } }))")
    expect(said).to_have_count(0)
    page.evaluate("for (const n of [1, 2]) model.told['comm_live_update'].forEach((f) => f())")
    expect(said).to_have_text(DEAD)
    expect(root).to_have_attribute("inert", "")
    page.locator("#before").focus()
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('.fclab-card')"), "nothing in it takes a key"
    page.evaluate("cleanup(); stop.abort()")
    assert page.evaluate("Object.values(model.told).flat().length") == 0


def test_what_has_nothing_left_to_press_is_left_as_it_is(page: Page, mount: Mount) -> None:
    card = lesson_card("wait")
    card.commit([1, 0, 1])
    mount(card)
    page.evaluate("model.told['comm_live_update'].forEach((f) => f())")
    expect(page.locator(".fclab-dead")).to_have_count(0)
    page.evaluate("document.getElementById('el').replaceChildren()")
    mount(Panel("text", [{"type": "pre", "text": "R1  cold", "label": "as text"}]))
    page.evaluate("model.told['comm_live_update'].forEach((f) => f())")
    expect(page.locator(".fclab-dead")).to_have_count(0)


def test_a_button_may_show_the_timeline_of_a_stage(page: Page, mount: Mount) -> None:
    mount(Panel("hint", [{"type": "buttons", "items": [{"id": "go", "label": "Go there", "to": "watch"}]}]))
    go = page.get_by_role("button", name="Go there")
    go.click()
    assert page.evaluate("model.sent") == [{"press": "go"}], "without a stage it is a button as any other"
    page.evaluate(
        "html => document.getElementById('before').insertAdjacentHTML('beforebegin', html)",
        '<div class="widget-box"><p data-panel="watch">verdict</p><p class="fcl" tabindex="0">timeline</p></div><p style="height:3000px">',
    )
    go.click()
    assert page.evaluate("document.activeElement.textContent") == "timeline"
    expect(page.get_by_text("timeline", exact=True)).to_be_in_viewport()
