/** Texts made of numbers. Times are µs of lab time. */

/** Exact and short: 1100000 -> "1.1". @param {number} us */
export function secondsText(us) {
  const whole = Math.floor(us / 1e6);
  const part = Math.round(us - whole * 1e6);
  if (part === 1e6) return String(whole + 1);
  return part ? `${whole}.${String(part).padStart(6, "0")}`.replace(/0+$/, "") : String(whole);
}

/** A clock that does not jump about: always two decimals. @param {number} us */
export function clockText(us) {
  return (Math.floor(us / 1e4 + 1e-6) / 100).toFixed(2);
}

/** A time that a wall clock measured, as Python's `rounded_text`: to the millisecond, below 0.1 s to three digits. @param {number} us */
export function roundedText(us) {
  const step = us >= 1e5 ? 1000 : us >= 1e4 ? 100 : us >= 1000 ? 10 : 1;
  return secondsText(Math.round(us / step) * step);
}

/** How times of a lab with such a clock are written: those of virtual time exactly, others rounded. @param {string} clock @returns {(us: number) => string} */
export const textOfTimes = (clock) => (clock === "wall" ? roundedText : secondsText);

/** A time of a wall clock on an axis: as many digits as a pixel can tell. @param {number} us @param {number} scale pixels a µs */
export function tickText(us, scale) {
  const digits = scale > 0 ? Math.min(6, Math.max(0, Math.ceil(Math.log10(scale * 1e6)))) : 0;
  const step = 10 ** (6 - digits);
  return secondsText(Math.round(us / step) * step);
}

/** @param {number} speed */
export function speedText(speed) {
  return speed < 1 ? `×1/${Math.round(1 / speed)}` : `×${speed}`;
}
