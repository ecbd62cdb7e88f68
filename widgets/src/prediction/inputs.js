/** The four ways to answer. Each builder returns its node and an `update` that shows a value and locks the inputs. */

import { h, s } from "./dom.js";
import { axis, clamp, emptyValue, moveItem, moveMark, numberText, parseNumber, snap } from "./logic.js";

/**
 * @typedef {import("./logic.js").Spec & {name: string, question: string, unit: string, span: number[], marks: {at: number, label: string}[],
 *   handle: string, words: typeof import("./logic.js").WORDS}} CardSpec
 * @typedef {{node: HTMLElement, update: (value: any, locked: boolean) => void, junk?: () => string}} Answer `junk`: what was typed that is no number
 * @typedef {(value: unknown) => void} Put
 */

let serial = 0;

/** @param {CardSpec} spec @param {Put} put @param {AbortSignal} signal @returns {Answer} */
function choice(spec, put, signal) {
  const group = `fclab-${(serial += 1)}`;
  const rows = spec.rows.length ? spec.rows : [""];
  /** @type {HTMLInputElement[][]} */
  const inputs = [];
  const node = h("fieldset", {}, h("legend", {}, spec.question));
  rows.forEach((label, row) => {
    const line = h("div", label ? { class: "fclab-row", role: "radiogroup", "aria-label": label } : { class: "fclab-list" }, label && h("span", {}, label));
    inputs.push(
      spec.options.map((option) => {
        const type = spec.multiple && !spec.rows.length ? "checkbox" : "radio";
        const input = /** @type {HTMLInputElement} */ (h("input", { type, name: `${group}-${row}` }));
        line.append(h("label", { class: "fclab-pick" }, input, option));
        return input;
      }),
    );
    node.append(line);
  });
  const read = () => {
    if (spec.rows.length) return inputs.map((row) => row.findIndex((input) => input.checked));
    if (spec.multiple) return inputs[0].flatMap((input, index) => (input.checked ? [index] : []));
    return inputs[0].findIndex((input) => input.checked);
  };
  node.addEventListener("change", () => put(read()), { signal });
  return {
    node,
    update(value, locked) {
      const chosen = value ?? emptyValue(spec);
      inputs.forEach((row, r) =>
        row.forEach((input, index) => {
          input.checked = spec.rows.length ? chosen[r] === index : Array.isArray(chosen) ? chosen.includes(index) : chosen === index;
          input.disabled = locked;
        }),
      );
    },
  };
}

/** @param {CardSpec} spec @param {Put} put @param {AbortSignal} signal @returns {Answer} */
function order(spec, put, signal) {
  const node = h("ol", { class: "fclab-order", "aria-label": spec.question });
  let now = /** @type {number[]} */ (emptyValue(spec));
  let last = "";
  /** @param {number} from @param {number} by */
  const move = (from, by) => {
    const item = now[from];
    put(moveItem(now, from, from + by));
    const button = node.querySelectorAll("li")[now.indexOf(item)]?.querySelectorAll("button")[by < 0 ? 0 : 1];
    const next = button?.disabled ? button.parentElement?.querySelector("button:not(:disabled)") : button;
    if (next instanceof HTMLElement) next.focus();
  };
  return {
    node,
    update(value, locked) {
      now = value ?? emptyValue(spec);
      const state = JSON.stringify([now, locked]);
      if (state === last) return;
      last = state;
      node.replaceChildren(
        ...now.map((item, place) => {
          const up = h("button", { type: "button", "aria-label": `${spec.words.earlier}: ${spec.options[item]}`, disabled: locked || place === 0 }, "↑");
          const down = h("button", { type: "button", "aria-label": `${spec.words.later}: ${spec.options[item]}`, disabled: locked || place === now.length - 1 }, "↓");
          up.addEventListener("click", () => move(place, -1), { signal });
          down.addEventListener("click", () => move(place, 1), { signal });
          return h("li", {}, h("span", {}, spec.options[item]), up, down);
        }),
      );
    },
  };
}

/** A typed number. @param {CardSpec} spec @param {Put} put @param {AbortSignal} signal @returns {Answer} */
function number(spec, put, signal) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "text", inputmode: "decimal", "aria-label": spec.question, autocomplete: "off" }));
  input.addEventListener("input", () => put(parseNumber(input.value)), { signal });
  return {
    junk: () => (parseNumber(input.value) === null ? input.value.trim().slice(0, 20) : ""),
    node: h("div", { class: "fclab-foot" }, h("label", {}, spec.handle && `${spec.handle} `, input, ` ${spec.unit}`)),
    update(value, locked) {
      if (parseNumber(input.value) !== value || locked) input.value = numberText(value ?? null);
      input.disabled = locked;
    },
  };
}

