/**
 * The one inner product of attention: two streams of 8 quantized numbers (4 lanes x 2) meet up to four broadcast pairs.
 * Keys: 4 tokens x 2 dims against query pairs; values: 4 dims x 2 tokens against probability pairs. 16 steps.
 *
 *   data    step s: first stream at data + s·step, second `second` bytes further (i8 or i16)
 *   pairs   step s: vector i at pairs + s·64 + i·16
 *   out     i32x4 sums: vector i at out + i·32 (first stream), + 16 (second)
 *
 * Bounds of the i32 sums over 32 products: int8 32·127·32767 < 2^27; int16 32·8191·8191 = 2146959392 < 2^31.
 */

// @ts-ignore: decorator
@inline
function take<T>(at: usize): v128 {
  if (sizeof<T>() == 1) return v128.load_ext<i8>(at);
  return v128.load(at);
}

// @ts-ignore: decorator
@inline
function mac(acc: v128, data: v128, pair: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(data, pair));
}

/** `count` vectors, a constant where it is called, so that the unused ones vanish. */
// @ts-ignore: decorator
@inline
function sums<T>(count: i32, data: usize, second: usize, step: usize, pairs: usize, out: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  const end = pairs + 1024;
  do {
    const first = take<T>(data);
    const other = take<T>(data + second);
    const p = v128.load(pairs);
    a0 = mac(a0, first, p);
    a1 = mac(a1, other, p);
    if (count > 1) {
      const q = v128.load(pairs, 16);
      b0 = mac(b0, first, q);
      b1 = mac(b1, other, q);
    }
    if (count > 2) {
      const r = v128.load(pairs, 32);
      c0 = mac(c0, first, r);
      c1 = mac(c1, other, r);
    }
    if (count > 3) {
      const s = v128.load(pairs, 48);
      d0 = mac(d0, first, s);
      d1 = mac(d1, other, s);
    }
    data += step;
    pairs += 64;
  } while (pairs < end);
  v128.store(out, a0);
  v128.store(out, a1, 16);
  if (count > 1) {
    v128.store(out, b0, 32);
    v128.store(out, b1, 48);
  }
  if (count > 2) {
    v128.store(out, c0, 64);
    v128.store(out, c1, 80);
  }
  if (count > 3) {
    v128.store(out, d0, 96);
    v128.store(out, d1, 112);
  }
}

// The strides are constants too: keys advance 8 numbers a step (streams are 4 tokens apart), values 16.
function keys1<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(1, data, 128 * sizeof<T>(), 8 * sizeof<T>(), pairs, out);
}
function keys2<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(2, data, 128 * sizeof<T>(), 8 * sizeof<T>(), pairs, out);
}
function keys3<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(3, data, 128 * sizeof<T>(), 8 * sizeof<T>(), pairs, out);
}
function keys4<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(4, data, 128 * sizeof<T>(), 8 * sizeof<T>(), pairs, out);
}
function values1<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(1, data, 8 * sizeof<T>(), 16 * sizeof<T>(), pairs, out);
}
function values2<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(2, data, 8 * sizeof<T>(), 16 * sizeof<T>(), pairs, out);
}
function values3<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(3, data, 8 * sizeof<T>(), 16 * sizeof<T>(), pairs, out);
}
function values4<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(4, data, 8 * sizeof<T>(), 16 * sizeof<T>(), pairs, out);
}

/** 8 tokens of one block of 32 dims against `count` queries. */
export function keySums<T>(count: i32, data: usize, pairs: usize, out: usize): void {
  if (count == 1) keys1<T>(data, pairs, out);
  else if (count == 2) keys2<T>(data, pairs, out);
  else if (count == 3) keys3<T>(data, pairs, out);
  else keys4<T>(data, pairs, out);
}

/** 8 dims over the 32 tokens of one page against `count` rows of probabilities. */
export function valueSums<T>(count: i32, data: usize, pairs: usize, out: usize): void {
  if (count == 1) values1<T>(data, pairs, out);
  else if (count == 2) values2<T>(data, pairs, out);
  else if (count == 3) values3<T>(data, pairs, out);
  else values4<T>(data, pairs, out);
}
