/**
 * What a prediction card decides, without a page: which values are complete, how keys move a mark, how a list is reordered.
 * Values are plain data, the same that the Python side sees:
 *   number, mark   a number or null
 *   choice         one index, or a list of indices (multiple), or a list of one index a row (rows); -1 where nothing is chosen
 *   order          a list of option indices, first to last
 */

/** @typedef {{kind: string, options: string[], rows: string[], multiple: boolean, low: number, high: number, step: number}} Spec */

/** How many decimals a step speaks in: 0.1 -> 1, 5 -> 0. @param {number} step */
export function decimals(step) {
  const [plain, exponent] = String(step).split("e");
  const after = (plain.split(".")[1] ?? "").length - Number(exponent ?? 0);
  return Math.max(0, Math.min(6, after));
}

/** A number as people type it: "360,1", " 360.1 s", "1e3". null where it is none. @param {string} text */
export function parseNumber(text) {
  const found = /^\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?)\s*[a-zµ]*\s*$/i.exec(text);
  return found ? Number(found[1].replace(",", ".")) : null;
}

/** At most six decimals, no trailing zeros, never "-0". @param {number | null} value */
export function numberText(value) {
  return value === null ? "" : String(Number(value.toFixed(6)) || 0);
}

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** The nearest value that the mark can stand on. @param {number} value @param {Spec} spec */
export function snap(value, spec) {
  return Number(clamp(Math.round(value / spec.step) * spec.step, spec.low, spec.high).toFixed(Math.max(decimals(spec.step), 1)));
}

/**
 * Where a key moves the mark: ←/→ one step, PgUp/PgDn a hundred steps (10 s on a 0.1 s step), Home/End the ends.
 * null where the key means nothing here. @param {string} key @param {number | null} value @param {Spec} spec
 */
export function moveMark(key, value, spec) {
  const from = value ?? (spec.low + spec.high) / 2;
  const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 100, PageDown: -100 }[key];
  if (by !== undefined) return snap(from + by * spec.step, spec);
  if (key === "Home") return spec.low;
  if (key === "End") return spec.high;
  return null;
}

/** The list with its item at `from` moved to `to`; ends stay ends. @template T @param {T[]} list @param {number} from @param {number} to */
export function moveItem(list, from, to) {
  const next = [...list];
  next.splice(clamp(to, 0, list.length - 1), 0, ...next.splice(from, 1));
  return next;
}

/** What stands in the card before anybody touched it. @param {Spec} spec @returns {number | null | number[]} */
export function emptyValue(spec) {
  if (spec.kind === "order") return spec.options.map((_, index) => index);
  if (spec.kind === "choice" && spec.rows.length) return spec.rows.map(() => -1);
  if (spec.kind === "choice" && spec.multiple) return [];
  return spec.kind === "choice" ? -1 : null;
}

/** What the card says where the lesson gives no words of its own (another language does). */
export const WORDS = {
  badge: "Predict",
  commit: "Commit my prediction",
  show: "Show me",
  open: "Still open:",
  choose: "Choose one",
  tick: "Tick what you expect",
  type: "Type a number",
  drag: "Drag the mark, or type a time",
  junk: "“{text}” is not a number.",
  between: "Between {low} and {high}",
  earlier: "Earlier",
  later: "Later",
  committed: "Committed. Now run on: the verdict comes with the run.",
  shown: "Shown without a prediction.",
  hit: "Hit",
  close: "Close",
  surprise: "Surprise",
};

/** What is still missing, in words; "" when the card can be committed. @param {unknown} value @param {Spec} spec */
export function missing(value, spec, words = WORDS) {
  if (spec.kind === "choice" && spec.rows.length) {
    const chosen = Array.isArray(value) ? value : [];
    const open = spec.rows.filter((_, row) => !(chosen[row] >= 0));
    return open.length ? `${words.open} ${open.map((row) => row.split(" ")[0]).join(", ")}` : "";
  }
  if (spec.kind === "choice" && spec.multiple) return Array.isArray(value) ? "" : words.tick;
  if (spec.kind === "choice") return typeof value === "number" && value >= 0 ? "" : words.choose;
  if (spec.kind === "order") return "";
  if (typeof value !== "number" || Number.isNaN(value)) return spec.kind === "mark" ? words.drag : words.type;
  const inside = value >= spec.low && value <= spec.high;
  return inside ? "" : words.between.replace("{low}", numberText(spec.low)).replace("{high}", numberText(spec.high));
}

/** Round places for the ticks of an axis from `first` to `last`. @param {number} first @param {number} last */
export function axis(first, last) {
  const rough = (last - first) / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].find((one) => one * power >= rough) ?? 10;
  const every = unit * power;
  const ticks = [];
  for (let at = Math.ceil(first / every) * every; at <= last + every / 1e6; at += every) ticks.push(Number(at.toFixed(6)));
  return ticks;
}
