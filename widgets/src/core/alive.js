/**
 * Whether the kernel that made a widget still answers. When a kernel restarts, ipywidgets tells every model so, by an event without a
 * value; a widget that went on looking alive would take what a learner types and do nothing.
 */

import { h } from "../prediction/dom.js";

const WORDS = "The kernel has restarted, so nothing answers here any more. Run the cells again, from the top.";
const PRESSABLE = ":is(button, input, select):not(:disabled)";

/**
 * Grey `root` out with a sentence above it once its kernel is gone, where it holds anything that could still be pressed.
 * @param {any} model @param {HTMLElement} root @returns {() => void} the clean-up
 */
export function watchKernel(model, root) {
  const said = h("p", { class: "fclab-dead", role: "status" }, WORDS);
  /** Called on the view; ipywidgets keeps the answer in its own model. @this {{model?: {comm_live?: boolean}} | undefined} */
  function changed() {
    const gone = this?.model?.comm_live !== true && [...root.querySelectorAll(PRESSABLE)].some((one) => !one.closest("[hidden]"));
    root.inert = gone;
    if (gone) root.before(said);
    else said.remove();
  }
  model.on("comm_live_update", changed);
  return () => model.off("comm_live_update", changed);
}
