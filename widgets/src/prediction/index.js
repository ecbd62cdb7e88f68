/**
 * The prediction card. All state lives in traits, so a second view, a reload or a re-run shows the same card:
 *   value      what is chosen so far          committed   the learner bet, the inputs are locked
 *   shown      the learner chose Show me      verdict     {kind: hit | close | surprise, text}, set by Python after the run
 * Nothing about the outcome is in any other trait.
 */

import { watchKernel } from "../core/alive.js";
import { keepKeys } from "../core/keys.js";
import styles from "./card.css";
import { h, rich } from "./dom.js";
import { INPUTS } from "./inputs.js";
import { emptyValue, missing, WORDS } from "./logic.js";

const MARKS = /** @type {Record<string, string>} */ ({ hit: "✓", close: "≈", surprise: "★" });
const SPEC = ["name", "kind", "question", "help", "unit", "options", "rows", "multiple", "low", "high", "step", "span", "marks", "handle"];

let serial = 0;

/** @param {{model: any, el: HTMLElement, signal: AbortSignal}} view */
function render({ model, el, signal }) {
  const words = { ...WORDS, ...model.get("words") };
  const spec = /** @type {any} */ ({ ...Object.fromEntries(SPEC.map((name) => [name, model.get(name)])), words });
  /** @param {unknown} value */
  const put = (value) => {
    if (model.get("committed") || model.get("shown")) return;
    model.set("value", value);
    model.save_changes();
    update();
  };
  const answer = INPUTS[spec.kind](spec, put, signal);
  const reason = `fclab-reason-${(serial += 1)}`;
  const commit = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "fclab-main", "aria-describedby": reason }, words.commit));
  const show = h("button", { type: "button" }, words.show);
  const status = h("span", { class: "fclab-status", id: reason, role: "status", "aria-live": "polite" });
  const box = answer.node.querySelector('input[type="text"]');
  box?.setAttribute("aria-describedby", reason);
  const foot = h("div", { class: "fclab-foot" }, commit, show, status);
  const verdict = h("div", { class: "fclab-verdict", role: "status", "aria-live": "polite", hidden: true });
  const root = h("section", { class: "fclab-card", "data-lm-suppress-shortcuts": "true", "data-card": spec.name, "aria-label": `${words.badge}: ${spec.question}` },
    h("style", {}, styles),
    h("div", { class: "fclab-badge" }, words.badge),
    h("p", { class: "fclab-question" }, ...rich(spec.question)),
    spec.help && h("p", { class: "fclab-help" }, ...rich(spec.help)),
    answer.node,
    foot,
    verdict,
  );

  let told = "";
  const update = () => {
    const locked = model.get("committed") || model.get("shown");
    const value = model.get("value");
    const found = /** @type {{kind?: string, text?: string}} */ (model.get("verdict") ?? {});
    answer.update(value, locked);
    const junk = answer.junk?.() ?? "";
    const open = `${junk && `${words.junk.replace("{text}", () => junk)} `}${missing(value ?? emptyValue(spec), spec, words)}`;
    const wrong = !locked && Boolean(junk || (open && value !== null));
    box?.setAttribute("aria-invalid", String(wrong));
    status.toggleAttribute("data-wrong", wrong && Boolean(box));
    commit.disabled = locked || open !== "";
    commit.hidden = show.hidden = locked;
    const said = model.get("committed") ? (found.kind ? "" : words.committed) : model.get("shown") ? words.shown : [value === null && !junk && model.get("note"), open].filter(Boolean).join(" ");
    if (status.textContent !== said) status.textContent = said;
    verdict.hidden = !found.kind;
    foot.hidden = Boolean(found.kind);
    if (found.kind && told !== JSON.stringify(found)) {
      told = JSON.stringify(found);
      verdict.setAttribute("data-verdict", found.kind);
      verdict.replaceChildren(h("b", {}, `${MARKS[found.kind] ?? ""} ${words[/** @type {"hit"} */ (found.kind)] ?? found.kind}`), " ", ...rich(found.text ?? ""));
    }
  };
  commit.addEventListener("click", () => {
    if (model.get("value") === null) model.set("value", emptyValue(spec));
    model.set("committed", true);
    model.save_changes();
    update();
    root.focus();
  }, { signal });
  show.addEventListener("click", () => {
    model.set("shown", true);
    model.save_changes();
    update();
    root.focus();
  }, { signal });
  root.setAttribute("tabindex", "-1");
  keepKeys(root, signal);
  const traits = ["value", "committed", "shown", "verdict", "note"];
  for (const name of traits) model.on(`change:${name}`, update);
  el.replaceChildren(root);
  update();
  const rest = watchKernel(model, root);
  root.setAttribute("data-ready", "");
  return () => {
    rest();
    for (const name of traits) model.off(`change:${name}`, update);
  };
}

export default { render };
