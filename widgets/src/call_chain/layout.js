/** Places and curves of a call chain: pure geometry, tested without a browser. Node places come from Python in the unit square. */

/** @typedef {import("../player/reel.js").ChainNode} ChainNode */
/** @typedef {{ x: number, y: number, w: number, h: number }} Box */
/** @typedef {{ x0: number, y0: number, cx: number, cy: number, x1: number, y1: number }} Curve */

export const WIDE = 1000;
const MARGIN = 14;

/** Boxes of the nodes on a board `WIDE` units wide, and its height. @param {ChainNode[]} nodes */
export function board(nodes) {
  const columns = [...new Set(nodes.map((node) => node.x.toFixed(3)))].length;
  /** @type {Map<string, number>} */
  const tall = new Map();
  for (const node of nodes) tall.set(node.x.toFixed(3), (tall.get(node.x.toFixed(3)) ?? 0) + 1);
  const rows = Math.max(...tall.values(), 1);
  const gap = columns > 6 ? 0.38 : 0.62;
  const w = Math.min(152, (WIDE - 2 * MARGIN) / Math.max(1, columns + gap * (columns - 1)));
  const h = 58;
  const height = Math.max(150, Math.min(780, 26 + rows * 80));
  const boxes = nodes.map((node) => ({
    x: MARGIN + w / 2 + node.x * (WIDE - 2 * MARGIN - w),
    y: 8 + node.y * (height - 26),
    w,
    h: Math.min(h, Math.max(34, (height - 26) / rows - 18)),
  }));
  return { boxes, height };
}

/** One name for a node while its lab goes on: a group's tells how many it stands for. @param {ChainNode} node */
const nameOf = (node) => (node.kind === "group" ? node.name.replace(/ \+\d+$/, "") : node.name);

/**
 * The board of a lab that goes on: a column that holds the same nodes as before stays at its height, whatever grows beside it.
 * @param {ChainNode[]} nodes @param {{ nodes: ChainNode[], boxes: Box[] }} before
 */
export function steadyBoard(nodes, before) {
  const made = board(nodes);
  const column = (/** @type {ChainNode[]} */ all, /** @type {number} */ i) => all.filter((node) => node.x.toFixed(3) === all[i].x.toFixed(3)).map(nameOf).join("\n");
  const known = new Map(before.nodes.map((node, i) => [`${nameOf(node)}\n\n${column(before.nodes, i)}`, before.boxes[i].y]));
  made.boxes.forEach((box, i) => {
    const y = known.get(`${nameOf(nodes[i])}\n\n${column(nodes, i)}`);
    if (y !== undefined && y + box.h / 2 <= made.height) box.y = y;
  });
  return made;
}

/** Where the ray from the middle of `box` towards (x, y) leaves it. @param {Box} box @param {number} x @param {number} y */
function border(box, x, y) {
  const dx = x - box.x;
  const dy = y - box.y;
  const share = Math.min(dx ? box.w / 2 / Math.abs(dx) : Infinity, dy ? box.h / 2 / Math.abs(dy) : Infinity, 1);
  return [box.x + dx * share, box.y + dy * share];
}

/**
 * The way from box `a` to box `b`: a slight arc to the left of the travel, so that way and way back do not meet; a longer arc where
 * it must pass other boxes.
 * @param {Box} a @param {Box} b @param {Box[]} others
 * @returns {Curve}
 */
export function curve(a, b, others) {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const long = Math.hypot(dx, dy) || 1;
  const [nx, ny] = [dy / long, -dx / long];
  const clear = (/** @type {Curve} */ way) =>
    others.every((box) => {
      if (box === a || box === b) return true;
      for (let s = 0.1; s < 0.95; s += 0.1) {
        const [x, y] = along(way, s);
        if (Math.abs(x - box.x) < box.w / 2 + 6 && Math.abs(y - box.y) < box.h / 2 + 6) return false;
      }
      return true;
    });
  /** @type {Curve | null} */
  let first = null;
  for (const bend of [16, 70, 110, 150, -60, -100, 190]) {
    const cx = (a.x + b.x) / 2 + nx * bend;
    const cy = (a.y + b.y) / 2 + ny * bend;
    const [x0, y0] = border(a, cx + (nx * bend) / 4, cy + (ny * bend) / 4);
    const [x1, y1] = border(b, cx + (nx * bend) / 4, cy + (ny * bend) / 4);
    const way = { x0, y0, cx, cy, x1, y1 };
    first ??= way;
    if (clear(way)) return way;
  }
  return /** @type {Curve} */ (first);
}

/** The point at share 0 to 1 of a curve. @param {Curve} way @param {number} share @returns {[number, number]} */
export function along(way, share) {
  const u = 1 - share;
  return [u * u * way.x0 + 2 * u * share * way.cx + share * share * way.x1, u * u * way.y0 + 2 * u * share * way.cy + share * share * way.y1];
}

/** @param {Curve} way */
export function pathOf(way) {
  const n = (/** @type {number} */ v) => Math.round(v * 10) / 10;
  return `M${n(way.x0)} ${n(way.y0)}Q${n(way.cx)} ${n(way.cy)} ${n(way.x1)} ${n(way.y1)}`;
}

/** Speed up, slow down. @param {number} share */
export const ease = (share) => (share < 0.5 ? 2 * share * share : 1 - 2 * (1 - share) ** 2);
