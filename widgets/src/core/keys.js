/**
 * Keep plain keys inside a widget. JupyterLab asks for `data-lm-suppress-shortcuts` on the very element that has the focus, so the
 * attribute on a widget's root does nothing once a button inside is focused: `b` would insert a cell and `d d` delete this one.
 * @param {HTMLElement} root @param {AbortSignal} signal
 */
export function keepKeys(root, signal) {
  const keep = (/** @type {KeyboardEvent} */ event) => {
    if (!(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
  };
  root.addEventListener("keydown", keep, { signal });
}
