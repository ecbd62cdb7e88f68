/** The timeline: rows are instances, spans are phases, requests are marks. */
import { makeAxis } from "../core/axis.js";
import { grownEnds } from "../core/live.js";
import { driverOf, playerOf } from "../player/driver.js";
import { html, say } from "../player/dom.js";
import { makeFrame, makeTable } from "../player/frame.js";
import { endWord, endings, geometry, homes, marks, spanAt, spanFacts } from "./layout.js";
import { paintArrows, paintNow } from "./marks.js";
import { makeReach } from "./reach.js";
import { blend, face, paintAxis, paintLanes, paintSpans, themeOf } from "./paint.js";

/** @typedef {import("../player/reel.js").Model} Model */
/** @typedef {import("../player/reel.js").Reel} Reel */

const TABLE_ROWS = 400;

/** @param {HTMLElement} box @param {Reel} reel */
function legend(box, reel) {
  const present = new Set(Array.from(reel.spans.kind));
  const names = [...present].sort().join();
  if (box.dataset.kinds === names) return;
  box.dataset.kinds = names;
  box.replaceChildren();
  reel.kinds.forEach((kind, i) => {
    if (!present.has(i)) return;
    const stripes = "repeating-linear-gradient(135deg, #0000 0 3px, #0004 3px 5px), ";
    const paint = kind.quiet ? `--fcl-fill: ${kind.fill}; --fcl-on: ${kind.ink}` : `background: ${kind.hatched ? stripes : ""}${kind.fill}; color: ${kind.ink}`;
    const key = html("i", { class: kind.quiet ? "fcl-quiet" : "", style: paint }, kind.letter);
    box.append(html("span", { title: kind.meaning }, key, kind.name === "idle" ? "idle (frozen)" : kind.name));
  });
  if (reel.kinds.some((kind, i) => kind.hatched && present.has(i))) box.append(html("span", { class: "fcl-note" }, "hatched = cold start"));
}

/** @param {Reel} reel */
function twin(reel) {
  const { start, end, lane, request, kind, size } = reel.spans;
  const rows = [];
  for (let i = 0; i < Math.min(size, TABLE_ROWS); i++) {
    rows.push([reel.lanes[lane[i]].label, reel.kinds[kind[i]].name, request[i] ? `R${request[i]}` : "", reel.say(start[i]), reel.say(end[i])]);
  }
  return makeTable("Spans of the timeline", ["row", "phase", "request", "from (s)", "to (s)"], rows, size);
}

