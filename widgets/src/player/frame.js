/** The frame every view has: title, clock, picture, caption, controls, keys, and a table for screen readers. */
import { clockText, speedText } from "../core/format.js";
import { keepKeys } from "../core/keys.js";
import { BEFORE } from "../core/playhead.js";
import { html, put, say, svg } from "./dom.js";
import { SPEEDS } from "./driver.js";
import style from "./player.css";

/** @typedef {import("./driver.js").Driver} Driver */
/** @typedef {{ root: HTMLElement, update: () => void, slim: (on: boolean) => void, renew: () => void }} Frame */

/** A frame this close (in pixels) below another of the same player needs no caption and controls of its own. */
const CLOSE = 400;
/** Milliseconds between two tables of a lab that goes on. */
const RETELL = 2000;

const ICONS = {
  home: "M5 5v14M19 5L8 12l11 7z",
  requestBack: "M12 5L3 12l9 7zM21 5l-9 7 9 7z",
  back: "M17 5L7 12l10 7z",
  play: "M7 4l13 8-13 8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  next: "M7 5l10 7-10 7z",
  requestNext: "M12 5l9 7-9 7zM3 5l9 7-9 7z",
  end: "M19 5v14M5 5l11 7-11 7z",
};

/** @param {keyof typeof ICONS} name @param {string} says @param {() => void} act @param {AbortSignal} signal */
function button(name, says, act, signal) {
  const icon = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
  const made = html("button", { type: "button", class: `fcl-${name}`, "aria-label": says, title: says }, icon);
  made.addEventListener("click", act, { signal });
  return made;
}

/**
 * Build the frame around `picture` and keep it up to date.
 * @param {object} parts
 * @param {HTMLElement} parts.el where the view goes
 * @param {Driver} parts.driver
 * @param {string} parts.title
 * @param {() => [label: string, table: HTMLTableElement]} parts.facts what the picture shows in a few words, and all of it for a screen reader
 * @param {HTMLElement | SVGElement} parts.picture
 * @param {() => string} [parts.note] what the picture leaves out
 * @param {AbortSignal} parts.signal ends every listener
 * @returns {Frame}
 */
