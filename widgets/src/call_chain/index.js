/** The call chain: components as nodes, requests as tokens that travel along the hops. */
import { makeTokens } from "../core/tokens.js";
import { driverOf, playerOf } from "../player/driver.js";
import { html, put, say, svg } from "../player/dom.js";
import { makeFrame, makeTable } from "../player/frame.js";
import style from "./chain.css";
import { WIDE, along, board, curve, ease, pathOf, steadyBoard } from "./layout.js";
import { hopRow, makeStates } from "./states.js";

/** @typedef {import("../player/reel.js").Model} Model */
/** @typedef {import("../player/reel.js").Reel} Reel */
/** @typedef {import("../core/tokens.js").Token} Token */

const TABLE_ROWS = 400;
const MOST_TOKENS = 80;
const AT_NODE = 3;

/** @param {Reel} reel */
function twin(reel) {
  const rows = [];
  for (let i = 0; i < Math.min(reel.hops.size, TABLE_ROWS); i++) rows.push(hopRow(reel, i));
  return makeTable("Hops of the call chain", ["request", "from", "to", "departs (s)", "arrives (s)", "outcome"], rows, reel.hops.size);
}

/** What a long recording's call chain leaves out. @param {Reel} reel */
const cut = (reel) => (reel.hopsUntil < 0 ? "" : `shows the first ${reel.hops.size.toLocaleString("en")} hops, up to ${reel.say(reel.hopsUntil)} s`);

const ARROW = "fcl-arrow";
const HATCH = "fcl-hatch";

/** @param {string} text @param {number} most */
const shorten = (text, most) => (text.length <= most ? text : `${text.slice(0, Math.max(3, Math.floor(most) - 1))}…`);

