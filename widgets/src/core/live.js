/**
 * The present of a lab that goes on. Nothing is sent while nothing is recorded, so between two messages its clock goes on here, and
 * what is open on the last one grows. Pure, so it is tested without a browser.
 */

/** An idle gap longer than this many µs is folded; as in Python's storyboard. */
export const FOLD_FROM = 5e6;
/** Room to the right of now, as a share of what has passed: the picture is composed anew only when it is used up. */
const ROOM = 0.3;
const LEAST_ROOM = 0.5e6;

/**
 * Lab time in µs, `elapsed` seconds after it was `present`.
 * @param {{ present: number, rate: number, bound: number }} going @param {number} elapsed
 */
export function nowAfter({ present, rate, bound }, elapsed) {
  const now = present + Math.max(0, elapsed) * rate * 1e6;
  return bound < 0 ? now : Math.min(now, Math.max(present, bound));
}

/**
 * What the axis of a lab that goes on must hold: the folds, and where it ends. A rest at the end that has become long is folded.
 * @param {{ folds: [number, number][], begin: number, end: number, last: number, busy: boolean }} reel `last`: the last event
 * @param {number} now @param {boolean} folded
 * @param {number} kept where it ended until now: it stays there as long as there is room left
 * @returns {{ folds: [number, number][], end: number }}
 */
export function liveAxis({ folds, begin, end, last, busy }, now, folded, kept = 0) {
  const known = folded ? folds.filter(([, to]) => to < end) : [];
  const rest = (folded && folds.find(([, to]) => to >= end)?.[0]) || last;
  const rests = folded && !busy && now - rest > FOLD_FROM;
  const action = known.reduce((left, [from, to]) => left - (to - from), now - begin);
  const most = now + (rests ? Math.max(now - rest, 10 * FOLD_FROM) : Math.max(LEAST_ROOM, action * ROOM));
  const until = kept > now && kept <= most ? kept : most;
  return { folds: rests ? [...known, [rest, until]] : known, end: until };
}

/**
 * Ends of spans, those that are open moved on to `to`.
 * @param {{ end: ArrayLike<number>, kind: ArrayLike<number>, size: number }} spans @param {(i: number) => boolean} open @param {number} to
 */
export function grownEnds(spans, open, to) {
  const ends = Float64Array.from(spans.end);
  for (let i = 0; i < spans.size; i++) if (open(i)) ends[i] = to;
  return ends;
}
