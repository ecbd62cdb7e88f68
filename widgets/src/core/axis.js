/** The time axis: lab time to pixels. On the story scale a fold is a narrow strip; on the true scale nothing folds. */

const FOLD = 84;
const FOLD_OF_WIDTH = 0.085;
const FOLD_LEAST = 46;
const FOLD_SHARE = 0.45;

/** @typedef {{ t0: number, t1: number, x0: number, x1: number, fold: boolean }} Segment */

/**
 * @param {readonly (readonly [number, number])[]} folds idle gaps in µs, ascending; empty for the true scale
 * @param {number} begin @param {number} end the picture's time in µs
 * @param {number} left first pixel
 * @param {number} width pixels for the whole run
 * @param {readonly [number, number]} [part] which part of the run fills the width, 0 to 1
 * @param {ReadonlyMap<number, number>} [rooms] pixels for what is written at the beginning (µs) of a fold: it is that wide at least
 */
export function makeAxis(folds, begin, end, left, width, part = [0, 1], rooms = new Map()) {
  const full = width / Math.max(1e-6, part[1] - part[0]);
  const origin = left - part[0] * full;
  const wanted = Math.min(FOLD, Math.max(FOLD_LEAST, width * FOLD_OF_WIDTH));
  const strips = folds.map(([t0]) => Math.max(wanted, rooms.get(t0) ?? 0));
  const all = strips.reduce((sum, strip) => sum + strip, 0);
  const shrink = Math.min(1, (FOLD_SHARE * full) / Math.max(1, all));
  let action = end - begin;
  for (const [t0, t1] of folds) action -= t1 - t0;
  const scale = action > 0 ? (full - all * shrink) / action : 0;
  /** @type {Segment[]} */
  const segments = [];
  let at = begin;
  let x = origin;
  const run = (/** @type {number} */ to) => {
    if (to >= at) segments.push({ t0: at, t1: to, x0: x, x1: x + (to - at) * scale, fold: false });
    x += Math.max(0, to - at) * scale;
  };
  folds.forEach(([t0, t1], i) => {
    run(t0);
    segments.push({ t0, t1, x0: x, x1: x + strips[i] * shrink, fold: true });
    x += strips[i] * shrink;
    at = t1;
  });
  run(end);
  const right = x;

  /** @param {number} t @param {"t0" | "x0"} from @param {"t1" | "x1"} to */
  const find = (t, from, to) => {
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (segments[middle][to] < t) low = middle + 1;
      else high = middle;
    }
    return segments[low];
  };
  return {
    segments,
    scale,
    left: origin,
    right,
    /** Pixel of a lab time. @param {number} t */
    x(t) {
      const s = find(t, "t0", "t1");
      if (t <= s.t0 || s.t1 === s.t0) return s.x0;
      return t >= s.t1 ? s.x1 : s.x0 + ((t - s.t0) / (s.t1 - s.t0)) * (s.x1 - s.x0);
    },
    /** Lab time of a pixel. @param {number} px */
    t(px) {
      const s = find(px, "x0", "x1");
      if (px <= s.x0 || s.x1 === s.x0) return s.t0;
      return px >= s.x1 ? s.t1 : s.t0 + ((px - s.x0) / (s.x1 - s.x0)) * (s.t1 - s.t0);
    },
    /**
     * Ticks between two pixels: borders of action (strong, one a pixel) and round times at least `apart` pixels from one another.
     * @param {number} from @param {number} to @param {number} [apart]
     */
    ticks(from, to, apart = 80) {
      const step = scale > 0 ? nice(apart / scale) : Infinity;
      /** @type {Map<number, boolean>} */
      const found = new Map();
      let strongest = -Infinity;
      const strong = (/** @type {number} */ t, /** @type {number} */ x, last = false) => {
        if (x < strongest + 1 && !last) return;
        strongest = x;
        found.set(t, true);
      };
      for (const s of segments) {
        if (s.fold || s.x1 < from || s.x0 > to) continue;
        strong(s.t0, s.x0);
        const first = Math.max(s.t0, s.x1 > s.x0 ? s.t0 + (from - s.x0) / scale : s.t0);
        const last = Math.min(s.t1, s.x1 > s.x0 ? s.t0 + (to - s.x0) / scale : s.t1);
        if (step < Infinity) {
          for (let t = Math.ceil(first / step) * step; t <= last; t += step) if (!found.has(t)) found.set(t, false);
        }
        strong(s.t1, s.x1, s === segments[segments.length - 1]);
      }
      return [...found].map(([t, strong]) => ({ t, strong, x: this.x(t) })).filter((tick) => tick.x >= from - 0.5 && tick.x <= to + 0.5);
    },
  };
}

/** @typedef {ReturnType<typeof makeAxis>} Axis */

/** The smallest of 1, 2, 5 times a power of ten that is at least `us`. @param {number} us */
export function nice(us) {
  for (let power = 1; ; power *= 10) for (const factor of [1, 2, 5]) if (factor * power >= us) return factor * power;
}
