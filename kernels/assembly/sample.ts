/**
 * The sampler's passes over one row of logits (f32 [count], any count), on the calling thread. ../src/sample.ts orders
 * them. A masked token counts as -inf. Weights are e = e^((z - largest)·inverse temperature).
 *
 *   keep      e ≥ `least`, and z > `cut` or (z = `cut` and id ≤ `cutId`): every filter is a prefix of the order
 *             (value descending, id ascending), so one cut describes top-k and top-p together
 *   blocks    f64 mass of each 256 ids, at SCRATCH: a draw finds its block, then its id, in ascending id order
 */
import { HISTOGRAM, HISTOGRAM_BINS, SCRATCH, SPILL } from "./layout";
import { constant, C_LANES, exp, constantsTable } from "./math";
import { NEGATIVE_INFINITY, take } from "./sample-scan";

/** Ids of a block. */
export const BLOCK: u32 = 256;
/** Bins of 1/32 nat up to 16 nats below the largest, then one for the rest. */
const BINS_PER_NAT: f32 = 32;
const LAST_BIN: i32 = HISTOGRAM_BINS - 1;
const MASSES: usize = HISTOGRAM + 2056;

// @ts-ignore: decorator
@inline
function weigh(z: v128, top: f32, inverse: f32): v128 {
  return exp(f32x4.mul(f32x4.sub(z, f32x4.splat(top)), f32x4.splat(inverse)), constantsTable());
}

/** Weights of four logits, 0 where not kept. */
// @ts-ignore: decorator
@inline
function keptWeights(z: v128, i: u32, top: f32, inverse: f32, least: f32, cut: f32, cutId: u32): v128 {
  const e = weigh(z, top, inverse);
  const ids = i32x4.add(i32x4.splat(i), constant(C_LANES));
  const atCut = v128.and(f32x4.eq(z, f32x4.splat(cut)), i32x4.le_u(ids, i32x4.splat(cutId)));
  const keep = v128.and(v128.or(f32x4.gt(z, f32x4.splat(cut)), atCut), f32x4.ge(e, f32x4.splat(least)));
  return v128.and(e, keep);
}

/** Σ of the weights of a block that keeps all, lane by lane. */
function wholeBlock(at: usize, top: f32, inverse: f32): v128 {
  const table = constantsTable();
  const tops = f32x4.splat(top);
  const inverses = f32x4.splat(inverse);
  const end = at + (<usize>BLOCK << 2);
  let sum = f32x4.splat(0);
  for (; at < end; at += 32) {
    sum = f32x4.add(sum, exp(f32x4.mul(f32x4.sub(v128.load(at), tops), inverses), table));
    sum = f32x4.add(sum, exp(f32x4.mul(f32x4.sub(v128.load(at, 16), tops), inverses), table));
  }
  return sum;
}

/** Σ of the kept weights of the block whose first id is `first`; see `mass`. */
export function blockMass(
  logits: usize, count: u32, mask: usize, top: f32, inverse: f32, least: f32, cut: f32, cutId: u32, floor: f32,
  first: u32,
): f64 {
  const lowest = f32x4.splat(floor);
  const end = min(first + BLOCK, count);
  const isWhole = !mask && least == 0 && cut == NEGATIVE_INFINITY && end - first == BLOCK;
  let sum = isWhole ? wholeBlock(logits + (<usize>first << 2), top, inverse) : f32x4.splat(0);
  for (let i = isWhole ? end : first; i < end; i += 4) {
    const z = take(logits, count, mask, i);
    if (!v128.any_true(f32x4.ge(z, lowest))) continue;
    sum = f32x4.add(sum, keptWeights(z, i, top, inverse, least, cut, cutId));
  }
  const low = <f64>f32x4.extract_lane(sum, 0) + <f64>f32x4.extract_lane(sum, 1);
  const high = <f64>f32x4.extract_lane(sum, 2) + <f64>f32x4.extract_lane(sum, 3);
  return low + high;
}

/**
 * Σ of the kept weights; leaves the mass of each block at SCRATCH. Logits below `floor` are known not to be kept:
 * four of them cost a comparison instead of an exponential.
 */
