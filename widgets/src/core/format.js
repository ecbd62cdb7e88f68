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

/** A time of a wall clock on an axis: as many digits as a pixel can tell. @param {number} us @param {number} scale pixels a µs */
export function tickText(us, scale) {
  const digits = scale > 0 ? Math.min(6, Math.max(0, Math.ceil(Math.log10(scale * 1e6)))) : 0;
  return String(Number((us / 1e6).toFixed(digits)));
}

/** @param {number} speed */
export function speedText(speed) {
  return speed < 1 ? `×1/${Math.round(1 / speed)}` : `×${speed}`;
}
