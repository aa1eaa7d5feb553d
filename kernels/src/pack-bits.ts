/**
 * Weights of one row and block to their places in the kernels' layouts of 4, 5 and 6 bits (assembly/matmul-q4.ts, -q5.ts,
 * -q6.ts), as u16 words of two neighbouring columns. `at` is the row's first word: its four rows' base + 2·(row mod 4).
 *
 * High bits are taken out with a shift that rounds a whole word, (v + r) >> s, r = 2^(s-1): the low bits of a byte may
 * carry into its high bits, and the lower byte into the upper one. So high bits are stored less those carries.
 */

/** Words from one vector to the next. */
const VECTOR = 8;

/**
 * A word of two bytes, each `low` in its lowest `bits` bits and `high` above. Of `high` the bits in `mask` are those
 * that a shift rounding with `round` takes out.
 */
function word(
  bits: number,
  round: number,
  mask: number,
  low0: number,
  high0: number,
  low1: number,
  high1: number,
): number {
  const first = ((high0 & ~mask) | ((high0 - ((low0 + round) >> bits)) & mask)) << bits;
  const carry = ((first | low0) + round) >> 8;
  const second = ((high1 & ~mask) | ((high1 - ((low1 + carry) >> bits)) & mask)) << bits;
  return first | low0 | ((second | low1) << 8);
}

/** 32 weights of 4 bits from q[from]: low nibbles columns 0 … 15, high nibbles 16 … 31. */
export function put4(out: Uint16Array, at: number, q: Uint8Array, from: number): void {
  for (let j = 0; j < 4; j++) {
    for (let pair = 0; pair < 2; pair++) {
      const k = from + 4 * j + 2 * pair;
      out[at + VECTOR * j + pair] = word(4, 8, 15, q[k]!, q[k + 16]!, q[k + 1]!, q[k + 17]!);
    }
  }
}

/** 32 weights of 5 bits from q[from]. */
export function put5(out: Uint16Array, at: number, q: Uint8Array, from: number): void {
  for (let pair = 0; pair < 2; pair++) {
    const k = from + 2 * pair;
    const to = at + pair;
    for (let v = 0; v < 3; v++) {
      const i = k + 4 * v;
      const last = k + 20 + 4 * v;
      out[to + VECTOR * v] = word(5, 4, 7, q[i]!, q[last]! >> 2, q[i + 1]!, q[last + 1]! >> 2);
    }
    for (let v = 0; v < 2; v++) {
      const i = k + 12 + 4 * v;
      const last = k + 20 + 4 * v;
      const top = 1 - v;
      const high0 = (q[last]! & 3) | (((q[k + 28]! >> top) & 1) << 2);
      const high1 = (q[last + 1]! & 3) | (((q[k + 29]! >> top) & 1) << 2);
      out[to + VECTOR * (3 + v)] = word(5, 16, 3, q[i]!, high0, q[i + 1]!, high1);
    }
  }
}

/** 32 weights of 6 bits from q[from], 16 and 16. */
export function put6(out: Uint16Array, at: number, q: Uint8Array, from: number): void {
  for (let half = 0; half < 2; half++) {
    for (let v = 0; v < 3; v++) {
      const shift = 4 - 2 * v;
      const round = 2 << (2 * v);
      for (let pair = 0; pair < 2; pair++) {
        const i = from + 16 * half + 4 * v + 2 * pair;
        const last = from + 16 * half + 12 + 2 * pair;
        const to = at + VECTOR * (3 * half + v) + pair;
        out[to] = word(6, round, 3, q[i]!, (q[last]! >> shift) & 3, q[i + 1]!, (q[last + 1]! >> shift) & 3);
      }
    }
  }
}
