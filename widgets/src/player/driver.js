/**
 * The one player of a recording. Every view of the page shares it through the player's model, so their cursors are linked; what it
 * knows lies in the model's traits, so a view shown later (or in another cell) shows the same moment.
 *
 * While it plays nothing is sent to the kernel; a pause, a step or the end of a scrub sends the position once.
 */
import { BEFORE } from "../core/playhead.js";
import { reelOf } from "./reel.js";

/** @typedef {import("./reel.js").Model} Model */

const KEY = Symbol.for("fclab.driver");
const STATE = ["position", "speed", "folded", "playing", "selected"];

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 100, 1000];

export class Driver {
  /** @param {Model} model the player's model */
  constructor(model) {
    this.model = model;
    this.reel = reelOf(model);
    /** @type {Set<() => void>} */
    this.views = new Set();
    /** The frames on this page, for `arrange`. @type {Set<import("./frame.js").Frame>} */
    this.frames = new Set();
    /** What the call chain leaves out, in words; "" for nothing. */
    this.cut = "";
    this.frame = 0;
    /** @type {number | null} */
    this.last = null;
    this.exact = 0;
    /** Where a step is gliding to. @type {number | null} */
    this.goal = null;
    this.pace = 1;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    for (const name of STATE) model.on(`change:${name}`, () => this.changed(name));
  }

  /** Call `view` after every change, once a change. @param {() => void} view @returns {() => void} what ends it */
  watch(view) {
    this.views.add(view);
    if (this.playing) this.start();
    return () => {
      this.views.delete(view);
      if (!this.views.size) this.halt();
    };
  }

  /** Seconds of playing; negative before the first play. @returns {number} */
  get position() {
    return this.model.get("position");
  }

  /** @returns {number} */
  get speed() {
    return this.model.get("speed");
  }

  /** @returns {boolean} */
  get folded() {
    return this.model.get("folded");
  }

  /** @returns {boolean} */
  get playing() {
    return this.model.get("playing");
  }

  /** The chosen request, 0 for none. @returns {number} */
  get selected() {
    return this.model.get("selected");
  }

  /** Lab time in µs. */
  get time() {
    return this.reel.playhead.time(this.position);
  }

  /** Number of the current step, -1 before the first. */
  get step() {
    return this.reel.playhead.step(this.position);
  }

  /** The caption of this moment. @returns {string} */
  get caption() {
    const cut = this.cut && (this.position < 0 || this.time > this.reel.hopsUntil) ? ` The call chain ${this.cut}.` : "";
    return this.words + cut;
  }

  /** @returns {string} */
  get words() {
    const { captions, summary } = this.reel;
    if (this.step >= 0) return captions[this.step] ?? "";
    return captions.length ? `${summary}. Press play (Space), or step from event to event with ← and →.` : `${summary}. Nothing happened.`;
  }

  /** Where the player will stand when a step under way is done. */
  get target() {
    return this.goal ?? this.position;
  }

  /** Step to a position: forward the picture glides there in a moment, so that tokens are seen to travel. @param {number} position */
  glide(position) {
    const far = position - Math.max(0, this.position);
    if (far < 0.02 || this.still.matches) return this.seek(position);
    this.model.set("playing", false);
    this.goal = position;
    this.pace = far / Math.min(0.7, Math.max(0.25, far));
    this.start();
    this.changed("position");
  }

  /** Go to a position and stop there. @param {number} position @param {boolean} [settled] false while a drag goes on */
  seek(position, settled = true) {
    const { length } = this.reel.playhead;
    this.halt();
    this.model.set("playing", false);
    this.model.set("position", position < 0 ? BEFORE : Math.min(position, length));
    this.changed("position");
    if (settled) this.save();
  }

  /** Go to a lab time in µs. @param {number} time @param {boolean} [settled] */
  seekTime(time, settled = true) {
    const { playhead, end } = this.reel;
    this.seek(time >= end ? playhead.length : playhead.position(time), settled);
  }

  /** @param {1 | -1} direction */
  byEvent(direction) {
    const { playhead } = this.reel;
    if (direction > 0) this.glide(playhead.nextStep(this.target));
    else this.seek(playhead.previousStep(this.target));
  }

  /** @param {1 | -1} direction */
  byRequest(direction) {
    const { playhead } = this.reel;
    if (direction > 0) this.glide(playhead.nextRequest(this.target));
    else this.seek(playhead.previousRequest(this.target));
  }

  toggle() {
    if (this.playing) {
      this.seek(this.position);
    } else {
      this.halt();
      if (this.position >= this.reel.playhead.length) this.model.set("position", BEFORE);
      this.model.set("playing", true);
    }
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.model.set("speed", speed);
    this.save();
  }

  /** @param {boolean} folded */
  setFolded(folded) {
    this.model.set("folded", folded);
    this.save();
  }

  /** Choose a request in every view; the same again lets go. @param {number} request */
  select(request) {
    this.model.set("selected", request === this.selected ? 0 : request);
    this.save();
  }

  save() {
    try {
      this.model.save_changes();
    } catch {
      // the kernel is gone: the player goes on in the page
    }
  }

  /** @param {string} name */
  changed(name) {
    if (name === "playing") {
      if (this.playing) this.start();
      else this.halt();
    }
    for (const view of [...this.views]) view();
  }

  start() {
    if (this.frame || !this.views.size) return;
    if (this.playing) this.goal = null;
    this.exact = Math.max(0, this.position);
    this.last = null;
    this.frame = requestAnimationFrame(this.tick);
  }

  halt() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.goal = null;
  }

  /** One frame. The first one only sets the watch: a frame's time can lie before a clock read earlier. @param {number} now */
  tick = (now) => {
    if (!this.playing && this.goal === null) return this.halt();
    const { playhead, stepP } = this.reel;
    const elapsed = this.last === null ? 0 : Math.min(0.25, Math.max(0, (now - this.last) / 1000));
    this.last = now;
    if (this.goal !== null) {
      this.exact += elapsed * this.pace;
      if (this.exact >= this.goal) return this.seek(this.goal);
      this.frame = requestAnimationFrame(this.tick);
      return this.model.set("position", this.exact);
    }
    this.exact = playhead.advance(this.exact, elapsed, this.speed, this.folded);
    const over = this.exact >= playhead.length;
    const step = playhead.step(this.exact);
    const shown = this.still.matches && !over ? (step >= 0 ? stepP[step] : BEFORE) : this.exact;
    this.frame = over ? 0 : requestAnimationFrame(this.tick);
    if (shown !== this.position) this.model.set("position", shown);
    if (over) this.seek(playhead.length);
  };
}

/** The driver of a player's model: made once a page. @param {Model} model @returns {Driver} */
export function driverOf(model) {
  const keeper = /** @type {any} */ (model);
  return (keeper[KEY] ??= new Driver(model));
}

/** The player's model of a view's model. @param {Model} view @returns {Promise<Model>} */
export async function playerOf(view) {
  const reference = String(view.get("player"));
  const manager = view.widget_manager;
  if (!manager) throw new Error("this front end gives widgets no access to other widgets");
  return manager.get_model(reference.replace("IPY_MODEL_", ""));
}
