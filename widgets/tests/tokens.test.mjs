import assert from "node:assert/strict";
import { test } from "node:test";
import { along, board, curve } from "../src/call_chain/layout.js";
import { makeTokens } from "../src/core/tokens.js";
import { endings, geometry, marks } from "../src/timeline/layout.js";
import { makeAxis } from "../src/core/axis.js";

const CALLER = 0;
const QUEUE = 3;
const make = (rows) => {
  const column = (i) => rows.map((row) => row[i]);
  return makeTokens({ start: column(0), end: column(1), source: column(2), target: column(3), request: column(4), outcome: column(5) }, (n) => n === CALLER, (request) => request !== 9, 0.8, (n) => n === QUEUE);
};
const where = (tokens, at) => tokens.at(at).map((t) => `R${t.request}${t.moving ? "→" : "@"}${t.node}`).sort();

test("a token travels, rests, and leaves with its next hop", () => {
  const tokens = make([[0, 1, 0, 1, 1, 0], [1, 2, 1, 2, 1, 0], [5, 6, 2, 0, 1, 0]]);
  assert.deepEqual(where(tokens, -1), []);
  assert.deepEqual(where(tokens, 0.5), ["R1→1"]);
  assert.deepEqual(where(tokens, 1.5), ["R1→2"]);
  assert.deepEqual(where(tokens, 4), ["R1@2"]);
  assert.deepEqual(where(tokens, 5.5), ["R1→0"]);
  assert.deepEqual(where(tokens, 6.5), ["R1@0"]);
  assert.deepEqual(where(tokens, 7), []);
});

test("an async reply leaves for the caller while its event stays in the queue", () => {
  const tokens = make([[0, 1, 0, 1, 1, 0], [1, 2, 1, 3, 1, 0], [2, 3, 1, 0, 1, 0], [9, 10, 3, 4, 1, 0]]);
  assert.deepEqual(where(tokens, 2.5), ["R1@3", "R1→0"].sort());
  assert.deepEqual(tokens.at(2.5).map((t) => t.receipt), [false, true]);
  assert.deepEqual(where(tokens, 5), ["R1@3"]);
});

test("the receipt of an event that an instance sent is gone when it has arrived", () => {
  const tokens = make([[0, 1, 7, 1, 1, 0], [1, 2, 1, 3, 1, 0], [2, 3, 1, 7, 1, 0], [9, 10, 3, 4, 1, 0]]);
  assert.deepEqual(where(tokens, 2.5), ["R1@3", "R1→7"].sort());
  assert.deepEqual(where(tokens, 3.01), ["R1@3"]);
});

test("a request has one token: where it came last", () => {
  const tokens = make([[0, 5, 1, 2, 1, 0], [2, 3, 4, 6, 1, 0]]);
  assert.deepEqual(where(tokens, 1), ["R1→2"]);
  assert.deepEqual(where(tokens, 2.5), ["R1→6"]);
  assert.deepEqual(where(tokens, 3.5), ["R1@6"]);
  assert.deepEqual(where(tokens, 4), []);
});

test("the token of a failed hop goes when its request goes on from elsewhere", () => {
  const tokens = make([[0, 1, 1, 2, 1, 1], [1, 5, 1, 3, 1, 0], [6, 7, 3, 1, 1, 0], [7, 8, 1, 2, 1, 0], [9, 10, 2, 4, 1, 0]]);
  assert.deepEqual(where(tokens, 0.5), ["R1→2"]);
  assert.deepEqual(where(tokens, 2), ["R1→3"]);
});

test("a finished request leaves from wherever its last hop ended, an open one stays", () => {
  const tokens = make([[0, 1, 2, 3, 1, 0], [0, 1, 2, 3, 9, 0]]);
  assert.deepEqual(where(tokens, 1.5), ["R1@3", "R9@3"]);
  assert.deepEqual(where(tokens, 99), ["R9@3"]);
});

