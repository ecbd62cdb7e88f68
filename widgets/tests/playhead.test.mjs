import assert from "node:assert/strict";
import { test } from "node:test";
import { columns, countUpTo } from "../src/core/columns.js";
import { clockText, roundedText, secondsText, speedText, textOfTimes, tickText } from "../src/core/format.js";
import { spanFacts } from "../src/timeline/layout.js";
import { BEFORE, makePlayhead } from "../src/core/playhead.js";

const S = 1e6;
// half a second of hops at 0, a second of action, a fold of 58.9 s crossed in half a second, a quarter of a second at 60
const story = {
  p: [0, 0.5, 1.6, 2.1, 2.35],
  t: [0, 0, 1.1 * S, 60 * S, 60 * S],
  stepP: [0, 0.6, 1.6, 2.1],
  stepTime: [0, 0.1 * S, 1.1 * S, 60 * S],
  stepRequest: [1, 1, 0, 2],
};
const head = makePlayhead(story);

test("lab time of a position: it stands while tokens travel, and runs through folds", () => {
  assert.equal(head.time(BEFORE), 0);
  assert.equal(head.time(0.3), 0);
  assert.ok(Math.abs(head.time(1.05) - 0.55 * S) < 1);
  assert.ok(Math.abs(head.time(1.85) - 30.55 * S) < 1);
  assert.equal(head.time(99), 60 * S);
});

test("the position of a lab time is the first one at which it has come", () => {
  assert.equal(head.position(0), 0);
  assert.ok(Math.abs(head.position(0.55 * S) - 1.05) < 1e-9);
  assert.ok(Math.abs(head.position(60 * S) - 2.1) < 1e-9);
  assert.ok(Math.abs(head.position(1e12) - 2.1) < 1e-9);
});

test("stepping to the end and back passes the same stops", () => {
  const there = [];
  let at = BEFORE;
  while (at < head.length) {
    there.push(at);
    at = head.nextStep(at);
  }
  const back = [];
  while (at !== BEFORE) {
    at = head.previousStep(at);
    back.push(at);
  }
  assert.deepEqual(there, [BEFORE, 0, 0.6, 1.6, 2.1]);
  assert.deepEqual(back.reverse(), there);
});

test("stepping by request stops where each request is first seen", () => {
  assert.equal(head.nextRequest(BEFORE), 0);
  assert.equal(head.nextRequest(0), 2.1);
  assert.equal(head.nextRequest(2.1), head.length);
  assert.equal(head.previousRequest(2.2), 2.1);
  assert.equal(head.previousRequest(2.1), 0);
  assert.equal(head.previousRequest(0), BEFORE);
});

test("the step in force", () => {
  assert.deepEqual([BEFORE, 0, 0.59, 0.6, 9].map(head.step), [-1, 0, 0, 1, 3]);
});

test("play: on the story scale a fold takes half a second, on the true scale its own time", () => {
  assert.ok(Math.abs(head.advance(0, 2.35, 1, true) - head.length) < 1e-9);
  assert.ok(Math.abs(head.advance(1.6, 58.9 / 2, 1, false) - 1.85) < 1e-9);
  assert.ok(Math.abs(head.advance(0, 0.5 + 1.1 + 58.9 + 0.25, 1, false) - head.length) < 1e-6);
  assert.equal(head.advance(0, 1000, 1, false), head.length);
});

test("play never goes backwards, whatever a frame's time says, and a faster speed is further", () => {
  assert.equal(head.advance(0.4, -1, 1, true), 0.4);
  assert.equal(head.advance(BEFORE, 0, 1, true), 0);
  assert.ok(head.advance(0, 0.1, 10, true) > head.advance(0, 0.1, 1, true));
  assert.ok(head.advance(0, 0.1, 0.1, true) < head.advance(0, 0.1, 1, true));
});

test("a recording in which nothing happened", () => {
  const empty = makePlayhead({ p: [], t: [], stepP: [], stepTime: [], stepRequest: [] });
  assert.equal(empty.length, 0);
  assert.equal(empty.time(3), 0);
  assert.equal(empty.nextStep(BEFORE), 0);
  assert.equal(empty.step(0), -1);
});

test("columns are cut without copying, also where the view is not aligned", () => {
  const buffer = new ArrayBuffer(8 + 2 * 13);
  const view = new DataView(buffer, 8);
  [1.5, -2].forEach((v, i) => view.setFloat64(8 * i, v, true));
  [7, 8].forEach((v, i) => view.setUint32(16 + 4 * i, v, true));
  [1, 2].forEach((v, i) => view.setUint8(24 + i, v));
  const expected = [[1.5, -2], [7, 8], [1, 2]];
  assert.deepEqual(columns(view, "dIB").map((column) => Array.from(column)), expected);
  const moved = new Uint8Array(3 + 26);
  moved.set(new Uint8Array(buffer, 8), 3);
  assert.deepEqual(columns(new DataView(moved.buffer, 3), "dIB").map((column) => Array.from(column)), expected);
  assert.deepEqual(columns(null, "dI").map((column) => column.length), [0, 0]);
});

test("counting in an ascending column", () => {
  assert.deepEqual([0, 1, 2, 5].map((v) => countUpTo([1, 2, 2, 4], v)), [0, 1, 3, 4]);
});

test("texts of times and speeds", () => {
  assert.deepEqual([1100000, 60000000, 360100001, 0, 999999.7].map(secondsText), ["1.1", "60", "360.100001", "0", "1"]);
  assert.deepEqual([0, 1100000, 359999999].map(clockText), ["0.00", "1.10", "359.99"]);
  assert.deepEqual([5906, 2568340, 4e6].map((us) => tickText(us, 200 / 1e6)), ["0.006", "2.568", "4"]);
  assert.equal(tickText(17_835_123, 3 / 1e6), "17.8");
  assert.deepEqual([0, 44, 138, 1938, 15282, 99960, 330641, 1303847, 300027893].map(roundedText), ["0", "0.000044", "0.000138", "0.00194", "0.0153", "0.1", "0.331", "1.304", "300.028"]);
  assert.deepEqual(["virtual", "wall", undefined].map((clock) => textOfTimes(/** @type {string} */ (clock))(330641)), ["0.330641", "0.331", "0.330641"]);
  assert.deepEqual([0.1, 0.25, 1, 1000].map(speedText), ["×1/10", "×1/4", "×1", "×1000"]);
});

test("what a mouse learns about a span is exact in virtual time and rounded where a wall clock measured it", () => {
  const spans = { start: [330641], end: [1430941], lane: [0], request: [1], kind: [0] };
  const facts = (clock) => spanFacts({ spans, lanes: [{ label: "hello#1" }], kinds: [{ name: "run", meaning: "the handler runs" }], say: textOfTimes(clock) }, 0);
  assert.equal(facts("virtual"), "hello#1 · run · R1\n0.330641 – 1.430941 s (1.1003 s)\nthe handler runs");
  assert.equal(facts("wall"), "hello#1 · run · R1\n0.331 – 1.431 s (1.1 s)\nthe handler runs");
});
