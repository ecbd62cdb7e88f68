/** Where things stand in a timeline of a given size: pure, so it is tested without a browser. */
import { clockText } from "../core/format.js";

/** @typedef {import("../core/axis.js").Axis} Axis */
/** @typedef {import("../player/reel.js").Reel} Reel */
/** @typedef {import("../player/reel.js").Request} Request */
/** @typedef {{ x: number, left: number, tight: number, lane: number, first: Request, members: Request[], long: string, short: string, wide: boolean, pill: boolean }} Mark */

/** @typedef {{ time: number, lane: number, x: number, word: string, side: -1 | 0 | 1 }} Ending side: its word is left or right of the cross, or nowhere */

/** Requests that arrive within this many pixels share one mark. */
const NEAR = 10;

/**
 * Heights in pixels for `lanes` rows in a view `width` pixels wide.
 * @param {number} width @param {number} lanes @param {number} [letters] of the longest name of a row
 */
export function geometry(width, lanes, letters = 8) {
  const zoom = Math.min(1.6, Math.max(0.9, width / 1050));
  const row = lanes <= 8 ? 46 : lanes <= 16 ? 36 : lanes <= 40 ? 24 : 14;
  const font = (row > 30 ? 13 : row > 20 ? 11.5 : 10) * zoom;
  const pitch = row * zoom;
  const strip = 38 * zoom;
  return {
    zoom,
    pitch,
    bar: pitch * (row > 30 ? 0.66 : 0.8),
    strip,
    font,
    gutter: width < 520 ? 78 : Math.min(width * 0.2, Math.max(84 * zoom, 24 + letters * font * 0.64)),
    margin: 20 * zoom,
    bottom: strip + Math.max(1, lanes) * pitch,
    height: strip + Math.max(1, lanes) * pitch + 8 * zoom,
    axis: 42 * zoom,
  };
}

/** @typedef {ReturnType<typeof geometry>} Geometry */

/** The lane in which each request is first seen. @param {Reel} reel @returns {Map<number, number>} */
export function homes(reel) {
  const { request, lane, size } = reel.spans;
  const found = new Map();
  for (let i = 0; i < size; i++) if (request[i] && !found.has(request[i])) found.set(request[i], lane[i]);
  return found;
}

/**
 * Marks of arriving requests, those of one pixel together; texts that would overlap the next mark are shortened or left out.
 * @param {Reel} reel @param {Axis} axis @param {Map<number, number>} home
 * @param {(text: string) => number} measure width of a text in pixels
 * @param {number} from @param {number} to first and last pixel that shows
 * @returns {Mark[]}
 */
export function marks(reel, axis, home, measure, from, to) {
  /** @type {Mark[]} */
  const found = [];
  for (const request of reel.requests) {
    const x = axis.x(request.at);
    if (x < from - 1 || x > to + 1) continue;
    const lane = home.get(request.n) ?? -1;
    const last = found[found.length - 1];
    if (last && x - last.x < NEAR) {
      last.members.push(request);
      if (lane >= 0) last.lane = last.lane < 0 ? lane : Math.min(last.lane, lane);
      last.short = `R${last.first.n}–R${request.n}`;
      last.long = last.short;
    } else {
      const short = `R${request.n}`;
      const long = request.text ? `${short} ${request.text}` : short;
      found.push({ x, left: x, tight: x, lane, first: request, members: [request], long, short, wide: true, pill: true });
    }
  }
  let free = -Infinity;
  found.forEach((mark, i) => {
    const next = i + 1 < found.length ? found[i + 1].x - 8 : Infinity;
    const long = measure(mark.long);
    const short = measure(mark.short);
    mark.left = Math.max(from - 6, Math.min(mark.x - 6, to + 14 - long));
    mark.tight = Math.max(from - 6, Math.min(mark.x - 6, to + 14 - short));
    mark.wide = mark.left + long <= next && mark.left >= free;
    mark.pill = (mark.wide ? mark.left : mark.tight) >= free;
    if (mark.pill) free = mark.wide ? Math.max(mark.left + long, mark.tight + short) + 3 : mark.tight + short + 3;
  });
  return found;
}