test("a dropped token does not stay", () => {
  const tokens = make([[0, 1, 0, 1, 1, 2]]);
  assert.deepEqual(where(tokens, 1.5), ["R1@1"]);
  assert.deepEqual(where(tokens, 2), []);
});

test("without movement a token under way stands at its goal", () => {
  const tokens = make([[0, 1, 0, 1, 1, 0]]);
  assert.deepEqual(tokens.at(0.1, true).map((t) => [t.moving, t.node]), [[false, 1]]);
});

test("boxes of a board do not overlap, and stay on it", () => {
  const nodes = [0, 0.25, 0.5, 0.75].map((x, i) => ({ name: `n${i}`, x, y: 0.5, kind: "component" }));
  for (let i = 0; i < 8; i++) nodes.push({ name: `i${i}`, x: 1, y: (i + 0.5) / 8, kind: "instance" });
  const { boxes, height } = board(nodes);
  for (const [i, a] of boxes.entries()) {
    assert.ok(a.x - a.w / 2 >= 0 && a.x + a.w / 2 <= 1000 && a.y - a.h / 2 >= 0 && a.y + a.h / 2 <= height);
    for (const b of boxes.slice(i + 1)) assert.ok(Math.abs(a.x - b.x) >= a.w || Math.abs(a.y - b.y) >= a.h);
  }
});

test("way and way back are apart, and begin and end at the boxes", () => {
  const a = { x: 100, y: 100, w: 100, h: 50 };
  const b = { x: 400, y: 100, w: 100, h: 50 };
  const [there, back] = [curve(a, b, [a, b]), curve(b, a, [a, b])];
  assert.ok(along(there, 0.5)[1] < along(back, 0.5)[1] - 10);
  assert.deepEqual([there.x0, there.x1, back.x0, back.x1], [150, 350, 350, 150]);
});

test("a way bends around a box that stands between", () => {
  const [a, between, b] = [100, 300, 500].map((x) => ({ x, y: 100, w: 100, h: 50 }));
  assert.ok(Math.abs(along(curve(a, b, [a, between, b]), 0.5)[1] - 100) > 25);
});

test("marks that would overlap are shortened, and those of one place are one", () => {
  const requests = [0, 0, 1.4, 90].map((at, i) => ({ n: i + 1, at: at * 1e6, replied: 0, done: 0, cause: 0, text: "cold 1.1 s" }));
  const axis = makeAxis([], 0, 100e6, 0, 1000);
  const found = marks({ requests }, axis, new Map([[1, 2], [2, 1]]), (text) => text.length * 8, 0, 1000);
  assert.deepEqual(found.map((mark) => [mark.short, mark.wide, mark.pill, mark.lane]), [["R1–R2", false, true, 1], ["R3", false, false, -1], ["R4", true, true, -1]]);
});

test("rows get lower as there are more of them, never too low to see", () => {
  assert.ok(geometry(1000, 2).pitch > geometry(1000, 30).pitch);
  assert.ok(geometry(1000, 500).pitch >= 10);
  assert.ok(geometry(320, 2).gutter < 100);
});

test("the word of an end stands where no request's way is", () => {
  const size = geometry(1000, 2);
  const kinds = [{ quiet: true }];
  const reel = { kinds, ends: [{ time: 100, lane: 0, reclaimed: true }], spans: { lane: [0], kind: [0], start: [0], end: [100], size: 1 } };
  const axis = { x: (t) => t * 4 };
  const side = (ways, to = 900) => endings(reel, axis, size, ways.map((x) => ({ x, lane: 1 })), () => 60, to)[0].side;
  assert.equal(side([]), 1);
  assert.equal(side([600]), 1);
  assert.equal(side([450]), -1);
  assert.equal(side([], 450), -1);
  assert.equal(side([380, 420]), 0);
  assert.equal(endings(reel, axis, size, [{ x: 450, lane: 0 }], () => 60, 900)[0].side, 1, "the way of a request of its own row ends above it");
});
