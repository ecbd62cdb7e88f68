/** Where a player stands: what its model says, and what follows from that. It only reads; `Driver` moves. */
import { nowAfter } from "../core/live.js";
import { decode } from "./reel.js";

/** @typedef {import("./reel.js").Model} Model */

export class Moment {
  /** @param {Model} model the player's model */
  constructor(model) {
    this.model = model;
    this.reel = decode(model);
    /** When the present of the lab was told, in ms of this page. */
    this.told = performance.now();
    /** What the call chain leaves out, in words; "" for nothing. */
    this.cut = "";
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

  /** The lab goes on, as far as anybody here can know. @returns {boolean} */
  get live() {
    return this.model.get("live") && this.model.comm_live !== false;
  }

  /** It stands at the newest moment of a lab that goes on. @returns {boolean} */
  get following() {
    return this.live && this.model.get("following");
  }

  /** The lab's time now, in µs; the end of the record once it is over. */
  get now() {
    const { model, reel } = this;
    if (!this.live) return reel.end;
    const going = { present: model.get("present"), rate: model.get("rate"), bound: model.get("bound") };
    return Math.max(reel.end, nowAfter(going, (performance.now() - this.told) / 1000));
  }

  /** It follows, and has caught up. */
  get current() {
    return this.following && this.position >= this.reel.playhead.length;
  }

  /** Lab time in µs. */
  get time() {
    return this.current ? this.now : this.reel.playhead.time(this.position);
  }

  /** The position, gone on beyond the record with the lab's clock: tokens that have arrived leave the picture. */
  get beat() {
    return this.position + (this.current ? (this.now - this.reel.end) / 1e6 : 0);
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
    if (this.following) return "The lab is running; nothing has happened yet.";
    return captions.length ? `${summary}. Press play (Space), or step from event to event with ← and →.` : `${summary}. Nothing happened.`;
  }
}
