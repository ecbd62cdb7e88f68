import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAxis, nice } from "../src/core/axis.js";

const S = 1e6;
const FOLDS = [[1.1 * S, 60 * S], [60.1 * S, 360.1 * S], [360.1 * S, 600 * S]];
const END = 601.1 * S;

test("a fold has a fixed width however long it is", () => {
  const axis = makeAxis(FOLDS, 0, END, 100, 1000);
  const widths = axis.segments.filter((s) => s.fold).map((s) => Math.round(s.x1 - s.x0));
  assert.deepEqual(widths, [84, 84, 84]);
  assert.equal(Math.round(axis.right), 1100);
});

test("a fold at whose beginning something is written has room for it", () => {
  const axis = makeAxis(FOLDS, 0, END, 100, 1000, [0, 1], new Map([[360.1 * S, 120]]));
  assert.deepEqual(axis.segments.filter((s) => s.fold).map((s) => Math.round(s.x1 - s.x0)), [84, 84, 120]);
  assert.equal(Math.round(axis.right), 1100);
});

test("there is at most one strong tick a pixel, however many folds there are", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => [i * 20 * S + S, i * 20 * S + 19 * S]);
  const ticks = makeAxis(many, 0, 400_000 * S, 0, 1000).ticks(0, 1000);
  assert.ok(ticks.length < 1100);
});

test("folds never take more than 45 % of the width", () => {
  const many = Array.from({ length: 100 }, (_, i) => [i * 20 * S + S, i * 20 * S + 19 * S]);
  const axis = makeAxis(many, 0, 2000 * S, 0, 1000);
  const folded = axis.segments.filter((s) => s.fold).reduce((sum, s) => sum + s.x1 - s.x0, 0);
  assert.ok(Math.abs(folded - 450) < 1e-6);
});

test("x and t are inverse to one another and monotone", () => {
  for (const folds of [FOLDS, []]) {
    const axis = makeAxis(folds, 0, END, 100, 1000);
    let last = -Infinity;
    for (let t = 0; t <= END; t += 0.73 * S) {
      const x = axis.x(t);
      assert.ok(x >= last);
      last = x;
      assert.ok(Math.abs(axis.t(x) - t) < 10, `${t} came back as ${axis.t(x)}`);
    }
  }
});

test("times outside the picture are clamped", () => {
  const axis = makeAxis([], 10 * S, 20 * S, 0, 100);
  assert.equal(axis.x(0), 0);
  assert.ok(Math.abs(axis.x(99 * S) - 100) < 1e-9);
  assert.equal(axis.t(-5), 10 * S);
});

test("a window shows part of the run", () => {
  const axis = makeAxis([], 0, 100 * S, 0, 1000, [0.25, 0.5]);
  assert.ok(Math.abs(axis.x(25 * S)) < 1e-9);
  assert.ok(Math.abs(axis.x(50 * S) - 1000) < 1e-9);
});

test("ticks: the borders of action are strong, round times between them are not", () => {
  const axis = makeAxis(FOLDS, 0, END, 100, 1000);
  const strong = axis.ticks(100, 1100).filter((tick) => tick.strong).map((tick) => tick.t / S);
  assert.deepEqual(strong, [0, 1.1, 60, 60.1, 360.1, 600, 601.1]);
  assert.ok(axis.ticks(100, 1100).some((tick) => tick.t === 0.5 * S && !tick.strong));
});

test("a picture without any duration has one place", () => {
  const axis = makeAxis([], 0, 0, 10, 100);
  assert.equal(axis.x(0), 10);
  assert.equal(axis.ticks(0, 200).length, 1);
});

test("nice steps are 1, 2, 5 times a power of ten", () => {
  assert.deepEqual([1, 3, 7, 11, 400000].map(nice), [1, 5, 10, 20, 500000]);
});
