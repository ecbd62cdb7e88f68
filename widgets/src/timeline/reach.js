/** How far the axis of a timeline reaches. That of a lab that goes on has room for what comes, so that it is composed anew seldom. */
import { makeAxis } from "../core/axis.js";
import { liveAxis } from "../core/live.js";

/** @typedef {import("../player/driver.js").Driver} Driver */
/** @typedef {[number, number]} Part the part of the run that fills the width, 0 to 1 */

/** @param {Driver} driver */
export function makeReach(driver) {
  let { begin, end, folds } = driver.reel;
  let lived = false;
  const whole = () => makeAxis(folds, begin, end, 0, 1);
  return {
    /** Where the axis ends, µs. */
    get end() {
      return end;
    },
    get folds() {
      return folds;
    },
    /** The share of the width at which `time` is when everything is shown. @param {number} time */
    share: (time) => whole().x(time),
    /** The lab goes on, and its room is used up. */
    full: () => driver.live && driver.now >= end,
    /**
     * Make room, and return the part of the run that shows what `part` has shown: of a lab that goes on a share is soon another time.
     * @param {Part} part @returns {Part}
     */
    measure(part) {
      const { reel, now, live, folded } = driver;
      const old = whole();
      const zoomed = (live || lived) && (part[0] > 0 || part[1] < 1);
      const times = part.map(old.t);
      if (live) ({ folds, end } = liveAxis(reel, now, folded, end));
      else [folds, end] = [folded ? reel.folds : [], reel.end];
      begin = reel.begin;
      lived = live;
      if (!zoomed) return part;
      const [from, to] = times.map(whole().x);
      return to > from ? [from, to] : [0, 1];
    },
  };
}
