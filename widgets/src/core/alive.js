/**
 * Whether the kernel that made a widget still answers. ipywidgets marks the view of a model that lost its kernel with a class, and tells
 * the model that something changed; a widget that looked alive then would take what a learner types and do nothing.
 */

import { h } from "../prediction/dom.js";

const DEAD = "jupyter-widgets-disconnected";
const WORDS = "The kernel has restarted, so nothing answers here any more. Run the cells again, from the top.";
const PRESSABLE = ":is(button, input, select):not(:disabled)";

/**
 * Grey `root` out with a sentence above it once its kernel is gone, where it holds anything that could still be pressed.
 * @param {any} model @param {HTMLElement} el @param {HTMLElement} root @returns {() => void} the clean-up
 */
export function watchKernel(model, el, root) {
  const said = h("p", { class: "fclab-dead", role: "status" });
  const check = () => {
    const dead = el.classList.contains(DEAD) && [...root.querySelectorAll(PRESSABLE)].some((one) => !one.closest("[hidden]"));
    if (dead === root.inert) return;
    root.inert = dead;
    said.textContent = dead ? WORDS : "";
    if (dead) root.before(said);
    else said.remove();
  };
  model.on("comm_live_update", check);
  check();
  return () => model.off("comm_live_update", check);
}
