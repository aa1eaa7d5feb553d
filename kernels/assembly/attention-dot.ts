/**
 * The two inner products of attention: two streams of 8 quantized numbers (4 lanes x 2) meet up to four broadcast pairs.
 * Keys: 4 tokens x 2 dims against query pairs; values: 4 dims x 2 tokens against probability pairs. 16 steps.
 *
 *   data    i8 or i16; keys: 8 numbers a step, second stream 128 numbers further; values: 16 a step, second 8 further
 *   pairs   step s: vector i at pairs + s·64 + i·16
 *
 * Bounds of the i32 sums: keys, 32 products: int8 32·127·32767 < 2^27; int16 32·8191·8191 = 2146959392 < 2^31. Values:
 * int8, the 256 tokens of a segment: 256·127·32767 < 2^30; int16, the 32 of a page: as keys.
 * `count` and `isFirst` are constants where the inlined functions are used, so that what is unused vanishes.
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


/** Scores of 4 tokens += sums · key scale · query scale; those of the first block begin at 0. */
// @ts-ignore: decorator
@inline
function score(to: usize, sums: v128, scale: v128, isFirst: bool): void {
  const s = f32x4.mul(f32x4.convert_i32x4_s(sums), scale);
  v128.store(to, isFirst ? s : f32x4.add(v128.load(to), s));
}

/** The scores of 8 tokens against one query. */
// @ts-ignore: decorator
@inline
function score8(to: usize, a: v128, b: v128, scales: usize, query: v128, isFirst: bool): void {
  score(to, a, f32x4.mul(v128.load(scales), query), isFirst);
  score(to + 16, b, f32x4.mul(v128.load(scales, 16), query), isFirst);
}

/**
 * One block of 32 dims of the keys of `tokens` tokens, a multiple of 8: scores f32 [count][256] at `to`.
 * @param at offset of the block's records in a page
 * @param pairs the block of the queries; their scales are at `queryScales`, 16 bytes each
 */
// prettier-ignore
// @ts-ignore: decorator
@inline
function keys<T>(
  count: i32, table: usize, tokens: usize, at: usize, pairs: usize, queryScales: usize, to: usize, isFirst: bool,
): void {
  const toEnd = to + tokens * 4;
  const end = pairs + 1024;
  do {
    let data = <usize>load<u32>(table) + at;
    let scales = data + 1024 * sizeof<T>();
    const pageEnd = min(to + 128, toEnd);
    do {
      let a0 = i32x4.splat(0);
      let a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      let from = data;
      let pair = pairs;
      do {
        let x = first<T>(from), y = second<T>(true, from), p = v128.load(pair);
        a0 = mac(a0, x, p); a1 = mac(a1, y, p);
        if (count > 1) { p = v128.load(pair, 16); b0 = mac(b0, x, p); b1 = mac(b1, y, p); }
        if (count > 2) { p = v128.load(pair, 32); c0 = mac(c0, x, p); c1 = mac(c1, y, p); }
        if (count > 3) { p = v128.load(pair, 48); d0 = mac(d0, x, p); d1 = mac(d1, y, p); }
        x = nextFirst<T>(true, from); y = nextSecond<T>(true, from); p = v128.load(pair, 64);
        a0 = mac(a0, x, p); a1 = mac(a1, y, p);
        if (count > 1) { p = v128.load(pair, 80); b0 = mac(b0, x, p); b1 = mac(b1, y, p); }
        if (count > 2) { p = v128.load(pair, 96); c0 = mac(c0, x, p); c1 = mac(c1, y, p); }
        if (count > 3) { p = v128.load(pair, 112); d0 = mac(d0, x, p); d1 = mac(d1, y, p); }
        from += 16 * sizeof<T>();
        pair += 128;
      } while (pair < end);
      score8(to, a0, a1, scales, v128.load(queryScales), isFirst);
      if (count > 1) score8(to + 1024, b0, b1, scales, v128.load(queryScales, 16), isFirst);
      if (count > 2) score8(to + 2048, c0, c1, scales, v128.load(queryScales, 32), isFirst);
      if (count > 3) score8(to + 3072, d0, d1, scales, v128.load(queryScales, 48), isFirst);
      data += 256 * sizeof<T>();
      scales += 32;
      to += 32;
    } while (to < pageEnd);
    table += 4;
  } while (to < toEnd);
}

/** out += sums, 8 dims of one vector. */
// @ts-ignore: decorator
@inline
function addSums(out: usize, a: v128, b: v128): void {
  v128.store(out, f32x4.add(v128.load(out), f32x4.convert_i32x4_s(a)));
  v128.store(out, f32x4.add(v128.load(out, 16), f32x4.convert_i32x4_s(b)), 16);
}