const WIDTH = 760;
const LEFT = 30;
const RIGHT = 730;

/** A mark on the time axis, with a typed box beside it. @param {CardSpec} spec @param {Put} put @param {AbortSignal} signal @returns {Answer} */
function mark(spec, put, signal) {
  const [first, last] = spec.span.length === 2 ? spec.span : [spec.low, spec.high];
  /** @param {number} at */
  const x = (at) => LEFT + ((at - first) / (last - first)) * (RIGHT - LEFT);
  /** @param {number} at @param {string} label @param {string} kind */
  const arrow = (at, label, kind) =>
    s("g", { transform: `translate(${x(at).toFixed(1)} 0)` }, s("line", { class: kind, x1: 0, y1: 24, x2: 0, y2: 52, "stroke-width": 2 }),
      s("path", { class: kind, d: "M-5 46 L5 46 L0 56 Z" }), s("text", { class: kind, x: 0, y: 17, "text-anchor": "middle" }, label));
  const svg = s("svg", { class: "fclab-axis", viewBox: `0 0 ${WIDTH} 116` });
  svg.append(s("rect", { class: "lane", x: LEFT, y: 58, width: RIGHT - LEFT, height: 26, rx: 3 }));
  for (const at of axis(first, last)) {
    svg.append(s("line", { class: "tick", x1: x(at), y1: 84, x2: x(at), y2: 91 }), s("text", { class: "soft", x: x(at), y: 106, "text-anchor": "middle" }, `${numberText(at)} ${spec.unit}`));
  }
  for (const given of spec.marks) svg.append(arrow(given.at, given.label, "given"));
  const label = s("text", { class: "mine", x: 0, y: 17, "text-anchor": "middle" });
  const handle = s("g", { role: "slider", tabindex: 0, "aria-label": `${spec.question} ${spec.handle}`, "aria-valuemin": spec.low, "aria-valuemax": spec.high },
    s("rect", { x: -16, y: 0, width: 32, height: 92, fill: "transparent" }), s("line", { class: "mine", x1: 0, y1: 24, x2: 0, y2: 84, "stroke-width": 3 }),
    s("path", { class: "mine", d: "M-8 44 L8 44 L0 58 Z" }), s("circle", { class: "mine", cx: 0, cy: 71, r: 7 }), label);
  svg.append(handle);
  const box = number(spec, put, signal);
  let now = /** @type {number | null} */ (null);
  let fixed = false;
  let dragging = false;
  /** @param {PointerEvent} event */
  const place = (event) => {
    const area = svg.getBoundingClientRect();
    const at = first + ((((event.clientX - area.left) / area.width) * WIDTH - LEFT) / (RIGHT - LEFT)) * (last - first);
    put(snap(at, { ...spec, step: Math.max(spec.step, 10 ** Math.floor(Math.log10((last - first) / 500))) }));
  };
  svg.addEventListener("pointerdown", (event) => {
    if (fixed) return;
    dragging = true;
    svg.setPointerCapture(event.pointerId);
    handle.focus();
    place(event);
    event.preventDefault();
  }, { signal });
  svg.addEventListener("pointermove", (event) => dragging && !fixed && place(event), { signal });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (dragging = false), { signal });
  handle.addEventListener("keydown", (event) => {
    const next = fixed || event.ctrlKey || event.metaKey || event.altKey ? null : moveMark(event.key, now, spec);
    if (next === null) return;
    put(next);
    event.preventDefault();
  }, { signal });
  return {
    node: h("div", {}, svg, box.node),
    junk: box.junk,
    update(value, locked) {
      now = value ?? null;
      fixed = locked;
      const at = now === null ? (spec.low + spec.high) / 2 : clamp(now, first, last);
      handle.setAttribute("transform", `translate(${x(at).toFixed(1)} 0)`);
      handle.setAttribute("opacity", now === null ? "0.55" : "1");
      handle.setAttribute("tabindex", locked ? "-1" : "0");
      handle.setAttribute("aria-disabled", String(locked));
      handle.setAttribute("aria-valuenow", numberText(at));
      handle.setAttribute("aria-valuetext", now === null ? spec.words.drag : `${numberText(now)} ${spec.unit}`);
      label.textContent = now === null ? `${spec.handle} ?` : `${spec.handle} ${numberText(now)} ${spec.unit}`;
      svg.toggleAttribute("data-locked", locked);
      box.update(value, locked);
    },
  };
}

/** @type {Record<string, (spec: CardSpec, put: Put, signal: AbortSignal) => Answer>} */
export const INPUTS = { choice, order, number, mark };
