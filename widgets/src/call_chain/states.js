/** What each node is doing at a moment: pure, computed from spans and hops alone. */
import { countUpTo } from "../core/columns.js";

/** @typedef {import("../player/reel.js").Reel} Reel */
/** @typedef {import("../core/tokens.js").Token} Token */
/** @typedef {{ kind: number, word: string, gone: boolean, here: boolean }} NodeState kind: number of the span kind, -1 for none */

const IDLE = (/** @type {{ name: string }[]} */ kinds) => kinds.findIndex((kind) => kind.name === "idle");

/** @param {Reel} reel */
export function makeStates(reel) {
  const { spans, hops, nodes, kinds, requests } = reel;
  const ofNode = nodes.map((_, node) => {
    /** @type {number[]} */
    const mine = [];
    for (let i = 0; i < spans.size; i++) if (reel.lanes[spans.lane[i]].node === node && reel.lanes[spans.lane[i]].group === "instance") mine.push(i);
    return { mine, starts: mine.map((i) => spans.start[i]) };
  });
  const arrivals = nodes.map((_, node) => {
    /** @type {Map<number, number>} */
    const first = new Map();
    for (let i = 0; i < hops.size; i++) {
      if (hops.target[i] !== node) continue;
      first.set(hops.depart[i], Math.max(first.get(hops.depart[i]) ?? -Infinity, hops.start[i]));
    }
    return first;
  });
  const doneAt = new Map(requests.map((request) => [request.n, request.done]));
  const ascending = (/** @type {(number | null)[]} */ times) => Float64Array.from(times.filter((time) => time !== null)).sort();
  const fired = new Set();
  for (let i = 0; i < hops.size; i++) if (nodes[hops.source[i]].kind === "source") fired.add(hops.request[i]);
  const own = requests.filter((request) => !request.cause && !fired.has(request.n));
  const asked = ascending(own.map((request) => request.at));
  const answered = ascending(own.map((request) => request.replied));
  const lastLane = reel.lanes.map((lane) => lane.node);
  /** @type {Map<number, { time: number, reclaimed: boolean }[]>} */
  const ends = new Map();
  for (const end of reel.ends) {
    const node = lastLane[end.lane];
    ends.set(node, [...(ends.get(node) ?? []), end]);
  }

  /** @param {number} node @param {number} time @param {number} position @returns {NodeState} */
  function instance(node, time, position) {
    const due = arrivals[node].get(time);
    const at = due !== undefined && due > position ? time - 1 : time;
    const { mine, starts } = ofNode[node];
    const begun = countUpTo(starts, at);
    if (!begun || position < 0) return { kind: -1, word: "not there yet", gone: false, here: false };
    /** @type {number[]} */
    const open = [];
    for (let i = begun - 1; i >= Math.max(0, begun - 200); i--) {
      if (spans.end[mine[i]] > at) open.push(mine[i]);
    }
    const last = mine[begun - 1];
    const closed = kinds[spans.kind[last]].name === "error" || (doneAt.get(spans.request[last]) ?? Infinity) <= at;
    if (!open.length && at >= reel.end && !closed) {
      const over = (/** @type {number} */ i) => (doneAt.get(spans.request[i]) ?? Infinity) <= at;
      open.push(...mine.slice(Math.max(0, begun - 200), begun).filter((i) => i === last || (reel.open(i) && !over(i)))); // cut off by the end of the recording
    }
    if (nodes[node].kind === "group") {
      const count = (/** @type {string} */ name) => open.filter((i) => kinds[spans.kind[i]].name === name).length;
      const cold = open.filter((i) => kinds[spans.kind[i]].hatched).length;
      return { kind: open.length ? spans.kind[open[0]] : -1, word: `${count("run")} run, ${cold} boot, ${count("idle")} idle`, gone: false, here: true };
    }
    const end = ends.get(node)?.[0];
    if (end && end.time <= at) return { kind: -1, word: end.reclaimed ? "reclaimed" : "ended", gone: true, here: true };
    const busy = open.filter((i) => !kinds[spans.kind[i]].quiet);
    const show = busy[0] ?? open[0];
    const left = show !== undefined && at < time && spans.end[show] <= time && !kinds[spans.kind[show]].quiet;
    if (show === undefined || left) return { kind: IDLE(kinds), word: "idle (frozen)", gone: false, here: true };
    const kind = spans.kind[show];
    const { name } = kinds[kind];
    const request = spans.request[show];
    const words = busy.length > 1 ? `${busy.length} run` : name === "run" ? `runs R${request}` : name === "error" ? `R${request} fails` : name === "idle" ? "idle (frozen)" : name;
    return { kind, word: words, gone: false, here: true };
  }

  return {
    /** @param {number} node @param {number} time @param {number} position @param {Token[]} tokens @returns {NodeState} */
    at(node, time, position, tokens) {
      const { kind, name } = nodes[node];
      if (kind === "instance" || kind === "group") return instance(node, time, position);
      const resting = tokens.filter((t) => t.node === node && !t.receipt && (!t.moving || hops.arrive[t.hop] > hops.depart[t.hop])).length;
      let word = "";
      if (name === "caller") {
        const sent = position < 0 ? 0 : countUpTo(asked, time);
        word = sent ? `${countUpTo(answered, time)}/${sent} answered` : "";
      } else if (name === "queue") word = `${resting} waiting`;
      else if (name === "pool") {
        const alive = nodes.filter((n, i) => n.kind === "instance" && (({ here, gone }) => here && !gone)(instance(i, time, position))).length;
        word = alive === 1 ? "1 instance" : `${alive} instances`;
      } else if (kind === "destination" && resting) word = `${resting} received`;
      else if (kind === "source") word = name.split(" ").slice(2).join(" ");
      return { kind: -1, word, gone: false, here: true };
    },
  };
}

/** One sentence about a hop. @param {Reel} reel @param {number} i @returns {string[]} */
export function hopRow(reel, i) {
  const { hops, nodes } = reel;
  return [`R${hops.request[i]}`, nodes[hops.source[i]].name, nodes[hops.target[i]].name, reel.say(hops.depart[i]), reel.say(hops.arrive[i]), ["ok", "failed", "dropped"][hops.outcome[i]]];
}
