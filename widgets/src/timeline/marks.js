/** What moves on a timeline: marks of arrivals and ends, the chosen request, the cursor. */
import { footOf } from "./layout.js";
import { PALE, face } from "./paint.js";

/** @typedef {import("./paint.js").Picture} Picture */
/** @typedef {import("./layout.js").Mark} Mark */


/**
 * What changes from frame to frame: marks of arrivals and ends, the chosen request, the cursor.
 * @param {CanvasRenderingContext2D} c @param {Picture} picture
 * @param {{ time: number, begun: boolean, selected: number }} now
 */
export function paintNow(c, picture, { time, begun, selected }) {
  const { reel, axis, size, width, theme, edge } = picture;
  const left = size.gutter;
  const right = width - size.margin;
  const z = size.zoom;
  if (selected) {
    const { start, end, lane, request, size: count } = reel.spans;
    c.strokeStyle = theme.ink;
    c.lineWidth = 2.5;
    for (let i = 0; i < count; i++) {
      if (request[i] !== selected) continue;
      const [x0, x1] = [Math.max(left, axis.x(start[i])), Math.min(right, edge, axis.x(end[i]))];
      if (x1 >= x0) c.strokeRect(x0, size.strip + lane[i] * size.pitch + (size.pitch - size.bar) / 2 - 2, Math.max(1, x1 - x0), size.bar + 4);
    }
  }
  for (const end of picture.ends) {
    const { x } = end;
    if (x < left - 1 || x > right + 1) continue;
    const y = size.strip + end.lane * size.pitch + size.pitch / 2;
    const r = Math.min(6 * z, size.pitch * 0.3);
    c.globalAlpha = begun && end.time <= time ? 1 : PALE;
    c.strokeStyle = theme.gone;
    c.lineWidth = 2.2 * z;
    c.beginPath();
    c.moveTo(x, y - size.pitch * 0.42);
    c.lineTo(x, y + size.pitch * 0.42);
    c.moveTo(x - r, y - r);
    c.lineTo(x + r, y + r);
    c.moveTo(x + r, y - r);
    c.lineTo(x - r, y + r);
    c.stroke();
    if (end.side) {
      face(c, theme, size.font * 0.88, 650);
      c.textBaseline = "middle";
      c.textAlign = end.side > 0 ? "left" : "right";
      c.strokeStyle = end.lane % 2 === 0 ? theme.band : theme.paper;
      c.lineWidth = 4;
      c.lineJoin = "round";
      c.strokeText(end.word, x + end.side * 9 * z, y);
      c.fillStyle = theme.gone;
      c.fillText(end.word, x + end.side * 9 * z, y);
    }
  }
  c.globalAlpha = 1;
  for (const mark of picture.marks) paintMark(c, picture, mark, begun && mark.first.at <= time, time, selected);
  if (begun) cursor(c, picture, time);
}

/**
 * @param {CanvasRenderingContext2D} c @param {Picture} picture @param {Mark} mark @param {boolean} here @param {number} time
 * @param {number} selected
 */
function paintMark(c, { size, theme }, mark, here, time, selected) {
  const z = size.zoom;
  const top = 30 * z;
  const chosen = mark.members.some((member) => member.n === selected);
  if (mark.pill) {
    const done = here && mark.first.done !== null && mark.first.done <= time;
    const text = mark.wide && done ? mark.long : mark.short;
    const from = mark.wide && done ? mark.left : mark.tight;
    face(c, theme, size.font, 650);
    const wide = c.measureText(text).width + 16 * z;
    c.fillStyle = chosen ? theme.accent : theme.ink;
    c.beginPath();
    c.roundRect(from, top - 24 * z, wide, 24 * z, 12 * z);
    c.globalAlpha = here ? 1 : 0.4;
    c.fill();
    c.globalAlpha = 1;
    c.fillStyle = theme.paper;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(text, from + wide / 2, top - 11.5 * z);
  }
  c.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} c @param {Picture} picture @param {number} time */
function cursor(c, { axis, size, width, theme }, time) {
  const x = axis.x(time);
  if (x < size.gutter - 2 || x > width - size.margin + 2) return;
  const z = size.zoom;
  c.strokeStyle = theme.accent;
  c.lineWidth = 2.4 * z;
  c.beginPath();
  c.moveTo(x, 6 * z);
  c.lineTo(x, size.bottom + 8 * z);
  c.stroke();
  c.fillStyle = theme.accent;
  c.beginPath();
  c.moveTo(x - 7 * z, 0);
  c.lineTo(x + 7 * z, 0);
  c.lineTo(x, 11 * z);
  c.closePath();
  c.fill();
}

/**
 * The ways of requests from their marks to their rows; painted below the spans.
 * @param {CanvasRenderingContext2D} c @param {Picture} picture
 * @param {{ time: number, begun: boolean, selected: number }} now
 */
export function paintArrows(c, { size, theme, marks }, { time, begun, selected }) {
  const z = size.zoom;
  for (const mark of marks) {
    const foot = footOf(size, mark);
    const chosen = mark.members.some((member) => member.n === selected);
    c.globalAlpha = begun && mark.first.at <= time ? 1 : 0.45;
    c.strokeStyle = chosen ? theme.accent : theme.ink;
    c.lineWidth = (chosen ? 2.2 : 1.4) * z;
    c.beginPath();
    c.moveTo(mark.x, 30 * z);
    c.lineTo(mark.x, foot);
    c.moveTo(mark.x - 4 * z, foot - 7 * z);
    c.lineTo(mark.x, foot);
    c.lineTo(mark.x + 4 * z, foot - 7 * z);
    c.stroke();
  }
  c.globalAlpha = 1;
}
