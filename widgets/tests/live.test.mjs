import assert from "node:assert/strict";
import { test } from "node:test";
import { board, steadyBoard } from "../src/call_chain/layout.js";
import { FOLD_FROM, grownEnds, liveAxis, nowAfter } from "../src/core/live.js";
import { makePlayhead } from "../src/core/playhead.js";

const S = 1e6;

test("between two messages the lab's clock goes on at its pace, and never back", () => {
  const going = { present: 10 * S, rate: 2, bound: -1 };
  assert.equal(nowAfter(going, 1.5), 13 * S);
  assert.equal(nowAfter(going, -1), 10 * S);
});

test("a virtual lab's clock waits where the next thing will happen", () => {
  assert.equal(nowAfter({ present: 10 * S, rate: 100, bound: 12 * S }, 1), 12 * S);
  assert.equal(nowAfter({ present: 10 * S, rate: 100, bound: 9 * S }, 1), 10 * S);
});

const reel = { folds: [], begin: 0, end: 10 * S, last: 10 * S, busy: true };

test("the axis has room, keeps it while it lasts, and makes more when it is used up", () => {
  const first = liveAxis(reel, 10 * S, true);
  assert.deepEqual(first, { folds: [], end: 13 * S });
  assert.equal(liveAxis(reel, 12.9 * S, true, first.end).end, first.end);
  assert.ok(liveAxis(reel, 13 * S, true, first.end).end > 16 * S);
  assert.equal(liveAxis({ ...reel, begin: 9.99 * S }, 10 * S, true).end, 10.5 * S);
});

test("the number of compositions for time alone grows with its logarithm", () => {
  let made = 0;
  let kept = 0;
  for (let now = S; now < 3600 * S; now += S / 15) {
    const { end } = liveAxis(reel, now, false, kept);
    if (end !== kept) made++;
    kept = end;
  }
  assert.ok(made < 40, `${made}`);
});

test("a long rest at the end is folded, unless something runs or the scale is true", () => {
  const now = 10 * S + FOLD_FROM + 1;
  const idle = { ...reel, busy: false };
  const { folds, end } = liveAxis(idle, now, true);
  assert.deepEqual(folds, [[10 * S, end]]);
  assert.ok(end > now);
  for (const other of [liveAxis(reel, now, true), liveAxis(idle, now, false), liveAxis(idle, now - 2, true)]) assert.deepEqual(other.folds, []);
});

test("a rest that Python has folded already goes on in the same fold", () => {
  const idle = { folds: [[1 * S, 9 * S], [10 * S, 30 * S]], begin: 0, end: 30 * S, last: 10 * S, busy: false };
  const { folds, end } = liveAxis(idle, 31 * S, true);
  assert.deepEqual(folds, [[1 * S, 9 * S], [10 * S, end]]);
});

test("what is open goes on, the rest stays", () => {
  const spans = { end: [3, 9, 9], kind: [0, 0, 0], size: 3 };
  assert.deepEqual([...grownEnds(spans, (i) => spans.end[i] === 9, 12)], [3, 12, 12]);
});

const story = (p, t) => makePlayhead({ p, t, stepP: [], stepTime: [], stepRequest: [] });

test("a moment stays where it was when the story goes on", () => {
  const now = story([0, 1, 3], [0, 0, 2 * S]);
  const later = story([0, 1, 3, 3.5, 9], [0, 0, 2 * S, 2 * S, 7.5 * S]);
  for (const at of [-1, 0, 0.4, 1, 2.2, 3]) assert.ok(Math.abs(now.carry(at, later) - at) < 1e-9, `${at}`);
});

test("where stands are shortened, one is carried along", () => {
  const now = story([0, 1, 3, 4], [0, 0, 2 * S, 2 * S]);
  const shorter = story([0, 0.5, 2.5, 3, 7], [0, 0, 2 * S, 2 * S, 6 * S]);
  assert.ok(Math.abs(now.carry(0.4, shorter) - 0.2) < 1e-9);
  assert.ok(Math.abs(now.carry(2, shorter) - 1.5) < 1e-9);
  assert.ok(Math.abs(now.carry(3.5, shorter) - 2.75) < 1e-9);
  const none = story([0, 2, 6], [0, 2 * S, 6 * S]);
  assert.ok(Math.abs(now.carry(3.5, none) - 2) < 1e-9);
});

const column = (x, names, kind = "component") => names.map((name, i) => ({ name, x, y: (i + 0.5) / names.length, kind }));
const grid = (instances) => [...column(0, ["caller"]), ...column(0.5, ["pool"]), ...column(1, instances, "instance")];

test("columns that stay the same stay where they are when another grows", () => {
  let nodes = grid(["f#1", "f#2"]);
  let boxes = board(nodes).boxes;
  const [caller, , first] = boxes;
  for (const count of [3, 4, 5, 6]) {
    const grown = grid(Array.from({ length: count }, (_, i) => `f#${i + 1}`));
    const made = steadyBoard(grown, { nodes, boxes });
    assert.deepEqual([made.boxes[0], made.boxes[2]], [caller, first], `${count} instances`);
    assert.ok(made.boxes.every((box) => box.y + box.h / 2 <= made.height));
    ({ boxes } = made);
    nodes = grown;
  }
  assert.notDeepEqual(board(nodes).boxes[0], caller);
});

test("a group is the same node however many it stands for", () => {
  const nodes = grid(["f#1", "f +2"]).map((node) => (node.name.includes("+") ? { ...node, kind: "group" } : node));
  const boxes = board(nodes).boxes.map((box) => ({ ...box, y: box.y - 3 }));
  const grown = nodes.map((node) => (node.kind === "group" ? { ...node, name: "f +3" } : node));
  assert.deepEqual(steadyBoard(grown, { nodes, boxes }).boxes, boxes);
});
