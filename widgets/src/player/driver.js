/**
 * The one player of a recording. Every view of the page shares it through the player's model, so their cursors are linked; what it
 * knows lies in the model's traits, so a view shown later (or in another cell) shows the same moment.
 *
 * While it plays nothing is sent to the kernel; a pause, a step or the end of a scrub sends the position once.
 *
 * While the lab goes on, messages bring a new version of everything. A player that follows stands at the newest moment until somebody
 * pauses, steps or scrubs; one that was left behind stays at its moment, and gets back by the end of the run (End, or the badge).
 */
import { BEFORE } from "../core/playhead.js";
import { Moment } from "./moment.js";
import { decode } from "./reel.js";

/** @typedef {import("./reel.js").Model} Model */
/** @typedef {import("./reel.js").Reel} Reel */

const KEY = Symbol.for("fclab.driver");
const STATE = ["position", "speed", "folded", "playing", "selected", "following"];
/** Seconds in which a follower makes up most of its way to the newest moment: short, but tokens are seen to travel. */
const CATCH_UP = 0.12;
/** Milliseconds between two pictures of a lab in which nothing happens: its clock, and what is open, go on. */
const DRIFT = 66;
const DRIFT_STILL = 1000;
/** Who stands at the very end of a lab that goes on follows it; a pause there stands this much before, in seconds of playing. */
const LEFT_BEHIND = 1e-6;

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 100, 1000];

export class Driver extends Moment {
  /** @param {Model} model the player's model */
  constructor(model) {
    super(model);
    /** @type {Set<() => void>} */
    this.views = new Set();
    /** What the views do with a new version, before they are told of the change. @type {Set<(old: Reel) => void>} */
    this.renewals = new Set();
    this.stale = 0;
    /** When the last picture of a quiet lab was asked for, in ms of this page. */
    this.shown = 0;
    /** The frames on this page, for `arrange`. @type {Set<import("./frame.js").Frame>} */
    this.frames = new Set();
    this.frame = 0;
    /** @type {number | null} */
    this.last = null;
    this.exact = 0;
    /** Where a step is gliding to. @type {number | null} */
    this.goal = null;
    this.pace = 1;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    for (const name of STATE) model.on(`change:${name}`, () => this.changed(name));
    model.on("change:version", () => this.grown());
    model.on("comm_live_update", () => this.changed("live"));
    this.exact = this.following ? this.reel.playhead.length : this.position;
  }

  /**
   * Call `view` after every change, once a change, and `renew` with the reel before whenever there is a new one.
   * @param {() => void} view @param {(old: Reel) => void} renew @returns {() => void} what ends it
   */
  watch(view, renew) {
    this.views.add(view);
    this.renewals.add(renew);
    if (this.moves) this.start();
    return () => {
      this.views.delete(view);
      this.renewals.delete(renew);
      if (!this.views.size) this.halt();
    };
  }

  /** Something changes with every frame, or soon will. */
  get moves() {
    return this.playing || this.goal !== null || this.live;
  }

  /** Where the player will stand when a step under way is done. */
  get target() {
    return this.goal ?? this.position;
  }

  /** Step to a position: forward the picture glides there in a moment, so that tokens are seen to travel. @param {number} position */
  glide(position) {
    const far = position - Math.max(0, this.position);
    if (far < 0.02 || this.still.matches) return this.seek(position);
    this.halt();
    this.model.set("following", false);
    this.model.set("playing", false);
    this.goal = position;
    this.pace = far / Math.min(0.7, Math.max(0.25, far));
    this.start();
    this.changed("position");
  }

  /** Go to a position and stop there. @param {number} position @param {boolean} [settled] false while a drag goes on */
  seek(position, settled = true) {
    const { length } = this.reel.playhead;
    if (this.live && position >= length) return this.follow();
    this.halt();
    this.model.set("following", false);
    this.model.set("playing", false);
    this.model.set("position", position < 0 ? BEFORE : Math.min(position, length));
    this.changed("position");
    if (this.live) this.start();
    if (settled) this.save();
  }

  /** Go to the newest moment and stay there. */
  follow() {
    this.halt();
    this.model.set("playing", false);
    this.model.set("following", true);
    this.model.set("position", this.reel.playhead.length);
    this.exact = this.position;
    this.changed("following");
    this.start();
    this.save();
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
    if (this.following) {
      this.seek(Math.min(this.position, this.reel.playhead.length - LEFT_BEHIND));
    } else if (this.playing) {
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

  /** A new version has come: it is taken in with the next frame, and if several come before that, once. */
  grown() {
    this.told = performance.now();
    this.stale ||= requestAnimationFrame(this.renew);
  }

  renew = () => {
    this.stale = 0;
    const old = this.reel;
    this.reel = decode(this.model);
    const { playhead } = this.reel;
    const carried = (/** @type {number} */ position) => Math.min(playhead.length, old.playhead.carry(position, playhead));
    if (this.goal !== null) this.goal = carried(this.goal);
    this.exact = carried(this.exact);
    for (const view of [...this.renewals]) view(old);
    if (this.model.get("following") && !this.live) {
      this.model.set("following", false);
      this.model.set("position", playhead.length);
      this.save();
    } else if (this.position >= 0) {
      this.model.set("position", this.following && this.still.matches ? playhead.length : carried(this.position));
    }
    if (this.moves) this.start();
    this.changed("version");
  };

  /** @param {string} name */
  changed(name) {
    if (name === "playing") {
      if (this.playing) this.start();
      else if (!this.live) this.halt();
    }
    for (const view of [...this.views]) view();
  }

  start() {
    if (this.frame || !this.views.size) return;
    if (this.playing) this.goal = null;
    this.exact = Math.max(0, this.following ? this.exact : this.position);
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
    if (!this.moves) return this.halt();
    const { playhead, stepP } = this.reel;
    const elapsed = this.last === null ? 0 : Math.min(0.25, Math.max(0, (now - this.last) / 1000));
    this.last = now;
    if (this.goal !== null) {
      this.exact += elapsed * this.pace;
      if (this.exact >= this.goal) return this.seek(this.goal);
      this.frame = requestAnimationFrame(this.tick);
      return this.model.set("position", this.exact);
    }
    if (!this.playing) {
      this.frame = requestAnimationFrame(this.tick);
      return this.drift(now, elapsed);
    }
    this.exact = playhead.advance(this.exact, elapsed, this.speed, this.folded);
    const over = this.exact >= playhead.length;
    const step = playhead.step(this.exact);
    const shown = this.still.matches && !over ? (step >= 0 ? stepP[step] : BEFORE) : this.exact;
    this.frame = over ? 0 : requestAnimationFrame(this.tick);
    if (shown !== this.position) this.model.set("position", shown);
    if (over) this.seek(playhead.length);
  };

  /** One frame of a lab that goes on by itself. @param {number} now @param {number} elapsed seconds */
  drift(now, elapsed) {
    const { length } = this.reel.playhead;
    if (this.following && this.exact < length) {
      const near = this.exact + (length - this.exact) * (1 - Math.exp(-elapsed / CATCH_UP));
      this.exact = this.still.matches || length - near < 0.004 ? length : near;
      this.shown = now;
      return this.model.set("position", this.exact);
    }
    if (now - this.shown < (this.still.matches ? DRIFT_STILL : DRIFT)) return;
    this.shown = now;
    if (this.following && this.position !== length) this.model.set("position", length);
    else this.changed("now");
  }
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
