import assert from "node:assert/strict";
import test from "node:test";
import { axis, clamp, decimals, emptyValue, missing, moveItem, moveMark, numberText, parseNumber, snap } from "../src/prediction/logic.js";

const spec = { kind: "mark", options: [], rows: [], multiple: false, low: 61, high: 700, step: 0.1 };
const grid = { ...spec, kind: "choice", rows: ["R1", "R2", "R3"], options: ["fast", "slow"] };

test("numbers as people type them", () => {
  assert.equal(parseNumber("360.1"), 360.1);
  assert.equal(parseNumber(" 360,1 s "), 360.1);
  assert.equal(parseNumber("-.5"), -0.5);
  assert.equal(parseNumber("1e3"), 1000);
  assert.equal(parseNumber("3.5e-2s"), 0.035);
  for (const text of ["", "soon", "1 2", "1.2.3", ".", "e3", "1e2.5"]) assert.equal(parseNumber(text), null, text);
});

test("numbers as we print them", () => {
  assert.equal(numberText(0.1 + 0.2), "0.3");
  assert.equal(numberText(-0), "0");
  assert.equal(numberText(null), "");
  assert.deepEqual([0.1, 5, 0.25, 1e-3].map(decimals), [1, 0, 2, 3]);
});

test("keys move the mark by a tenth, by ten seconds and to the ends", () => {
  assert.equal(moveMark("ArrowRight", 360, spec), 360.1);
  assert.equal(moveMark("ArrowLeft", 360.1, spec), 360);
  assert.equal(moveMark("PageUp", 360.1, spec), 370.1);
  assert.equal(moveMark("PageDown", 62, spec), 61);
  assert.equal(moveMark("Home", 360, spec), 61);
  assert.equal(moveMark("End", 360, spec), 700);
  assert.equal(moveMark("x", 360, spec), null);
  assert.equal(moveMark("ArrowRight", null, spec), 380.6);
});

test("a thousand steps of a tenth stay on tenths", () => {
  let at = 61;
  for (let n = 0; n < 1000; n += 1) at = moveMark("ArrowRight", at, spec);
  assert.equal(at, 161);
  assert.equal(snap(360.149, spec), 360.1);
  assert.equal(clamp(5, 0, 3), 3);
});

test("reordering keeps every item", () => {
  assert.deepEqual(moveItem([0, 1, 2], 2, 0), [2, 0, 1]);
  assert.deepEqual(moveItem([0, 1, 2], 0, -1), [0, 1, 2]);
  assert.deepEqual(moveItem([0, 1, 2], 0, 9), [1, 2, 0]);
});

test("an empty card says what is missing, a full one nothing", () => {
  assert.deepEqual(emptyValue(grid), [-1, -1, -1]);
  assert.equal(missing([0, -1, 1], grid), "Still open: R2");
  assert.equal(missing([0, 0, 1], grid), "");
  assert.equal(missing(emptyValue(grid), grid), "Still open: R1, R2, R3");
  const single = { ...grid, rows: [] };
  assert.equal(missing(emptyValue(single), single), "Choose one");
  assert.equal(missing(0, single), "");
  const many = { ...single, multiple: true };
  assert.equal(missing(emptyValue(many), many), "");
  const order = { ...single, kind: "order" };
  assert.deepEqual(emptyValue(order), [0, 1]);
  assert.equal(missing(null, spec), "Drag the mark, or type a time");
  assert.equal(missing(900, spec), "Between 61 and 700");
  assert.equal(missing(360, spec), "");
});

test("ticks are round and lie inside", () => {
  assert.deepEqual(axis(61, 700), [100, 200, 300, 400, 500, 600, 700]);
  assert.deepEqual(axis(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
});
