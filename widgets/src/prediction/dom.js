/** Small helpers for building a page; texts never become markup. */

/**
 * An element with attributes and children; a falsy child is left out, `true` attributes are set empty.
 * @param {string} tag @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string | false | null | undefined)} children @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== false && child !== null && child !== undefined).map((child) => /** @type {Node} */ (child)));
  return node;
}

/** The same for SVG. @param {string} tag @param {Record<string, string | number>} [attributes] @param {...(Node | string)} children @returns {SVGElement} */
export function s(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * Text in which `code` and **strong** are the only markup. A number stays with its unit.
 * @param {string} text @returns {(Node | string)[]}
 */
export function rich(text) {
  return text.replace(/(\d) (s|ms|MB)\b/g, "$1\u00a0$2").split(/(`[^`]+`|\*\*[^*]+\*\*)/).filter(Boolean).map((part) => {
    if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
    return part.startsWith("**") ? h("strong", {}, part.slice(2, -2)) : part;
  });
}