/** What is written where an instance ends. @param {{ reclaimed: boolean }} end */
export const endWord = (end) => (end.reclaimed ? "reclaimed" : "ended");

/** How far down the way of a mark's requests goes. @param {Geometry} size @param {{ lane: number }} mark */
export const footOf = (size, { lane }) => (lane >= 0 ? size.strip + lane * size.pitch + (size.pitch - size.bar) / 2 - 1 : size.strip - 2);

/**
 * Where the words of ends stand: right of the cross, or left of it on the rest before it, where no request's way is.
 * @param {Reel} reel @param {Axis} axis @param {Geometry} size @param {Mark[]} found
 * @param {(text: string) => number} measure width of a text in pixels
 * @param {number} to last pixel
 * @returns {Ending[]}
 */
export function endings(reel, axis, size, found, measure, to) {
  const { lane, kind, start, end, size: count } = reel.spans;
  /** @type {Map<number, number>} */
  const last = new Map();
  if (reel.ends.length) for (let i = 0; i < count; i++) last.set(lane[i], i);
  const tall = size.pitch > 30;
  return reel.ends.map(({ time, lane: row, reclaimed }) => {
    const x = axis.x(time);
    const word = endWord({ reclaimed });
    const gap = 9 * size.zoom;
    const long = tall ? measure(word) + gap : Infinity;
    const middle = size.strip + (row + 0.5) * size.pitch;
    const ways = tall ? found.filter((mark) => footOf(size, mark) > middle - size.font).map((mark) => mark.x) : [];
    const i = last.get(row) ?? -1;
    const rest = i >= 0 && reel.kinds[kind[i]].quiet && end[i] === time ? axis.x(start[i]) : Infinity;
    const right = x + long < Math.min(to, ...ways.filter((way) => way > x).map((way) => way - 5));
    const left = x - long - 3 > Math.max(rest, ...ways.filter((way) => way <= x).map((way) => way + 5));
    return { time, lane: row, x, word, side: right ? 1 : left ? -1 : 0 };
  });
}

/** The words for a span, longest first. @param {Reel} reel @param {number} i */
export function spanWords(reel, i) {
  const kind = reel.kinds[reel.spans.kind[i]];
  const request = reel.spans.request[i];
  if (kind.name === "idle") return ["idle (frozen)", "idle"];
  if (kind.name === "run" || kind.name === "error") return [`${kind.name} R${request}`, `R${request}`, kind.letter];
  if (request && kind.quiet) return [`R${request} ${kind.name === "wait" ? "waits" : "waits to retry"}`, `R${request}`, kind.letter];
  return [kind.name, kind.letter];
}

/** Everything about a span in a few lines; `now` is the lab's time if it goes on. @param {Reel} reel @param {number} i @param {number} [now] */
export function spanFacts(reel, i, now) {
  const { start, end, lane, request, kind } = reel.spans;
  const paint = reel.kinds[kind[i]];
  const long = now === undefined ? `${reel.say(end[i] - start[i])} s` : `${clockText(Math.max(0, now - start[i]))} s so far`;
  const until = now === undefined ? `${reel.say(end[i])} s` : "now";
  const who = request[i] ? ` · R${request[i]}` : "";
  return `${reel.lanes[lane[i]].label} · ${paint.name}${who}\n${reel.say(start[i])} – ${until} (${long})\n${paint.meaning}`;
}

/** The span at a place, -1 for none; the shortest where several meet. @param {Reel} reel @param {number} lane @param {number} t0 @param {number} t1 */
export function spanAt(reel, lane, t0, t1) {
  const spans = reel.spans;
  let best = -1;
  for (let i = 0; i < spans.size; i++) {
    if (spans.start[i] > t1) break;
    if (spans.lane[i] !== lane || spans.end[i] < t0) continue;
    if (best < 0 || spans.end[i] - spans.start[i] < spans.end[best] - spans.start[best]) best = i;
  }
  return best;
}