function defs() {
  const tip = svg("path", { d: "M0 0L9 4.5L0 9z", fill: "context-stroke" });
  const marker = svg("marker", { id: ARROW, viewBox: "0 0 9 9", refX: 8, refY: 4.5, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" }, tip);
  const stripe = svg("path", { d: "M0 0V8", stroke: "#000", "stroke-opacity": 0.24, "stroke-width": 4 });
  return svg("defs", {}, marker, svg("pattern", { id: HATCH, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, stripe));
}

/** @param {Reel} reel */
function tokensOf({ hops, nodes, requests }) {
  const over = new Set(requests.filter((request) => request.done !== null).map((request) => request.n));
  return makeTokens(hops, (node) => ["caller", "destination", "source"].includes(nodes[node].kind), (request) => over.has(request), 0.8, (node) => nodes[node].name === "queue");
}

/** What stands still: while that is the same, only tokens and words change. @param {Reel} reel */
const planOf = ({ nodes, edges }) => JSON.stringify([nodes, edges.map(([a, b]) => [a, b])]);

/** @param {import("../player/reel.js").ChainNode} node @param {import("./layout.js").Box} place */
function drawNode(node, { x, y, w, h }) {
  const at = { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: 10 };
  const box = svg("rect", { class: "box", ...at });
  const hatch = svg("rect", { class: "hatch", ...at });
  const name = svg("text", { class: "name", x, y: y - 3 }, shorten(node.name.replace(/^destination |^source (\S+).*$/, "$1"), w / 10));
  const word = svg("text", { class: "word", x, y: y + 17 });
  const group = svg("g", { class: "node", "data-node": node.name }, svg("title", {}, node.name.replace(/^(destination|source) /, "")), box, hatch, name, word);
  return { group, box, hatch, name, word };
}

/** @param {{ model: Model, el: HTMLElement, signal?: AbortSignal }} context */
async function render({ model, el, signal: given }) {
  const driver = driverOf(await playerOf(model));
  const ended = new AbortController();
  const signal = given ? AbortSignal.any([given, ended.signal]) : ended.signal;
  const picture = svg("svg", { class: "fcl-chain", role: "img" });
  picture.style.maxHeight = "560px";
  const edges = svg("g");
  const nodeLayer = svg("g");
  const tokenLayer = svg("g");
  picture.append(defs(), edges, nodeLayer, tokenLayer);
  const key = (/** @type {number} */ a, /** @type {number} */ b) => a * 65536 + b;
  /** @type {Map<number, import("./layout.js").Curve>} */
  const ways = new Map();
  /** @type {Map<number, SVGElement>} */
  const lines = new Map();
  let { reel } = driver;
  let { nodes, hops } = reel;
  let { boxes, height } = board(nodes);
  let states = makeStates(reel);
  let tokens = tokensOf(reel);
  let drawn = draw();
  let plan = planOf(reel);

  /** Put up what stands still: the ways and the nodes. */
  function draw() {
    put(picture, "viewBox", `0 0 ${WIDE} ${height}`);
    ways.clear();
    lines.clear();
    for (const [a, b] of reel.edges) {
      const way = curve(boxes[a], boxes[b], boxes);
      ways.set(key(a, b), way);
      lines.set(key(a, b), svg("path", { class: "edge", d: pathOf(way), "marker-end": `url(#${ARROW})` }));
    }
    edges.replaceChildren(...lines.values());
    const made = nodes.map((node, i) => drawNode(node, boxes[i]));
    nodeLayer.replaceChildren(...made.map(({ group }) => group));
    return made;
  }

  /** There is more, or the lab is over: then everything stands where it does in any recording of this run. */
  function renew() {
    const before = { nodes, boxes };
    ({ reel } = driver);
    ({ nodes, hops } = reel);
    states = makeStates(reel);
    tokens = tokensOf(reel);
    driver.cut = cut(reel);
    if (plan !== (plan = planOf(reel)) || !driver.live) {
      ({ boxes, height } = driver.live ? steadyBoard(nodes, before) : board(nodes));
      drawn = draw();
    }
    frame.renew();
  }

  driver.cut = cut(reel);
  const facts = () => /** @type {[string, HTMLTableElement]} */ ([`call chain, ${nodes.map((n) => n.name).join(", ")}; the table after the controls says the same`, twin(reel)]);
  const frame = makeFrame({ el, driver, title: "Call chain", note: () => driver.cut, picture, facts, signal });
  frame.root.append(html("style", {}, style));

  /** @param {number} position @param {number} time @param {Token[]} now */
  function showNodes(position, time, now) {
    drawn.forEach(({ group, box, hatch, name, word }, i) => {
      const state = states.at(i, time, position, now);
      const paint = state.kind >= 0 ? reel.kinds[state.kind] : null;
      const away = !state.here || state.gone;
      put(group, "class", `node${away ? " away" : paint ? (paint.quiet ? " quiet" : " busy") : ""}`);
      const loud = paint && !paint.quiet ? paint : null;
      box.style.fill = loud?.fill ?? "";
      hatch.style.display = paint?.hatched ? "" : "none";
      name.style.fill = loud?.ink ?? "";
      word.style.fill = loud?.ink ?? "";
      say(word, shorten(state.word, boxes[i].w / (nodes[i].kind === "source" ? 9.2 : 8)));
      put(group, "data-state", state.word);
    });
  }

  /** @type {Map<string, { group: SVGElement, box: SVGElement, text: SVGElement, request: number }>} */
  const shown = new Map();
  /** @param {string} id @param {number} request @param {string} text @param {string} look @param {number} x @param {number} y */
  function place(id, request, text, look, x, y) {
    let token = shown.get(id);
    if (!token) {
      const box = svg("rect", { y: -13, height: 26, rx: 13 });
      const label = svg("text", { y: 5 });
      const group = svg("g", { "data-token": id }, box, label);
      token = { group, box, text: label, request };
      const made = token;
      group.addEventListener("click", () => made.request && driver.select(made.request), { signal });
      shown.set(id, token);
      tokenLayer.append(group);
    }
    const wide = 16 + text.length * 8.6;
    put(token.box, "x", -wide / 2);
    put(token.box, "width", wide);
    say(token.text, text);
    put(token.group, "class", `token ${look}`);
    put(token.group, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  /** @param {Token[]} now */
  function showTokens(now) {
    const used = new Set();
    const live = new Set();
    /** @type {Map<number, number>} */
    const crowd = new Map();
    let left = MOST_TOKENS;
    const look = (/** @type {Token} */ token) => {
      const home = token.receipt || nodes[hops.target[token.hop]].kind === "caller" || (nodes[hops.source[token.hop]].kind === "instance" && nodes[hops.target[token.hop]].kind !== "instance");
      const chosen = token.request === driver.selected ? " chosen" : "";
      return token.outcome ? `bad${chosen}` : home ? `back${chosen}` : chosen;
    };
    const text = (/** @type {Token} */ token) => token.receipt ? "202" : `R${token.request}${token.outcome ? " ✕" : look(token).startsWith("back") ? " ✓" : ""}`;
    for (const token of now) {
      if (token.moving) {
        const way = ways.get(key(hops.source[token.hop], hops.target[token.hop]));
        live.add(key(hops.source[token.hop], hops.target[token.hop]));
        if (!way || left-- <= 0) continue;
        const [x, y] = along(way, ease(token.share));
        const id = `hop ${token.hop}`;
        used.add(id);
        place(id, token.request, text(token), look(token), x, y);
      } else {
        const box = boxes[token.node];
        const n = crowd.get(token.node) ?? 0;
        crowd.set(token.node, n + 1);
        if (n >= AT_NODE) continue;
        const id = `rest ${token.node} ${n}`;
        used.add(id);
        const all = now.filter((other) => !other.moving && other.node === token.node).length;
        const seats = Math.min(AT_NODE + (all > AT_NODE ? 1 : 0), all);
        place(id, token.request, text(token), look(token), box.x + (n - (seats - 1) / 2) * 46, box.y + box.h / 2 + 6);
        const made = shown.get(id);
        if (made) made.request = token.request;
      }
    }
    for (const [node, n] of crowd) {
      if (n <= AT_NODE) continue;
      const id = `more ${node}`;
      used.add(id);
      place(id, 0, `+${n - AT_NODE}`, "", boxes[node].x + (AT_NODE / 2) * 46, boxes[node].y + boxes[node].h / 2 + 6);
    }
    for (const [id, token] of shown) {
      if (used.has(id)) continue;
      token.group.remove();
      shown.delete(id);
    }
    for (const [way, line] of lines) put(line, "class", live.has(way) ? "edge live" : "edge");
  }

  let asked = 0;
  function paint() {
    asked = 0;
    const { position, time } = driver;
    const now = position < 0 ? [] : tokens.at(driver.beat, driver.still.matches);
    showNodes(position, Math.min(time, reel.end), now);
    showTokens(now);
    frame.root.dataset.painted = "true";
  }
  const update = () => {
    frame.update();
    if (!asked) asked = requestAnimationFrame(paint);
  };
  const unwatch = driver.watch(update, renew);
  update();
  return () => {
    unwatch();
    cancelAnimationFrame(asked);
    driver.cut = "";
    ended.abort();
  };
}

export default { render };