export function makeFrame({ el, driver, title, note = () => "", picture, facts, signal }) {
  const clock = html("span", { class: "fcl-clock", role: "timer", "aria-label": "lab time" });
  const summary = html("span", { class: "fcl-note fcl-more" });
  const left = html("span", { class: "fcl-note" });
  const badge = html("button", { type: "button", class: "fcl-live", hidden: "" });
  badge.addEventListener("click", () => driver.follow(), { signal });
  const twin = html("div", { class: "fcl-hidden" });
  const scaleNote = html("span", { class: "fcl-note fcl-more" });
  const caption = html("div", { class: "fcl-caption", role: "status", "aria-live": "polite" });
  const count = html("span", { class: "fcl-count" });
  const scrub = html("input", { type: "range", class: "fcl-scrub", min: 0, step: "any", "aria-label": "position in the run" });
  const speed = html("select", { class: "fcl-speed", "aria-label": "speed", title: "speed" }, ...SPEEDS.map((s) => html("option", { value: s }, speedText(s))));
  const scale = html("button", { type: "button", class: "fcl-scale", title: "story scale folds idle gaps; true scale shows them at full length" }, "True scale");

  const play = button("play", "play (Space)", () => driver.toggle(), signal);
  const path = /** @type {SVGPathElement} */ (play.querySelector("path"));
  const bar = html(
    "div",
    { class: "fcl-bar", role: "toolbar", "aria-label": "player" },
    html(
      "div",
      { class: "fcl-buttons" },
      button("home", "to the start (Home)", () => driver.seek(BEFORE), signal),
      button("requestBack", "previous request (Shift+←)", () => driver.byRequest(-1), signal),
      button("back", "previous event (←)", () => driver.byEvent(-1), signal),
      play,
      button("next", "next event (→)", () => driver.byEvent(1), signal),
      button("requestNext", "next request (Shift+→)", () => driver.byRequest(1), signal),
      button("end", "to the end (End)", () => driver.seek(driver.reel.playhead.length), signal),
    ),
    scrub,
    count,
    speed,
    scale,
  );
  const root = html(
    "div",
    {
      class: "fcl",
      tabindex: 0,
      role: "group",
      "data-lm-suppress-shortcuts": "true",
    },
    html("style", {}, style),
    html("div", { class: "fcl-head" }, html("strong", {}, title), badge, summary, scaleNote, left, clock),
    html("div", { class: "fcl-picture" }, picture),
    caption,
    bar,
    twin,
  );
  el.append(root);

  scrub.addEventListener("input", () => driver.seek(Number(scrub.value), false), { signal });
  scrub.addEventListener("change", () => driver.seek(Number(scrub.value)), { signal });
  speed.addEventListener("change", () => driver.setSpeed(Number(speed.value)), { signal });
  scale.addEventListener("click", () => driver.setFolded(!driver.folded), { signal });
  root.addEventListener("keydown", (event) => onKey(event, driver), { signal });
  keepKeys(root, signal);

  /** Make the frame show the driver's moment. */
  const update = () => {
    const { position, step, playing, folded, time, live, following } = driver;
    const { playhead } = driver.reel;
    say(clock, `${clockText(time)} s`);
    say(scaleNote, `${speedText(driver.speed)} · ${folded ? (driver.reel.folds.length ? "story scale, idle gaps folded" : "story scale") : "true scale"}`);
    put(caption, "aria-live", following || (playing && driver.speed > 2) ? "off" : "polite");
    if (badge.hidden === live) badge.hidden = !live;
    say(badge, following ? "live" : "back to live");
    put(badge, "aria-pressed", String(following));
    put(badge, "title", following ? "this is happening now" : "go to what is happening now (End)");
    say(caption, driver.caption);
    say(count, `${step + 1} / ${playhead.steps}`);
    put(count, "title", `event ${step + 1} of ${playhead.steps}`);
    const value = String(Math.max(0, position));
    put(scrub, "max", playhead.length || 1);
    if (scrub.value !== value) scrub.value = value;
    put(scrub, "aria-valuetext", `${driver.reel.say(Math.round(time))} s, event ${step + 1} of ${playhead.steps}`);
    const runs = playing || following;
    put(path, "d", ICONS[runs ? "pause" : "play"]);
    put(play, "aria-label", runs ? "pause (Space)" : "play (Space)");
    put(play, "title", runs ? "pause (Space)" : "play (Space)");
    if (Number(speed.value) !== driver.speed) speed.value = String(driver.speed);
    put(scale, "aria-pressed", String(!folded));
    root.dataset.position = String(position);
    root.dataset.playing = String(playing);
    root.dataset.moving = String(driver.goal !== null);
    root.dataset.live = live ? (following ? "now" : "behind") : "over";
  };
  let retold = 0;
  /** Tell in words what is new: at once, but of a lab that goes on not more often than somebody could listen to. */
  const tell = () => {
    clearTimeout(retold);
    retold = 0;
    const [label, table] = facts();
    say(summary, driver.reel.summary);
    say(left, note());
    put(root, "aria-label", `${title}: ${driver.reel.summary}. Space plays and pauses, arrow keys step by event, with Shift by request, Home and End jump.`);
    put(picture.matches("svg") ? picture : /** @type {Element} */ (picture.querySelector("[role=img]")), "aria-label", label);
    twin.replaceChildren(table);
  };
  const renew = () => {
    root.dataset.version = String(driver.reel.version);
    say(summary, driver.reel.summary);
    if (!driver.live) tell();
    else retold ||= window.setTimeout(tell, RETELL);
  };
  signal.addEventListener("abort", () => clearTimeout(retold));
  tell();
  const slim = (/** @type {boolean} */ on) => {
    root.classList.toggle("fcl-slim", on);
    caption.hidden = bar.hidden = on;
  };
  const made = { root, update, slim, renew };
  const again = () => arrange(driver.frames);
  const seen = new ResizeObserver(again);
  driver.frames.add(made);
  seen.observe(root);
  signal.addEventListener("abort", () => {
    seen.disconnect();
    driver.frames.delete(made);
    again();
  });
  return made;
}

/**
 * Of views of one player that stand close below one another the first has the caption and the controls, so that they fit on a screen
 * and a screen reader hears each caption once. The keys work in all of them. @param {Set<Frame>} frames
 */
function arrange(frames) {
  const order = [...frames].filter(({ root }) => root.isConnected && root.offsetHeight);
  order.sort((a, b) => (a.root.compareDocumentPosition(b.root) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  let bottom = -Infinity;
  for (const { root, slim } of order) {
    const box = root.getBoundingClientRect();
    slim(box.top - bottom < CLOSE);
    ({ bottom } = box);
  }
}

/** The keys of every view. @param {KeyboardEvent} event @param {Driver} driver */
function onKey(event, driver) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target instanceof Element ? event.target.tagName : "";
  if (on === "SELECT" || (event.key === " " && on === "BUTTON")) return;
  /** @type {Record<string, () => void>} */
  const keys = {
    " ": () => driver.toggle(),
    ArrowLeft: () => (event.shiftKey ? driver.byRequest(-1) : driver.byEvent(-1)),
    ArrowRight: () => (event.shiftKey ? driver.byRequest(1) : driver.byEvent(1)),
    Home: () => driver.seek(BEFORE),
    End: () => driver.seek(driver.reel.playhead.length),
  };
  const act = keys[event.key];
  if (!act) return;
  act();
  event.preventDefault();
  event.stopPropagation();
}

/**
 * A table of facts for a screen reader.
 * @param {string} caption
 * @param {string[]} head
 * @param {string[][]} rows
 * @param {number} all how many rows there are in truth
 */
export function makeTable(caption, head, rows, all) {
  const more = all > rows.length ? `, the first ${rows.length} of ${all}` : "";
  return html(
    "table",
    {},
    html("caption", {}, caption + more),
    html("thead", {}, html("tr", {}, ...head.map((text) => html("th", { scope: "col" }, text)))),
    html("tbody", {}, ...rows.map((row) => html("tr", {}, ...row.map((text) => html("td", {}, text))))),
  );
}