/** 8 dims over the tokens of `pairs` … `pairsEnd`, within the bound of the sums: out f32 [count][8] += sums. */
// prettier-ignore
// @ts-ignore: decorator
@inline
function values<T>(count: i32, table: usize, at: usize, pairs: usize, pairsEnd: usize, out: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  do {
    let data = <usize>load<u32>(table) + at;
    const end = min(pairs + 1024, pairsEnd);
    do {
      let x = first<T>(data), y = second<T>(false, data), p = v128.load(pairs);
      a0 = mac(a0, x, p); a1 = mac(a1, y, p);
      if (count > 1) { p = v128.load(pairs, 16); b0 = mac(b0, x, p); b1 = mac(b1, y, p); }
      if (count > 2) { p = v128.load(pairs, 32); c0 = mac(c0, x, p); c1 = mac(c1, y, p); }
      if (count > 3) { p = v128.load(pairs, 48); d0 = mac(d0, x, p); d1 = mac(d1, y, p); }
      x = nextFirst<T>(false, data); y = nextSecond<T>(false, data); p = v128.load(pairs, 64);
      a0 = mac(a0, x, p); a1 = mac(a1, y, p);
      if (count > 1) { p = v128.load(pairs, 80); b0 = mac(b0, x, p); b1 = mac(b1, y, p); }
      if (count > 2) { p = v128.load(pairs, 96); c0 = mac(c0, x, p); c1 = mac(c1, y, p); }
      if (count > 3) { p = v128.load(pairs, 112); d0 = mac(d0, x, p); d1 = mac(d1, y, p); }
      data += 32 * sizeof<T>();
      pairs += 128;
    } while (pairs < end);
    table += 4;
  } while (pairs < pairsEnd);
  addSums(out, a0, a1);
  if (count > 1) addSums(out + 32, b0, b1);
  if (count > 2) addSums(out + 64, c0, c1);
  if (count > 3) addSums(out + 96, d0, d1);
}

function keys1<T>(table: usize, tokens: usize, at: usize, pairs: usize, scales: usize, to: usize, isFirst: bool): void {
  if (isFirst) keys<T>(1, table, tokens, at, pairs, scales, to, true);
  else keys<T>(1, table, tokens, at, pairs, scales, to, false);
}
function values1<T>(table: usize, at: usize, pairs: usize, end: usize, out: usize): void {
  values<T>(1, table, at, pairs, end, out);
}
function keys2<T>(table: usize, tokens: usize, at: usize, pairs: usize, scales: usize, to: usize, isFirst: bool): void {
  if (isFirst) keys<T>(2, table, tokens, at, pairs, scales, to, true);
  else keys<T>(2, table, tokens, at, pairs, scales, to, false);
}
function values2<T>(table: usize, at: usize, pairs: usize, end: usize, out: usize): void {
  values<T>(2, table, at, pairs, end, out);
}
function keys3<T>(table: usize, tokens: usize, at: usize, pairs: usize, scales: usize, to: usize, isFirst: bool): void {
  if (isFirst) keys<T>(3, table, tokens, at, pairs, scales, to, true);
  else keys<T>(3, table, tokens, at, pairs, scales, to, false);
}
function values3<T>(table: usize, at: usize, pairs: usize, end: usize, out: usize): void {
  values<T>(3, table, at, pairs, end, out);
}
function keys4<T>(table: usize, tokens: usize, at: usize, pairs: usize, scales: usize, to: usize, isFirst: bool): void {
  if (isFirst) keys<T>(4, table, tokens, at, pairs, scales, to, true);
  else keys<T>(4, table, tokens, at, pairs, scales, to, false);
}
function values4<T>(table: usize, at: usize, pairs: usize, end: usize, out: usize): void {
  values<T>(4, table, at, pairs, end, out);
}

/** `keys` for a `count` that is no constant. */
export function scoreKeys<T>(
  count: i32, table: usize, tokens: usize, at: usize, pairs: usize, scales: usize, to: usize, isFirst: bool,
): void {
  if (count == 1) keys1<T>(table, tokens, at, pairs, scales, to, isFirst);
  else if (count == 2) keys2<T>(table, tokens, at, pairs, scales, to, isFirst);
  else if (count == 3) keys3<T>(table, tokens, at, pairs, scales, to, isFirst);
  else keys4<T>(table, tokens, at, pairs, scales, to, isFirst);
}

/** `values` for a `count` that is no constant. */
export function addValues<T>(count: i32, table: usize, at: usize, pairs: usize, end: usize, out: usize): void {
  if (count == 1) values1<T>(table, at, pairs, end, out);
  else if (count == 2) values2<T>(table, at, pairs, end, out);
  else if (count == 3) values3<T>(table, at, pairs, end, out);
  else values4<T>(table, at, pairs, end, out);
}
