// The two bounds of a matrix product, for one thread: how fast memory is read, and how fast the instruction that our kernels rest
// on multiplies. AssemblyScript; compiled when a benchmark runs (see src/roofline). Cost: none worth saving.
//
// Bound of `multiply`: 16 products of bytes an instruction (vpmaddubsw on x86), one addition each, eight independent sums.

const VECTOR_BYTES: usize = 16;
const UNROLL: usize = 8;
const LINE_BYTES: usize = 64;
const RUNS = 8;

/**
 * Reads `bytes` bytes (a multiple of 512) from `from` on, as eight runs side by side: a processor fetches several at once faster
 * than one. The answer only keeps the loads alive.
 */
export function read(from: usize, bytes: usize): i32 {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  const run = bytes / RUNS;
  const end = from + run;
  for (let p = from; p < end; p += LINE_BYTES) {
    let q = p;
    for (let i = 0; i < RUNS; i++) {
      a = v128.xor(a, v128.load(q));
      b = v128.xor(b, v128.load(q, 16));
      c = v128.xor(c, v128.load(q, 32));
      d = v128.xor(d, v128.load(q, 48));
      q += run;
    }
  }
  return i32x4.extract_lane(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0);
}

/** Runs `turns` turns of 8 multiplications of 16 byte pairs from the first kibibyte; the answer only keeps them alive. */
export function multiply(turns: u32): i32 {
  const x = v128.load(0);
  let s0 = i16x8.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  for (let i: u32 = 0; i < turns; i++) {
    // Another address each turn, so that no product can be taken out of the loop.
    const p: usize = (i & 7) * UNROLL * VECTOR_BYTES;
    s0 = i16x8.add(s0, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p), x));
    s1 = i16x8.add(s1, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 16), x));
    s2 = i16x8.add(s2, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 32), x));
    s3 = i16x8.add(s3, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 48), x));
    s4 = i16x8.add(s4, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 64), x));
    s5 = i16x8.add(s5, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 80), x));
    s6 = i16x8.add(s6, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 96), x));
    s7 = i16x8.add(s7, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(p, 112), x));
  }
  const low = v128.xor(v128.xor(s0, s1), v128.xor(s2, s3));
  const high = v128.xor(v128.xor(s4, s5), v128.xor(s6, s7));
  return i32x4.extract_lane(v128.xor(low, high), 0);
}
