import assert from "node:assert/strict";
import { test } from "node:test";
import { makeStates } from "../src/call_chain/states.js";

const nodes = ["caller", "front door", "queue", "dispatcher", "pool", "source timers @every 1m"].map((name, i) => ({
  name, kind: i === 5 ? "source" : i ? "component" : "caller", x: 0, y: 0,
}));

/** R1 is the caller's, R2 a timer's. */
const hops = { size: 2, source: [0, 5], target: [1, 1], depart: [0, 5], arrive: [0, 5], start: [0, 1], end: [0, 1], request: [1, 2], outcome: [0, 0] };
const request = (/** @type {number} */ n, /** @type {number} */ at) => ({ n, at, replied: at + 1, done: at + 1, cause: 0 });
const reel = { spans: { size: 0 }, hops, nodes, kinds: [], lanes: [], ends: [], requests: [request(1, 0), request(2, 5)] };

test("the caller counts its own requests only, not those that sources make", () => {
  const states = makeStates(/** @type {any} */ (reel));
  assert.equal(states.at(0, 10, 1, []).word, "1/1 answered");
});

test("a source's second line says what of it is meant", () => {
  assert.equal(makeStates(/** @type {any} */ (reel)).at(5, 10, 1, []).word, "@every 1m");
});
