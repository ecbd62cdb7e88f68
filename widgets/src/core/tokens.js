/**
 * Where every token is at a position: travelling along a hop, or resting at a node until its request departs from there.
 * A request has one token; the 202 that goes back once its event is stored is a receipt, which is gone when it has arrived.
 */

/** @typedef {import("./columns.js").Column} Column */
/** @typedef {{ request: number, hop: number, moving: boolean, share: number, node: number, outcome: number, receipt: boolean }} Token */

/**
 * @param {{ start: Column, end: Column, source: Column, target: Column, request: Column, outcome: Column }} hops
 * @param {(node: number) => boolean} terminal a token that reached such a node leaves the picture after `linger`
 * @param {(request: number) => boolean} over this request is finished: its token leaves after the last hop
 * @param {number} linger seconds of playing
 * @param {(node: number) => boolean} queue where events are stored
 */
export function makeTokens(hops, terminal, over, linger = 0.8, queue = () => false) {
  const n = hops.start.length;
  const leaves = new Float64Array(n).fill(Infinity);
  /** open hops by "request node": a hop out of that node ends the rest of those that came in @type {Map<string, number[]>} */
  const resting = new Map();
  /** the last hop of a request that failed: its token goes when the request goes on @type {Map<number, number>} */
  const broken = new Map();
  /** the last hop of a request @type {Map<number, number>} */
  const last = new Map();
  const receipts = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const request = hops.request[i];
    const before = last.get(request);
    if (before !== undefined && queue(hops.target[before]) && hops.source[before] === hops.source[i]) {
      receipts[i] = 1;
      leaves[i] = hops.end[i] + (terminal(hops.target[i]) ? linger : 0);
      continue;
    }
    last.set(request, i);
    const failed = broken.get(request);
    if (failed !== undefined && hops.start[i] >= hops.end[failed] - 1e-9) {
      leaves[failed] = Math.min(leaves[failed], Math.max(hops.start[i], hops.end[failed]));
      broken.delete(request);
    }
    if (hops.outcome[i] === 1) broken.set(request, i);
    const from = `${request} ${hops.source[i]}`;
    const here = resting.get(from);
    if (here) {
      const stay = here.filter((j) => {
        if (hops.end[j] > hops.start[i] + 1e-9) return true;
        leaves[j] = Math.min(leaves[j], hops.start[i]);
        return false;
      });
      if (stay.length) resting.set(from, stay);
      else resting.delete(from);
    }
    if (terminal(hops.target[i]) || hops.outcome[i] === 2) {
      leaves[i] = hops.end[i] + linger;
    } else {
      const to = `${request} ${hops.target[i]}`;
      const list = resting.get(to);
      if (list) list.push(i);
      else resting.set(to, [i]);
    }
  }
  for (const [request, i] of last) if (over(request)) leaves[i] = Math.min(leaves[i], hops.end[i] + linger);
  return {
    leaves,
    /** @param {number} at @param {boolean} [still] no movement: a token under way already stands at its goal @returns {Token[]} */
    at(at, still = false) {
      /** by request, receipts apart: the later hop counts @type {Map<number, Token>} */
      const found = new Map();
      for (let i = 0; i < n; i++) {
        if (hops.start[i] > at) continue;
        const receipt = receipts[i] === 1;
        const key = receipt ? -hops.request[i] : hops.request[i];
        if (leaves[i] <= at) {
          found.delete(key);
          continue;
        }
        const long = hops.end[i] - hops.start[i];
        const share = still || long <= 0 ? 1 : Math.min(1, (at - hops.start[i]) / long);
        const moving = share < 1;
        found.set(key, { request: hops.request[i], hop: i, moving, share, node: hops.target[i], outcome: hops.outcome[i], receipt });
      }
      return [...found.values()];
    },
  };
}
