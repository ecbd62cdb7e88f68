/** Drawing a timeline on a canvas. A still layer holds all spans; each frame shows its played part full and the rest pale. */
import { tickText } from "../core/format.js";
import { spanWords } from "./layout.js";

/** @typedef {import("../core/axis.js").Axis} Axis */
/** @typedef {import("../player/reel.js").Reel} Reel */
/** @typedef {import("./layout.js").Geometry} Geometry */
/** @typedef {import("./layout.js").Mark} Mark */
/** @typedef {import("./layout.js").Ending} Ending */
/** @typedef {{ paper: string, band: string, ink: string, soft: string, line: string, accent: string, gone: string, font: string, dark: boolean }} Theme */
/** @typedef {{ reel: Reel, axis: Axis, size: Geometry, width: number, theme: Theme, live: boolean, edge: number, marks: Mark[], ends: Ending[] }} Picture edge: the pixel of now; the picture of a lab that goes on ends there */

/** How much of what has not happened yet is seen. */
export const PALE = 0.3;

/** How many pixels wide a handler is that took next to no time. */
const SLIVER = 2.5;
const UNIT = "time in s";

/** @param {Element} root @returns {Theme} */
export function themeOf(root) {
  const css = getComputedStyle(root);
  const value = (/** @type {string} */ name) => css.getPropertyValue(`--fcl-${name}`).trim();
  const [r, g, b] = (css.color.match(/\d+(\.\d+)?/g) ?? ["0", "0", "0"]).map(Number);
  const dark = r + g + b > 384;
  return {
    paper: value("paper"),
    band: value("band"),
    ink: value("ink"),
    soft: value("soft"),
    line: value("line"),
    accent: value("accent"),
    gone: dark ? "#ff8f73" : "#b93a22",
    font: css.fontFamily,
    dark,
  };
}

/** A text in a given size and weight. @param {CanvasRenderingContext2D} c @param {Theme} theme @param {number} size @param {number} [weight] */
export function face(c, theme, size, weight = 400) {
  c.font = `${weight} ${size.toFixed(1)}px ${theme.font}`;
}

/** Diagonal stripes for cold phases. @param {CanvasRenderingContext2D} c @param {number} x @param {number} y @param {number} w @param {number} h */
function hatch(c, x, y, w, h) {
  c.save();
  c.beginPath();
  c.rect(x, y, w, h);
  c.clip();
  c.beginPath();
  const step = 8;
  for (let at = Math.floor((x - h) / step) * step; at < x + w; at += step) {
    c.moveTo(at, y + h);
    c.lineTo(at + h, y);
  }
  c.strokeStyle = "rgba(0,0,0,0.24)";
  c.lineWidth = 2.6;
  c.stroke();
  c.restore();
}

/** Bands and names of the lanes. @param {CanvasRenderingContext2D} c @param {Picture} picture */
export function paintLanes(c, { reel, size, width, theme }) {
  c.textBaseline = "middle";
  c.textAlign = "left";
  reel.lanes.forEach((lane, i) => {
    const y = size.strip + i * size.pitch;
    c.fillStyle = theme.band;
    if (i % 2 === 0) {
      c.beginPath();
      c.roundRect(0, y, width, size.pitch, 6);
      c.fill();
    }
    c.fillStyle = theme.ink;
    face(c, theme, size.font, 600);
    const two = lane.reserved && size.pitch > 34;
    c.fillText(fit(c, lane.label, size.gutter - 14), 8, y + size.pitch / 2 - (two ? size.font * 0.55 : 0));
    if (two) {
      c.fillStyle = theme.soft;
      face(c, theme, size.font * 0.85);
      c.fillText("reserved", 8, y + size.pitch / 2 + size.font * 0.65);
    }
  });
}

/** @param {CanvasRenderingContext2D} c @param {string} text @param {number} room */
function fit(c, text, room) {
  if (c.measureText(text).width <= room) return text;
  let short = text;
  while (short.length > 3 && c.measureText(`${short}…`).width > room) short = short.slice(0, -1);
  return `${short}…`;
}

