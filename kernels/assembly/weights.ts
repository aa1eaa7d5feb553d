/**
 * One weight of 4, 5 or 6 bits out of its packed block, by the layouts of matmul-q4.ts, matmul-q5.ts and matmul-q6.ts.
 * `w` is where the row's bytes begin in vector 0; vectors are 16 bytes apart.
 */

/** Bits of byte `at` after a shift of its 16-bit word by `shift`, rounded as the kernels' shift rounds. */
// @ts-ignore: decorator
@inline
function shifted(w: usize, at: usize, shift: i32): i32 {
  const pair = <i32>load<i16>(w + (at & ~1));
  return (pair + (1 << (shift - 1))) >> (shift + (at & 1 ? 8 : 0));
}

/** Column k of 32, 4 bits. */
export function weight4(w: usize, k: usize): i32 {
  const at = ((k & 15) >> 2) * 16 + (k & 3);
  return k < 16 ? load<u8>(w + at) & 15 : shifted(w, at, 4) & 15;
}

/** Column k of 32, 5 bits. */
export function weight5(w: usize, k: usize): i32 {
  const group = k >> 2;
  const i = k & 3;
  if (group < 5) return load<u8>(w + group * 16 + i) & 31;
  const high = shifted(w, (group - 5) * 16 + i, 3) & 28;
  if (group < 7) return high | (shifted(w, (group - 2) * 16 + i, 5) & 3);
  return high | ((load<u8>(w + i, 48) >> 7) << 1) | (load<u8>(w + i, 64) >> 7);
}

/** Column k of 32, 6 bits; the columns from 16 on lie 48 bytes further. */
export function weight6(w: usize, k: usize): i32 {
  const from = w + (k >> 4) * 48;
  const group = (k & 15) >> 2;
  const i = k & 3;
  if (group < 3) return load<u8>(from + group * 16 + i) & 63;
  const top = (shifted(from, i, 2) & 48) | (shifted(from, 16 + i, 4) & 12);
  return top | (shifted(from, 32 + i, 6) & 3);
}
