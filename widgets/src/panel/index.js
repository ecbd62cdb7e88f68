/**
 * A panel: what a lesson says between its cards, as a list of plain blocks made in Python. A pressed button and a moved slider go
 * back to Python, which answers with new blocks; only blocks that changed are drawn again, so focus and a drag survive.
 */

import { watchKernel } from "../core/alive.js";
import { keepKeys } from "../core/keys.js";
import card from "../prediction/card.css";
import { h, rich } from "../prediction/dom.js";
import { decimals, numberText, parseNumber, snap } from "../prediction/logic.js";
import styles from "./style.css";

const MARKS = /** @type {Record<string, string>} */ ({ hit: "✓", close: "≈", surprise: "★" });

/** @typedef {Record<string, any> & {type: string}} Block */
/** @typedef {{model: any, signal: AbortSignal, cleanups: (() => void)[]}} Tools */

/**
 * Show the timeline that lies in the same box as the panel `name`, and give it the keys; the panel itself where there is none.
 * @param {HTMLElement} from @param {string} name
 */
function reveal(from, name) {
  const panel = (from.closest(".jp-Notebook") ?? document).querySelector(`[data-panel="${CSS.escape(name)}"]`);
  const target = /** @type {HTMLElement | null | undefined} */ (panel?.closest(".widget-box")?.querySelector(".fcl") ?? panel);
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "center" });
}

/** @type {Record<string, (block: Block, tools: Tools) => HTMLElement>} */
const BLOCKS = {
  head: ({ badge, text }) => h("header", {}, badge && h("div", { class: "fclab-badge" }, badge), text && h("p", { class: "fclab-question" }, ...rich(text))),
  text: ({ text }) => h("p", {}, ...rich(text)),
  quote: ({ text }) => h("div", { class: "fclab-quote", role: "status" }, ...String(text).split("\n\n").map((part) => h("p", {}, ...rich(part)))),
  pre: ({ text, label }) => h("pre", { tabindex: 0, "aria-label": label }, text),
  rule: () => h("hr", { class: "fclab-hr" }),
  image: ({ src, alt }) => h("img", { src, alt }),
  table: ({ head, rows }) =>
    h("table", {}, h("thead", {}, h("tr", {}, ...head.map((/** @type {string} */ text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows.map((/** @type {any[]} */ row) => h("tr", {}, ...row.map((cell) =>
        typeof cell === "string" ? h("td", {}, ...rich(cell)) : h("td", { "data-verdict": cell.kind }, h("i", {}, MARKS[cell.kind] ?? ""), cell.text)))))),
  buttons: ({ items }, { model, signal }) =>
    h("div", { class: "fclab-foot" }, ...items.map((/** @type {Block} */ item) => {
      const button = h("button", { type: "button", class: item.main && "fclab-main", "data-press": item.id }, item.label);
      button.addEventListener("click", () => {
        model.send({ press: item.id });
        if (item.to) reveal(button, item.to);
      }, { signal });
      return button;
    })),
  slider({ label, low, high, step, unit }, { model, signal, cleanups }) {
    const spec = /** @type {any} */ ({ low, high, step });
    const range = /** @type {HTMLInputElement} */ (h("input", { type: "range", min: low, max: high, step, "aria-label": label }));
    const box = /** @type {HTMLInputElement} */ (h("input", { type: "text", inputmode: "decimal", "aria-label": `${label} (${unit})` }));
    /** @param {number} value */
    const put = (value) => {
      model.set("value", value);
      model.save_changes();
    };
    const update = () => {
      const value = model.get("value");
      range.value = String(value);
      range.setAttribute("aria-valuetext", `${numberText(value)} ${unit}`);
      if (document.activeElement !== box || parseNumber(box.value) !== value) box.value = numberText(value);
    };
    range.addEventListener("input", () => put(snap(Number(range.value), spec)), { signal });
    range.addEventListener("keydown", (event) => {
      const by = { PageUp: 100, PageDown: -100 }[event.key];
      if (by === undefined) return;
      put(snap(model.get("value") + by * step, spec));
      event.preventDefault();
    }, { signal });
    box.addEventListener("change", () => {
      const typed = parseNumber(box.value);
      if (typed !== null) put(Number(Math.min(high, Math.max(low, typed)).toFixed(Math.max(6, decimals(step)))));
      update();
    }, { signal });
    model.on("change:value", update);
    cleanups.push(() => model.off("change:value", update));
    update();
    return h("div", { class: "fclab-foot" }, h("strong", {}, label), range, h("span", {}, box, ` ${unit}`));
  },
};

/** @param {{model: any, el: HTMLElement, signal: AbortSignal}} view */
function render({ model, el, signal }) {
  const root = h("section", { class: "fclab-card fclab-panel", "data-lm-suppress-shortcuts": "true", "data-panel": model.get("name"), "aria-label": model.get("name") }, h("style", {}, card + styles));
  /** @type {{key: string, node: HTMLElement, cleanups: (() => void)[]}[]} */
  let drawn = [];
  const update = () => {
    const blocks = /** @type {Block[]} */ (model.get("blocks"));
    const next = blocks.map((block, place) => {
      const key = JSON.stringify(block);
      const old = drawn[place];
      if (old?.key === key) return old;
      /** @type {(() => void)[]} */
      const cleanups = [];
      const node = BLOCKS[block.type](block, { model, signal, cleanups });
      old?.cleanups.forEach((cleanup) => cleanup());
      if (old) old.node.replaceWith(node);
      else root.append(node);
      return { key, node, cleanups };
    });
    for (const gone of drawn.slice(next.length)) {
      gone.cleanups.forEach((cleanup) => cleanup());
      gone.node.remove();
    }
    drawn = next;
  };
  model.on("change:blocks", update);
  keepKeys(root, signal);
  el.replaceChildren(root);
  update();
  const rest = watchKernel(model, root);
  root.setAttribute("data-ready", "");
  return () => {
    rest();
    model.off("change:blocks", update);
    for (const one of drawn) one.cleanups.forEach((cleanup) => cleanup());
  };
}

export default { render };