/** @param {{ model: Model, el: HTMLElement, signal?: AbortSignal }} context */
async function render({ model, el, signal: given }) {
  const driver = driverOf(await playerOf(model));
  const ended = new AbortController();
  const signal = given ? AbortSignal.any([given, ended.signal]) : ended.signal;
  const canvas = html("canvas", { class: "fcl-rows", role: "img" });
  const tip = html("div", { class: "fcl-tip", hidden: "", "aria-hidden": "true" });
  const scale = html("canvas", { class: "fcl-axis", "aria-hidden": "true" });
  const picture = html("div", {}, canvas, scale, tip);
  const facts = () => /** @type {[string, HTMLTableElement]} */ ([`timeline, ${driver.reel.summary}; the table after the controls says the same`, twin(driver.reel)]);
  const frame = makeFrame({ el, driver, title: "Timeline", picture, facts, signal });
  const key = html("div", { class: "fcl-legend", "aria-hidden": "true" });
  legend(key, driver.reel);
  frame.root.querySelector(".fcl-picture")?.after(key);
  const [context, below] = [canvas, scale].map((one) => /** @type {CanvasRenderingContext2D} */ (one.getContext("2d")));
  const layer = document.createElement("canvas");
  let home = homes(driver.reel);
  const reach = makeReach(driver);

  /** @type {import("./paint.js").Picture | null} */
  let scene = null;
  let stale = true;
  let asked = 0;

  /** @returns {[number, number]} */
  const part = () => {
    const [from, to] = model.get("window");
    return to > from ? [from, to] : [0, 1];
  };

  function compose() {
    const width = Math.floor(canvas.parentElement?.clientWidth || 0);
    if (width < 40) return false;
    const ratio = window.devicePixelRatio || 1;
    const { live, now } = driver;
    const shows = reach.measure(part());
    model.set("window", shows);
    let { reel } = driver;
    if (live) reel = { ...reel, spans: { ...reel.spans, end: grownEnds(reel.spans, reel.open, reach.end) } };
    const size = geometry(width, reel.lanes.length, Math.max(...reel.lanes.map((lane) => lane.label.length), 8));
    for (const one of [canvas, layer, scale]) {
      const high = one === scale ? size.axis : size.height;
      one.width = Math.round(width * ratio);
      one.height = Math.round(high * ratio);
      one.style.height = `${high}px`;
    }
    const theme = themeOf(frame.root);
    frame.root.dataset.dark = String(theme.dark);
    face(context, theme, size.font * 0.88, 650);
    const wide = (/** @type {string} */ text) => context.measureText(text).width;
    const rooms = new Map(size.pitch > 30 ? reel.ends.map((end) => [end.time, wide(endWord(end)) + 22 * size.zoom]) : []);
    const axis = makeAxis(reach.folds, reel.begin, reach.end, size.gutter, width - size.gutter - size.margin, shows, rooms);
    face(context, theme, size.font, 650);
    const found = marks(reel, axis, home, (text) => wide(text) + 16 * size.zoom, size.gutter, width - size.margin);
    face(context, theme, size.font * 0.88, 650);
    scene = { reel, axis, size, width, theme, live, edge: live ? axis.x(now) : width, marks: found, ends: endings(reel, axis, size, found, wide, width - 4) };
    below.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintAxis(below, scene);
    const c = /** @type {CanvasRenderingContext2D} */ (layer.getContext("2d"));
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintSpans(c, scene);
    stale = false;
    return true;
  }

  function paint() {
    asked = 0;
    if ((stale || reach.full()) && !compose()) return;
    if (!scene) return;
    const { size, width, axis } = scene;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.save(); // a frame must not depend on what the last one left behind
    context.clearRect(0, 0, width, size.height);
    paintLanes(context, scene);
    const begun = driver.position >= 0;
    const now = { time: driver.time, begun, selected: driver.selected };
    scene.edge = driver.live ? axis.x(driver.now) : width;
    paintArrows(context, scene, now);
    blend(context, layer, begun ? axis.x(now.time) : 0, scene.edge, size.height, ratio);
    paintNow(context, scene, now);
    context.restore();
    frame.root.dataset.painted = "true";
    if (pointed) hover(pointed);
  }

  const want = () => {
    if (!asked) asked = requestAnimationFrame(paint);
  };
  const again = () => {
    stale = true;
    want();
  };
  let folded = driver.folded;
  const update = () => {
    frame.update();
    if (folded !== driver.folded) {
      folded = driver.folded;
      stale = true;
    }
    follow();
    want();
  };
  /** Keep the cursor inside a zoomed window. */
  const follow = () => {
    const [from, to] = part();
    if ((from === 0 && to === 1) || driver.position < 0) return;
    const at = reach.share(driver.time);
    if (at < from || at > to) zoomTo(at - (to - from) / 4, to - from);
  };
  const zoomTo = (/** @type {number} */ from, /** @type {number} */ long) => {
    const part = Math.min(1, Math.max(1e-4, long));
    const start = Math.min(1 - part, Math.max(0, from));
    model.set("window", [start, start + part]);
    again();
  };

  const place = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let drag = -1;
  /** Where the pointer is over the rows, while it is. @type {number[] | null} */
  let pointed = null;
  const hover = (/** @type {number[]} */ [x, y]) => {
    if (!scene) return;
    const { reel, size, axis, width } = scene;
    const lane = Math.floor((y - size.strip) / size.pitch);
    const hit = x >= size.gutter && x <= scene.edge && lane >= 0 && lane < reel.lanes.length ? spanAt(reel, lane, axis.t(x - 2), axis.t(x + 2)) : -1;
    tip.hidden = hit < 0;
    if (hit < 0) return;
    say(tip, spanFacts(reel, hit, driver.live && driver.reel.open(hit) ? driver.now : undefined));
    tip.style.left = `${Math.min(x + 14, width - 230)}px`;
    tip.style.top = `${Math.max(0, Math.min(y + 16, size.height - 74))}px`;
  };
  picture.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button || !scene) return;
      const [x, y] = place(event);
      const { strip } = scene.size;
      const mark = scene.marks.find((one) => one.pill && event.target === canvas && y < strip && x >= one.left && x <= one.left + 60);
      frame.root.focus({ preventScroll: true });
      if (mark) return driver.select(mark.first.n);
      drag = event.pointerId;
      picture.setPointerCapture(drag);
      driver.seekTime(scene.axis.t(x), false);
    },
    { signal },
  );
  picture.addEventListener(
    "pointermove",
    (event) => {
      if (!scene) return;
      const [x, y] = place(event);
      if (drag === event.pointerId) return driver.seekTime(scene.axis.t(x), false);
      pointed = event.target === canvas ? [x, y] : null;
      if (pointed) hover(pointed);
      else tip.hidden = true;
    },
    { signal },
  );
  const drop = (/** @type {PointerEvent} */ event) => {
    if (drag !== event.pointerId) return;
    drag = -1;
    driver.save();
  };
  picture.addEventListener("pointerup", drop, { signal });
  picture.addEventListener("pointercancel", drop, { signal });
  const leave = () => {
    pointed = null;
    tip.hidden = true;
  };
  picture.addEventListener("pointerleave", leave, { signal });
  picture.addEventListener(
    "dblclick",
    () => {
      zoomTo(0, 1);
      model.save_changes();
    },
    { signal },
  );
  picture.addEventListener(
    "wheel",
    (event) => {
      if (!scene || !event.ctrlKey) return; // a plain wheel scrolls the notebook
      event.preventDefault();
      const [from, to] = part();
      const share = (place(event)[0] - scene.size.gutter) / (scene.width - scene.size.gutter - scene.size.margin);
      const centre = from + Math.min(1, Math.max(0, share)) * (to - from);
      const long = (to - from) * (event.deltaY > 0 ? 1.25 : 0.8);
      zoomTo(centre - (centre - from) * (long / (to - from)), long);
    },
    { signal, passive: false },
  );

  const resize = new ResizeObserver(again);
  resize.observe(picture);
  const theme = new MutationObserver(again); // a canvas does not follow style variables by itself
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
  model.on("change:window", again);
  const renew = () => {
    stale = true;
    home = homes(driver.reel);
    legend(key, driver.reel);
    frame.renew();
  };
  const unwatch = driver.watch(update, renew);
  update();
  return () => {
    unwatch();
    resize.disconnect();
    theme.disconnect();
    cancelAnimationFrame(asked);
    model.off("change:window", again);
    ended.abort();
  };
}

export default { render };
