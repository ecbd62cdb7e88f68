/** Binary columns: what Python packs as little-endian arrays one after another, widest first. */

const MADE = { d: Float64Array, I: Uint32Array, i: Int32Array, H: Uint16Array, B: Uint8Array };

/** @typedef {ArrayLike<number>} Column */

/**
 * Cut a buffer into typed columns without copying (unless it is not aligned to 8 bytes).
 * @param {DataView | null | undefined} view what the trait holds
 * @param {string} layout one letter a column, as in Python's `array`: d I i H B, widest first
 * @returns {Column[]}
 */
export function columns(view, layout) {
  const width = [...layout].reduce((sum, letter) => sum + MADE[/** @type {keyof MADE} */ (letter)].BYTES_PER_ELEMENT, 0);
  const rows = view ? Math.floor(view.byteLength / width) : 0;
  if (!view || !rows) return [...layout].map(() => new Float64Array(0));
  const aligned = view.byteOffset % 8 === 0;
  const buffer = /** @type {ArrayBuffer} */ (aligned ? view.buffer : view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  let at = aligned ? view.byteOffset : 0;
  return [...layout].map((letter) => {
    const column = new MADE[/** @type {keyof MADE} */ (letter)](buffer, at, rows);
    at += column.byteLength;
    return column;
  });
}

/**
 * How many entries of an ascending column are <= value.
 * @param {Column} column
 * @param {number} value
 */
export function countUpTo(column, value) {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