/** All spans with their names. @param {CanvasRenderingContext2D} c @param {Picture} picture */
export function paintSpans(c, picture) {
  const { reel, axis, size, width, theme } = picture;
  const { start, end, lane, kind, size: count } = reel.spans;
  const left = size.gutter;
  const right = width - size.margin;
  /** @type {number[]} */
  const labelled = [];
  /** Handlers that took next to no time: upon everything else, failed ones on top. @type {{ x: number, y: number, fill: string, failed: boolean }[]} */
  const slivers = [];
  const painted = new Int32Array(reel.lanes.length * reel.kinds.length).fill(-1);
  c.save();
  c.beginPath();
  c.rect(left - 1, 0, right - left + 2, size.bottom);
  c.clip();
  for (let i = 0; i < count; i++) {
    const x0 = axis.x(start[i]);
    const x1 = axis.x(end[i]);
    if (x1 < left || x0 > right) continue;
    const wide = x1 - x0;
    const paint = reel.kinds[kind[i]];
    const tall = paint.quiet ? size.bar * 0.66 : size.bar;
    const y = size.strip + lane[i] * size.pitch + (size.pitch - tall) / 2;
    c.fillStyle = paint.fill;
    if (wide < 1) {
      const cell = lane[i] * reel.kinds.length + kind[i];
      if (painted[cell] === Math.floor(x0)) continue;
      painted[cell] = Math.floor(x0);
      if (paint.name === "run" || paint.name === "error") slivers.push({ x: Math.floor(x0), y, fill: paint.fill, failed: paint.name === "error" });
      else c.fillRect(Math.floor(x0), y, 1.2, tall);
      continue;
    }
    c.globalAlpha = paint.quiet && theme.dark ? 0.22 : 1;
    c.beginPath();
    c.roundRect(x0 + 0.4, y, Math.max(0.6, wide - 0.8), tall, wide > 8 ? 4 : 0);
    c.fill();
    c.globalAlpha = 1;
    if (paint.quiet) {
      c.strokeStyle = theme.soft;
      c.globalAlpha = 0.5;
      c.lineWidth = 1;
      c.stroke();
      c.globalAlpha = 1;
    }
    if (paint.hatched && wide > 3) hatch(c, x0 + 0.4, y, wide - 0.8, tall);
    if (wide > 9 && size.pitch > 18) labelled.push(i);
  }
  for (const { x, y, fill } of slivers.sort((a, b) => Number(a.failed) - Number(b.failed))) {
    c.fillStyle = fill;
    c.fillRect(x, y, SLIVER, size.bar);
  }
  paintFolds(c, picture);
  c.textAlign = "center";
  c.textBaseline = "middle";
  const free = reel.lanes.map(() => -Infinity); // where waits overlap, the first name stands
  const taken = new Set(picture.ends.filter((one) => one.side < 0).map((one) => `${one.lane} ${one.time}`)); // their end's word is there
  for (const i of labelled) if (!taken.has(`${lane[i]} ${end[i]}`)) label(c, picture, i, left, right, free);
  c.restore();
}

/** @param {CanvasRenderingContext2D} c @param {Picture} picture @param {number} i @param {number} left @param {number} right @param {number[]} free */
function label(c, { reel, axis, size, theme, edge }, i, left, right, free) {
  const paint = reel.kinds[reel.spans.kind[i]];
  let x0 = Math.max(left, axis.x(reel.spans.start[i]));
  let x1 = Math.min(right, edge, axis.x(reel.spans.end[i]));
  const y = size.strip + reel.spans.lane[i] * size.pitch + size.pitch / 2 + 0.5;
  if (paint.quiet) {
    const fold = axis.segments.find((s) => s.fold && s.x0 >= x0 - 0.5 && s.x1 <= x1 + 0.5);
    if (fold) [x0, x1] = [fold.x0 + 8, fold.x1 - 8];
  }
  const words = spanWords(reel, i);
  for (const [n, word] of words.entries()) {
    for (const shrink of n + 1 < words.length ? [1, 0.84] : [1]) {
      face(c, theme, size.font * shrink * (paint.quiet ? 0.9 : 1), paint.quiet ? 400 : 650);
      const wide = c.measureText(word).width;
      const middle = (x0 + x1) / 2;
      const row = reel.spans.lane[i];
      if (wide + 3 > x1 - x0 || middle - wide / 2 < free[row]) continue;
      free[row] = middle + wide / 2 + 4;
      c.fillStyle = paint.quiet && theme.dark ? theme.ink : paint.ink;
      if (paint.hatched) {
        c.strokeStyle = paint.fill;
        c.lineWidth = 4;
        c.lineJoin = "round";
        c.strokeText(word, middle, y);
      }
      c.fillText(word, middle, y);
      return;
    }
  }
}