export function mass(
  logits: usize, count: u32, mask: usize, top: f32, inverse: f32, least: f32, cut: f32, cutId: u32, floor: f32,
): f64 {
  let total: f64 = 0;
  let to: usize = SCRATCH;
  for (let first: u32 = 0; first < count; first += BLOCK, to += 8) {
    const part = blockMass(logits, count, mask, top, inverse, least, cut, cutId, floor, first);
    store<f64>(to, part);
    total += part;
  }
  return total;
}

/** The id at which the running sum of kept weights passes `target`; call after `mass` with the same arguments. */
export function draw(
  logits: usize, count: u32, mask: usize, top: f32, inverse: f32, least: f32, cut: f32, cutId: u32, target: f64,
): i32 {
  const blocks = (count + BLOCK - 1) / BLOCK;
  let block: u32 = 0;
  let sum: f64 = 0;
  let last = -1; // last block with mass: rounding may leave the target beyond the end
  for (; block < blocks; block++) {
    const part = load<f64>(SCRATCH + (<usize>block << 3));
    if (part > 0) last = block;
    if (sum + part > target) break;
    sum += part;
  }
  if (last < 0) return -1;
  const first = <u32>last * BLOCK;
  if (block == blocks) sum = -Infinity;
  let id = -1;
  for (let i = first; i < min(first + BLOCK, count); i++) {
    const z = take(logits, count, mask, i & ~3);
    const e = keptWeights(z, i & ~3, top, inverse, least, cut, cutId);
    v128.store(SPILL, e);
    const weight = load<f32>(SPILL + ((<usize>i & 3) << 2));
    if (weight > 0) id = i;
    sum += weight;
    if (sum > target) return id;
  }
  return id;
}

/** Counts (u32) and masses (f64) of the logits by distance from the largest. */
export function fillBins(logits: usize, count: u32, mask: usize, top: f32, inverse: f32): void {
  memory.fill(HISTOGRAM, 0, MASSES - HISTOGRAM + HISTOGRAM_BINS * 8);
  let restCount = 0;
  let rest: f64 = 0;
  const far = f32x4.splat(<f32>LAST_BIN);
  for (let i: u32 = 0; i < count; i += 4) {
    const z = take(logits, count, mask, i);
    const distance = binDistance(z, top, inverse);
    const finite = i32x4.bitmask(f32x4.gt(z, f32x4.splat(NEGATIVE_INFINITY)));
    if (!finite) continue;
    const e = weigh(z, top, inverse);
    const near = i32x4.bitmask(f32x4.lt(distance, far));
    if (near & 1) count1(f32x4.extract_lane(distance, 0), f32x4.extract_lane(e, 0));
    if (near & 2) count1(f32x4.extract_lane(distance, 1), f32x4.extract_lane(e, 1));
    if (near & 4) count1(f32x4.extract_lane(distance, 2), f32x4.extract_lane(e, 2));
    if (near & 8) count1(f32x4.extract_lane(distance, 3), f32x4.extract_lane(e, 3));
    if (near == 15) continue;
    const others = v128.and(e, f32x4.ge(distance, far));
    rest += <f64>f32x4.extract_lane(others, 0) + <f64>f32x4.extract_lane(others, 1);
    rest += <f64>f32x4.extract_lane(others, 2) + <f64>f32x4.extract_lane(others, 3);
    restCount += popcnt(finite & ~near);
  }
  store<u32>(HISTOGRAM + LAST_BIN * 4, restCount);
  store<f64>(MASSES + LAST_BIN * 8, rest);
}

// @ts-ignore: decorator
@inline
export function binDistance(z: v128, top: f32, inverse: f32): v128 {
  return f32x4.mul(f32x4.sub(f32x4.splat(top), z), f32x4.splat(inverse * BINS_PER_NAT));
}

// @ts-ignore: decorator
@inline
function count1(distance: f32, weight: f32): void {
  const bin = <usize>(<i32>distance);
  store<u32>(HISTOGRAM + bin * 4, load<u32>(HISTOGRAM + bin * 4) + 1);
  store<f64>(MASSES + bin * 8, load<f64>(MASSES + bin * 8) + <f64>weight);
}
