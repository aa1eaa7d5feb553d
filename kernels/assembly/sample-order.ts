/**
 * The sampler's ordering: one bin of logits sorted exactly, the most likely ids, and the counter-based noise.
 * A sort key is u64: (order-reversed bits of the logit) << 32 | id, so ascending keys are descending logits, ties by id.
 */
import { HISTOGRAM_BINS, SCRATCH, SPILL } from "./layout";
import { expOne } from "./math";
import { binDistance } from "./sample";
import { take } from "./sample-scan";

const LAST_BIN: i32 = HISTOGRAM_BINS - 1;
/** Philox 4x32: multipliers and key steps (Salmon et al. 2011). */
const MULTIPLIER_0: u64 = 0xd2511f53;
const MULTIPLIER_1: u64 = 0xcd9e8d57;
const KEY_STEP_0: u32 = 0x9e3779b9;
const KEY_STEP_1: u32 = 0xbb67ae85;
const ROUNDS = 10;

// @ts-ignore: decorator
@inline
function keyOf(z: f32, id: u32): u64 {
  const bits = reinterpret<u32>(z == 0 ? 0 : z);
  const ascending = bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
  return (<u64>~ascending << 32) | <u64>id;
}

// @ts-ignore: decorator
@inline
function logitOf(key: u64): f32 {
  const ascending = ~(<u32>(key >> 32));
  return reinterpret<f32>(ascending & 0x80000000 ? ascending ^ 0x80000000 : ~ascending);
}

// Behind the sampler's block masses.
const KEYS: usize = SCRATCH + 65536;

/** Sort keys of the allowed logits in `bin`, sorted, at KEYS; returns how many. */
export function sortBin(logits: usize, count: u32, mask: usize, top: f32, inverse: f32, bin: i32): u32 {
  const from = f32x4.splat(<f32>bin);
  const to = f32x4.splat(bin == LAST_BIN ? Infinity : <f32>(bin + 1));
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const z = take(logits, count, mask, i);
    const distance = binDistance(z, top, inverse);
    let hits = i32x4.bitmask(v128.and(f32x4.ge(distance, from), f32x4.lt(distance, to)));
    if (!hits) continue;
    v128.store(SPILL, z);
    for (; hits; hits &= hits - 1) {
      const lane = ctz(hits);
      store<u64>(KEYS + (<usize>found << 3), keyOf(load<f32>(SPILL + (<usize>lane << 2)), i + lane));
      found++;
    }
  }
  sortKeys(KEYS, found);
  return found;
}

/** Heap sort, ascending. */
function sortKeys(keys: usize, count: u32): void {
  for (let start = count >> 1; start > 0; start--) sift(keys, start - 1, count);
  for (let end = count; end > 1; end--) {
    const last = keys + (<usize>(end - 1) << 3);
    const key = load<u64>(last);
    store<u64>(last, load<u64>(keys));
    store<u64>(keys, key);
    sift(keys, 0, end - 1);
  }
}

function sift(keys: usize, root: u32, count: u32): void {
  const key = load<u64>(keys + (<usize>root << 3));
  while (true) {
    let child = root * 2 + 1;
    if (child >= count) break;
    let largest = load<u64>(keys + (<usize>child << 3));
    if (child + 1 < count) {
      const other = load<u64>(keys + (<usize>child << 3), 8);
      if (other > largest) {
        child++;
        largest = other;
      }
    }
    if (largest <= key) break;
    store<u64>(keys + (<usize>root << 3), largest);
    root = child;
  }
  store<u64>(keys + (<usize>root << 3), key);
}

export function sortedId(index: u32): u32 {
  return load<u32>(KEYS + (<usize>index << 3));
}

export function sortedLogit(index: u32): f32 {
  return logitOf(load<u64>(KEYS + (<usize>index << 3)));
}

/** e^x with the bits the other passes see. */
export function weightOf(z: f32, top: f32, inverse: f32): f32 {
  return expOne((z - top) * inverse);
}

/** The `limit` most likely finite logits as sort keys at KEYS, in order; returns how many. */
export function sortTop(logits: usize, count: u32, limit: u32): u32 {
  let found: u32 = 0;
  let least = <f32>-Infinity;
  for (let i: u32 = 0; i < count; i += 4) {
    const z = take(logits, count, 0, i);
    let hits = i32x4.bitmask(f32x4.gt(z, f32x4.splat(least)));
    if (!hits) continue;
    v128.store(SPILL, z);
    for (; hits; hits &= hits - 1) {
      const lane = ctz(hits);
      const value = load<f32>(SPILL + (<usize>lane << 2));
      if (!(value > least)) continue;
      insert(keyOf(value, i + lane), found);
      if (found < limit) found++;
      if (found == limit) least = logitOf(load<u64>(KEYS + (<usize>(limit - 1) << 3)));
    }
  }
  return found;
}

/** Puts a key among the `count` sorted ones at KEYS; the one pushed out lands behind them. */
function insert(key: u64, count: u32): void {
  let at = KEYS + (<usize>count << 3);
  while (at > KEYS && load<u64>(at - 8) > key) {
    store<u64>(at, load<u64>(at - 8));
    at -= 8;
  }
  store<u64>(at, key);
}

/** Philox 4x32-10: uniform in [0, 1) with 53 bits from a 64-bit key and a 96-bit counter. */
export function noise(k0: u32, k1: u32, c0: u32, c1: u32, c2: u32): f64 {
  let c3: u32 = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const a = MULTIPLIER_0 * <u64>c0;
    const b = MULTIPLIER_1 * <u64>c2;
    c0 = <u32>(b >> 32) ^ c1 ^ k0;
    c2 = <u32>(a >> 32) ^ c3 ^ k1;
    c1 = <u32>b;
    c3 = <u32>a;
    k0 += KEY_STEP_0;
    k1 += KEY_STEP_1;
  }
  const bits = ((<u64>c0 << 32) | <u64>c1) >> 11;
  return <f64>bits * 1.1102230246251565e-16;
}
