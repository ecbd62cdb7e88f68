/** What Python computed for one recording, decoded once a page and version: spans, hops, storyboard, names. */
import { columns } from "../core/columns.js";
import { textOfTimes } from "../core/format.js";
import { makePlayhead } from "../core/playhead.js";

/**
 * What a widget model gives us; anywidget's and ipywidgets' models both fit.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, handler: () => void) => void} on
 * @property {(event: string, handler?: () => void) => void} off
 * @property {{ get_model(id: string): Promise<Model> }} [widget_manager]
 * @property {boolean} [comm_live] false once the kernel that made it is gone
 */

/** @typedef {{ name: string, letter: string, fill: string, ink: string, hatched: boolean, quiet: boolean, meaning: string }} Kind */
/** @typedef {{ label: string, group: string, reserved: boolean, node: number }} Lane */
/** @typedef {{ n: number, at: number, replied: number | null, done: number | null, cause: number, text: string }} Request */
/** @typedef {{ name: string, x: number, y: number, kind: string }} ChainNode */

/** @param {Model} model the player's model */
export function decode(model) {
  const [start, end, lane, request, kind] = columns(model.get("spans"), "ddIIB");
  const [hopStart, hopEnd, depart, arrive, hopRequest, source, target, attempt, outcome] = columns(model.get("hops"), "ddddIHHHB");
  const [p, t] = columns(model.get("play"), "dd");
  const [stepP, stepTime, stepRequest] = columns(model.get("steps"), "ddI");
  const [foldFrom, foldTo] = columns(model.get("folds"), "dd");
  const [at, replied, done, number, cause, status, ending] = columns(model.get("requests"), "dddIIHB");
  const [endTime, endLane, endKind] = columns(model.get("ends"), "dIB");
  const kinds = /** @type {Kind[]} */ (model.get("kinds"));
  const until = /** @type {number} */ (model.get("end"));
  const clock = /** @type {string} */ (model.get("clock"));
  const say = textOfTimes(clock);
  const open = (/** @type {number} */ i) => end[i] >= until && kinds[kind[i]].name !== "error";
  return {
    spans: { start, end, lane, request, kind, size: start.length },
    hops: { start: hopStart, end: hopEnd, depart, arrive, request: hopRequest, source, target, attempt, outcome, size: hopStart.length },
    folds: Array.from(foldFrom, (from, i) => /** @type {[number, number]} */ ([from, foldTo[i]])),
    ends: Array.from(endTime, (time, i) => ({ time, lane: endLane[i], reclaimed: endKind[i] === 1 })),
    /** "wall" where times were measured. */
    clock,
    /** Writes a time (µs). */
    say,
    begin: /** @type {number} */ (model.get("begin")),
    end: until,
    /** The last event, µs. */
    last: stepTime.length ? stepTime[stepTime.length - 1] : until,
    /** A span that goes on when the record breaks off. */
    open,
    /** Something boots, runs or stops when the record breaks off. */
    busy: Array.prototype.some.call(start, (/** @type {number} */ _, /** @type {number} */ i) => open(i) && !kinds[kind[i]].quiet),
    version: /** @type {number} */ (model.get("version")),
    captions: /** @type {string[]} */ (model.get("captions")),
    lanes: /** @type {Lane[]} */ (model.get("lanes")),
    kinds,
    requests: Array.from(number, (n, i) => asked(n, at[i], replied[i], done[i], cause[i], status[i], ending[i], say)),
    nodes: /** @type {ChainNode[]} */ (model.get("nodes")),
    edges: /** @type {[number, number, number][]} */ (model.get("edges")),
    /** The call chain shows only hops that departed up to here (µs); -1: it shows them all. */
    hopsUntil: /** @type {number} */ (model.get("hops_until")),
    summary: /** @type {string} */ (model.get("summary")),
    playhead: makePlayhead({ p, t, stepP, stepTime, stepRequest }),
    stepP,
  };
}

const OUTCOMES = ["", "cold", "warm", "failed", "refused"];

/**
 * One line of Python's ledger; -1 is a time that has not come.
 * @param {number} n @param {number} at @param {number} replied @param {number} done @param {number} cause @param {number} status
 * @param {number} outcome @param {(us: number) => string} say @returns {Request}
 */
function asked(n, at, replied, done, cause, status, outcome, say) {
  const how = OUTCOMES[outcome];
  const text = how === "refused" ? `${how} ${status}` : how ? `${how} ${say(done - at)} s` : "";
  return { n, at, replied: replied < 0 ? null : replied, done: done < 0 ? null : done, cause, text };
}

/** @typedef {ReturnType<typeof decode>} Reel */
