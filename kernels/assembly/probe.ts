/**
 * What this machine can do at most, for rooflines: bytes a second through eight runs of addresses, as `oneRow` reads
 * them, and vector operations a second of the mix that products are made of (a product and a sum, all in registers).
 */
import { SPILL } from "./layout";
import { constant, C_ONES_8 } from "./math";
import { dot } from "./simd";

const RUNS: usize = 8;

/** Reads `bytes`, a multiple of 1024, from `from` on. */
export function readThrough(from: usize, bytes: usize): void {
  const run = bytes / RUNS;
  const end = from + run;
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  for (; from < end; from += 128) {
    const stop = from + bytes;
    for (let at = from; at < stop; at += run) {
      a = v128.xor(v128.xor(a, v128.load(at)), v128.load(at, 16));
      b = v128.xor(v128.xor(b, v128.load(at, 32)), v128.load(at, 48));
      a = v128.xor(v128.xor(a, v128.load(at, 64)), v128.load(at, 80));
      b = v128.xor(v128.xor(b, v128.load(at, 96)), v128.load(at, 112));
    }
  }
  v128.store(SPILL, v128.xor(a, b));
}

// @ts-ignore: decorator
@inline
function turn(a: v128, w: v128): v128 {
  return i16x8.add(w, dot(a, w));
}

/** `turns` times OPERATIONS_A_TURN operations on twelve values, enough to hide what each waits for. */
export function issue(turns: i32): void {
  const w = constant(C_ONES_8);
  let a = i16x8.splat(1), b = i16x8.splat(2), c = i16x8.splat(3), d = i16x8.splat(4);
  let e = i16x8.splat(5), f = i16x8.splat(6), g = i16x8.splat(7), h = i16x8.splat(8);
  let i = i16x8.splat(9), j = i16x8.splat(10), k = i16x8.splat(11), l = i16x8.splat(12);
  for (; turns > 0; turns--) {
    a = turn(a, w); b = turn(b, w); c = turn(c, w); d = turn(d, w);
    e = turn(e, w); f = turn(f, w); g = turn(g, w); h = turn(h, w);
    i = turn(i, w); j = turn(j, w); k = turn(k, w); l = turn(l, w);
  }
  const x = v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), v128.xor(v128.xor(e, f), v128.xor(g, h)));
  v128.store(SPILL, v128.xor(x, v128.xor(v128.xor(i, j), v128.xor(k, l))));
}