/** Zigzag edges around folded time. @param {CanvasRenderingContext2D} c @param {Picture} picture */
function paintFolds(c, { axis, size, theme }) {
  for (const fold of axis.segments) {
    if (!fold.fold || fold.x1 - fold.x0 < 8) continue;
    const inset = Math.min(5, (fold.x1 - fold.x0) / 4);
    const edge = (/** @type {number} */ x, /** @type {boolean} */ up) => {
      const from = size.strip - 3;
      const to = size.bottom + 4;
      const teeth = Math.ceil((to - from) / 7);
      for (let n = 0; n <= teeth; n++) {
        const k = up ? teeth - n : n;
        c.lineTo(x + (k % 2 ? 3 : -1), Math.min(to, from + k * 7));
      }
    };
    c.beginPath();
    edge(fold.x0 + inset, false);
    edge(fold.x1 - inset, true);
    c.closePath();
    c.globalAlpha = 0.45;
    c.fillStyle = theme.paper;
    c.fill();
    c.globalAlpha = 0.8;
    c.strokeStyle = theme.soft;
    c.lineWidth = 1;
    for (const x of [fold.x0 + inset, fold.x1 - inset]) {
      c.beginPath();
      edge(x, false);
      c.stroke();
    }
    c.globalAlpha = 1;
  }
}

/** The time axis, on a canvas of its own below the lanes. @param {CanvasRenderingContext2D} c @param {Picture} picture */
export function paintAxis(c, { reel, axis, size, width, theme, live }) {
  const left = size.gutter;
  const right = width - size.margin;
  const y = 1;
  c.strokeStyle = theme.line;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(left, y);
  c.lineTo(Math.min(right, axis.right), y);
  c.stroke();
  c.textBaseline = "alphabetic";
  c.textAlign = "center";
  face(c, theme, size.font * 0.88);
  c.fillStyle = theme.soft;
  for (const s of axis.segments) {
    if (!s.fold || s.x0 < left - 2 || s.x1 > right + 2) continue;
    const text = `${reel.say(s.t1 - s.t0)} s`;
    if (c.measureText(text).width < s.x1 - s.x0) c.fillText(text, (s.x0 + s.x1) / 2, y + 16 * size.zoom);
  }
  face(c, theme, size.font * 0.95);
  const least = 8 + c.measureText(UNIT).width + 4;
  /** @type {[number, number][]} */
  const taken = [];
  const { t1: end } = axis.segments[axis.segments.length - 1]; // of a lab that goes on this is nothing but room
  const ticks = axis.ticks(left, right, 80 * size.zoom).filter(({ t }) => !live || t !== end).sort((a, b) => Number(b.strong) - Number(a.strong) || a.x - b.x);
  for (const { t, x, strong } of ticks) {
    const text = reel.clock === "wall" ? tickText(t, axis.scale) : reel.say(Math.round(t));
    const half = c.measureText(text).width / 2;
    const middle = Math.max(least + half, Math.min(x, width - 2 - half));
    if (taken.some(([from, to]) => middle - half < to + 7 && from - 7 < middle + half)) continue;
    taken.push([middle - half, middle + half]);
    c.beginPath();
    c.moveTo(x, y);
    c.lineTo(x, y + 19 * size.zoom);
    c.stroke();
    c.fillStyle = strong ? theme.ink : theme.soft;
    c.fillText(text, middle, y + 34 * size.zoom);
  }
  c.textAlign = "left";
  c.fillStyle = theme.soft;
  c.fillText(UNIT, 8, y + 34 * size.zoom);
}

/** Put the layers together: played part full, the rest pale, up to pixel `width`. @param {CanvasRenderingContext2D} c @param {HTMLCanvasElement} layer @param {number} x @param {number} width @param {number} height @param {number} ratio */
export function blend(c, layer, x, width, height, ratio) {
  const at = Math.max(0, Math.min(width, x));
  const draw = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to > from) c.drawImage(layer, from * ratio, 0, (to - from) * ratio, height * ratio, from, 0, to - from, height);
  };
  draw(0, at);
  c.globalAlpha = PALE;
  draw(at, width);
  c.globalAlpha = 1;
}
