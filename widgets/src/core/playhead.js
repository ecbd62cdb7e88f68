/**
 * The storyboard in the browser: position p (seconds of playing) to lab time, and the stops of a stepping player.
 * A negative position means: not begun; the picture is that of p = 0 with nothing happened yet.
 */
import { countUpTo } from "./columns.js";

/** @typedef {import("./columns.js").Column} Column */

export const BEFORE = -1;
const EPSILON = 1e-9;

/**
 * @param {{ p: Column, t: Column, stepP: Column, stepTime: Column, stepRequest: Column }} story
 */
export function makePlayhead({ p, t, stepP, stepTime, stepRequest }) {
  const length = p.length ? p[p.length - 1] : 0;
  /** @type {number[]} */
  const firsts = [];
  const seen = new Set();
  for (let i = 0; i < stepP.length; i++) {
    const request = stepRequest[i];
    if (request && !seen.has(request)) {
      seen.add(request);
      firsts.push(i);
    }
  }
  const firstP = firsts.map((i) => stepP[i]);

  /** @param {Column} column @param {number} at */
  const after = (column, at) => {
    const i = countUpTo(column, at + EPSILON);
    return i < column.length ? column[i] : length;
  };
  /** @param {Column} column @param {number} at */
  const before = (column, at) => {
    let i = countUpTo(column, at - EPSILON) - 1;
    while (i >= 0 && column[i] >= at - EPSILON) i--;
    return i >= 0 ? column[i] : BEFORE;
  };

  /** Positions between which the clock stands at a lab time. @param {number} us @returns {[number, number]} */
  const stand = (us) => {
    const first = position(us);
    const i = countUpTo(t, us) - 1;
    return [first, i >= 0 && t[i] === us ? Math.max(first, p[i]) : first];
  };
  /** Lab time in µs at position `at`. @param {number} at */
  const time = (at) => {
    if (at <= 0 || !p.length) return p.length ? t[0] : 0;
    const i = countUpTo(p, at);
    if (i >= p.length) return t[p.length - 1];
    const share = (at - p[i - 1]) / (p[i] - p[i - 1]);
    return t[i - 1] + share * (t[i] - t[i - 1]);
  };
  /** The first position at which the lab time is reached. @param {number} us */
  const position = (us) => {
    let low = 0;
    let high = p.length - 1;
    if (high < 0 || us <= t[0]) return 0;
    const wanted = Math.min(us, t[high]);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (t[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    const span = t[low] - t[low - 1];
    return span > 0 ? p[low - 1] + ((wanted - t[low - 1]) / span) * (p[low] - p[low - 1]) : p[low];
  };

  return {
    length,
    steps: stepP.length,
    time,
    position,
    stand,
    /**
     * The position in `grown`, which is the continuation of this story, that shows the moment that `at` shows here. Where the clock
     * stands one keeps one's distance from the beginning of that; it shrinks with it.
     * @param {number} at @param {{ stand(us: number): [number, number] }} grown
     */
    carry(at, grown) {
      if (at < 0) return at;
      const us = time(at);
      const [first, last] = stand(us);
      const [begin, end] = grown.stand(us);
      return begin + (last > first ? (at - first) * Math.min(1, (end - begin) / (last - first)) : 0);
    },
    /**
     * Where the player stands after `elapsed` seconds at `speed`. On the true scale lab time passes at `speed`; the instants at which
     * tokens travel keep their moment on both scales.
     * @param {number} at @param {number} elapsed @param {number} speed @param {boolean} folded
     */
    advance(at, elapsed, speed, folded) {
      let left = Math.max(0, elapsed) * speed;
      let now = Math.max(0, at);
      if (folded) return Math.min(length, now + left);
      let i = Math.max(1, countUpTo(p, now));
      while (left > 0 && i < p.length) {
        const slope = (t[i] - t[i - 1]) / 1e6 / (p[i] - p[i - 1]);
        const cost = Math.max(1, slope);
        const room = (p[i] - now) * cost;
        if (room > left) return now + left / cost;
        left -= room;
        now = p[i];
        i++;
      }
      return Math.min(length, now);
    },
    /** Number of the step in force, -1 before the first. @param {number} at */
    step: (at) => (at < 0 ? -1 : countUpTo(stepP, at + EPSILON) - 1),
    /** @param {number} at */
    nextStep: (at) => after(stepP, at),
    /** @param {number} at */
    previousStep: (at) => before(stepP, at),
    /** @param {number} at */
    nextRequest: (at) => after(firstP, at),
    /** @param {number} at */
    previousRequest: (at) => before(firstP, at),
    /** @param {number} step */
    stepTime: (step) => stepTime[step],
    /** @param {number} step */
    stepRequest: (step) => (step >= 0 ? stepRequest[step] : 0),
  };
}

/** @typedef {ReturnType<typeof makePlayhead>} Playhead */
