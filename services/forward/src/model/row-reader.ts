/** Reading bytes of a tensor that exists only row by row: converted or quantized while it is read. */

/** Writes whole rows [first, first + count) into `into`, which has exactly their size. */
export type ReadRows = (first: number, count: number, into: Uint8Array) => void;

/**
 * Fills `into` with the bytes from `from` on; whole rows are written where they belong, others through a copy.
 * @param rowBytes size of a row
 */
export function readByRows(rowBytes: number, readRows: ReadRows, into: Uint8Array, from: number): void {
  const first = Math.floor(from / rowBytes);
  const count = Math.ceil((from + into.length) / rowBytes) - first;
  if (count * rowBytes === into.length) return readRows(first, count, into);
  const rows = new Uint8Array(count * rowBytes);
  readRows(first, count, rows);
  into.set(rows.subarray(from - first * rowBytes, from - first * rowBytes + into.length));
}
