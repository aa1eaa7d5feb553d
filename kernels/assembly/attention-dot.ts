/**
 * The one inner product of attention: two streams of 8 quantized numbers (4 lanes x 2) meet up to four broadcast pairs.
 * Keys: 4 tokens x 2 dims against query pairs; values: 4 dims x 2 tokens against probability pairs. 16 steps.
 *
 *   data    i8 or i16; keys: 8 numbers a step, second stream 128 numbers further; values: 16 a step, second 8 further
 *   pairs   step s: vector i at pairs + s·64 + i·16
 *   out     i32x4 sums: vector i at out + i·32 (first stream), + 16 (second)
 *
 * Bounds of the i32 sums over 32 products: int8 32·127·32767 < 2^27; int16 32·8191·8191 = 2146959392 < 2^31.
 */

// Step 0 and step 1 of both streams, at immediate offsets: `isKey` and T are constants where they are used.
// @ts-ignore: decorator
@inline
function first<T>(data: usize): v128 {
  return sizeof<T>() == 1 ? v128.load_ext<i8>(data) : v128.load(data);
}
// @ts-ignore: decorator
@inline
function second<T>(isKey: bool, data: usize): v128 {
  if (sizeof<T>() == 1) return isKey ? v128.load_ext<i8>(data, 128) : v128.load_ext<i8>(data, 8);
  return isKey ? v128.load(data, 256) : v128.load(data, 16);
}
// @ts-ignore: decorator
@inline
function nextFirst<T>(isKey: bool, data: usize): v128 {
  if (sizeof<T>() == 1) return isKey ? v128.load_ext<i8>(data, 8) : v128.load_ext<i8>(data, 16);
  return isKey ? v128.load(data, 16) : v128.load(data, 32);
}
// @ts-ignore: decorator
@inline
function nextSecond<T>(isKey: bool, data: usize): v128 {
  if (sizeof<T>() == 1) return isKey ? v128.load_ext<i8>(data, 136) : v128.load_ext<i8>(data, 24);
  return isKey ? v128.load(data, 272) : v128.load(data, 48);
}

// @ts-ignore: decorator
@inline
function mac(acc: v128, data: v128, pair: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(data, pair));
}

/** `count` vectors, a constant where it is called, so that the unused ones vanish. */
// @ts-ignore: decorator
@inline
function sums<T>(count: i32, isKey: bool, data: usize, pairs: usize, out: usize): void {
  const step: usize = (isKey ? 16 : 32) * sizeof<T>();
  let a0 = i32x4.splat(0);
  let a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  const end = pairs + 1024;
  do {
    let x = first<T>(data);
    let y = second<T>(isKey, data);
    let p = v128.load(pairs);
    a0 = mac(a0, x, p);
    a1 = mac(a1, y, p);
    if (count > 1) {
      p = v128.load(pairs, 16);
      b0 = mac(b0, x, p);
      b1 = mac(b1, y, p);
    }
    if (count > 2) {
      p = v128.load(pairs, 32);
      c0 = mac(c0, x, p);
      c1 = mac(c1, y, p);
    }
    if (count > 3) {
      p = v128.load(pairs, 48);
      d0 = mac(d0, x, p);
      d1 = mac(d1, y, p);
    }
    x = nextFirst<T>(isKey, data);
    y = nextSecond<T>(isKey, data);
    p = v128.load(pairs, 64);
    a0 = mac(a0, x, p);
    a1 = mac(a1, y, p);
    if (count > 1) {
      p = v128.load(pairs, 80);
      b0 = mac(b0, x, p);
      b1 = mac(b1, y, p);
    }
    if (count > 2) {
      p = v128.load(pairs, 96);
      c0 = mac(c0, x, p);
      c1 = mac(c1, y, p);
    }
    if (count > 3) {
      p = v128.load(pairs, 112);
      d0 = mac(d0, x, p);
      d1 = mac(d1, y, p);
    }
    data += step;
    pairs += 128;
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

function keys1<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(1, true, data, pairs, out);
}
function values1<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(1, false, data, pairs, out);
}
function keys2<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(2, true, data, pairs, out);
}
function values2<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(2, false, data, pairs, out);
}
function keys3<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(3, true, data, pairs, out);
}
function values3<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(3, false, data, pairs, out);
}
function keys4<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(4, true, data, pairs, out);
}
function values4<T>(data: usize, pairs: usize, out: usize): void {
  sums<T>(4, false, data, pairs, out);
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
