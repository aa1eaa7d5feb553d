/**
 * F32, F16 and BF16 times f32 activations. A group is 8 rows; column k holds the 8 rows' weights side by side: 32 bytes for
 * f32, 16 for the 16-bit kinds with rows i and 4+i in lane i. Those are widened exactly (finite values, subnormals
 * included): on the fly for one row of activations, to scratch first for more.
 * f32 order: four partial sums by k mod 4, each ascending, then (0+1)+(2+3). No bound: plain floats.
 */
import { constant, C_F16_MAGIC, C_HALF_MASK, C_HIGH_HALF, C_LOW_HALF, halves, lane0, lane1, lane2, lane3 } from "./math";
import { put } from "./matmul-q4";

// @ts-ignore: decorator
@inline
function mac(acc: v128, w: usize, x: v128): v128 {
  return f32x4.add(acc, f32x4.mul(v128.load(w), x));
}

/** One row of activations times one group. */
export function gemvFloat(w: usize, x: usize, y: usize, cols: usize, isAdding: bool): void {
  let a0 = f32x4.splat(0);
  let a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0; // prettier-ignore
  const end = x + cols * 4;
  do {
    const v = v128.load(x);
    const x0 = lane0(v);
    a0 = mac(a0, w, x0);
    b0 = mac(b0, w + 16, x0);
    const x1 = lane1(v);
    a1 = mac(a1, w + 32, x1);
    b1 = mac(b1, w + 48, x1);
    const x2 = lane2(v);
    a2 = mac(a2, w + 64, x2);
    b2 = mac(b2, w + 80, x2);
    const x3 = lane3(v);
    a3 = mac(a3, w + 96, x3);
    b3 = mac(b3, w + 112, x3);
    w += 128;
    x += 16;
  } while (x < end);
  put(y, f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), isAdding);
  put(y + 16, f32x4.add(f32x4.add(b0, b1), f32x4.add(b2, b3)), isAdding);
}

/** f32 values of the 16-bit numbers in the low halves of the lanes. */
// @ts-ignore: decorator
@inline
function lowHalves(isBrain: bool, pairs: v128, mask: v128): v128 {
  if (isBrain) return i8x16.shuffle(pairs, i32x4.splat(0), 16, 16, 0, 1, 16, 16, 4, 5, 16, 16, 8, 9, 16, 16, 12, 13);
  return f32x4.mul(halves(pairs, constant(C_LOW_HALF), mask), constant(C_F16_MAGIC));
}

/** Of those in the high halves. */
// @ts-ignore: decorator
@inline
function highHalves(isBrain: bool, pairs: v128, mask: v128): v128 {
  if (isBrain) return v128.and(pairs, mask);
  return f32x4.mul(halves(pairs, constant(C_HIGH_HALF), mask), constant(C_F16_MAGIC));
}

// @ts-ignore: decorator
@inline
function maskOf(isBrain: bool): v128 {
  return isBrain ? i32x4.splat(0xffff0000) : constant(C_HALF_MASK);
}

// @ts-ignore: decorator
@inline
function gemv16(isBrain: bool, w: usize, x: usize, y: usize, cols: usize, isAdding: bool): void {
  const mask = maskOf(isBrain);
  let a0 = f32x4.splat(0);
  let a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0; // prettier-ignore
  const end = x + cols * 4;
  do {
    const v = v128.load(x);
    let pairs = v128.load(w);
    let xs = lane0(v);
    a0 = f32x4.add(a0, f32x4.mul(lowHalves(isBrain, pairs, mask), xs));
    b0 = f32x4.add(b0, f32x4.mul(highHalves(isBrain, pairs, mask), xs));
    pairs = v128.load(w, 16);
    xs = lane1(v);
    a1 = f32x4.add(a1, f32x4.mul(lowHalves(isBrain, pairs, mask), xs));
    b1 = f32x4.add(b1, f32x4.mul(highHalves(isBrain, pairs, mask), xs));
    pairs = v128.load(w, 32);
    xs = lane2(v);
    a2 = f32x4.add(a2, f32x4.mul(lowHalves(isBrain, pairs, mask), xs));
    b2 = f32x4.add(b2, f32x4.mul(highHalves(isBrain, pairs, mask), xs));
    pairs = v128.load(w, 48);
    xs = lane3(v);
    a3 = f32x4.add(a3, f32x4.mul(lowHalves(isBrain, pairs, mask), xs));
    b3 = f32x4.add(b3, f32x4.mul(highHalves(isBrain, pairs, mask), xs));
    w += 64;
    x += 16;
  } while (x < end);
  put(y, f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), isAdding);
  put(y + 16, f32x4.add(f32x4.add(b0, b1), f32x4.add(b2, b3)), isAdding);
}

/** One row of activations times one f16 group, in the order of `gemvFloat`. */
export function gemvHalf(w: usize, x: usize, y: usize, cols: usize, isAdding: bool): void {
  gemv16(false, w, x, y, cols, isAdding);
}
export function gemvBrain(w: usize, x: usize, y: usize, cols: usize, isAdding: bool): void {
  gemv16(true, w, x, y, cols, isAdding);
}

/** One f16 or bf16 group as f32, `cols` columns. */
export function unpackHalf(isBrain: bool, w: usize, to: usize, cols: usize): void {
  const mask = maskOf(isBrain);
  const end = to + cols * 32;
  do {
    const pairs = v128.load(w);
    v128.store(to, lowHalves(isBrain, pairs, mask));
    v128.store(to, highHalves(isBrain, pairs, mask), 16);
    w += 16;
    to += 32;
  } while (to < end);
}
