/**
 * Intervention programs: h += Σ_j c_j·g(U_j·h + b_j)·V_j, then the norm policy, then the proof from the rows as they
 * were and as they are. Records (u32 unless said):
 *
 *   operation  0 rank | 4 dim | 8 u | 12 v | 16 b | 20 gate | 24 norm policy | 28 f32 cap        32
 *   instance   0 operation | 4 coefficients | 8 proof | 12 next                                  16
 *   proof      0 rows | 4 f32 largest ‖h'-h‖/‖h‖ | 8 u64 sum of it in units of 2^-30             16
 *
 * The gate `turn` is of the whole operation: with a = (U_0·h, U_1·h), r = ‖a‖ and t = (b_0, b_1) of length 1 it moves a to
 * r·unit((1 − c_0)·a/r + c_0·t), along V; a third component acts as a test, U_2·h + b_2 > 0.
 *
 * Proof fields are added atomically and as integers, so they do not depend on threads. A row's ratio counts up to 65536.
 * dim is a multiple of 4, at most 16384; rank at most 256: Δ and the row before fit the scratch of a thread.
 */
import {
  GATE_CONSTANT,
  GATE_RELU,
  GATE_THRESHOLD,
  GATE_TURN,
  NORM_CAP,
  NORM_NONE,
  NORM_PRESERVE,
} from "./layout";
import { argument, sumLanes } from "./math";

const DELTA: usize = 0;
const BEFORE: usize = 65536;
const LARGEST_RATIO: f64 = 65536;
const UNIT: f64 = 1073741824;

/** Σ a·b over `bytes` bytes. */
function product(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(a + at), v128.load(b + at)));
  }
  return sumLanes(sum);
}

/** ‖a - b‖² */
function squaredDistance(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const d = f32x4.sub(v128.load(a + at), v128.load(b + at));
    sum = f32x4.add(sum, f32x4.mul(d, d));
  }
  return sumLanes(sum);
}

function gateOf(gate: i32, a: f32): f32 {
  if (gate == GATE_CONSTANT) return 1;
  if (gate == GATE_RELU) return a > 0 ? a : 0;
  if (gate == GATE_THRESHOLD) return a > 0 ? 1 : 0;
  return a;
}

function addScaled(delta: usize, factor: f32, row: usize, bytes: usize): void {
  const f = f32x4.splat(factor);
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(delta + at, f32x4.add(v128.load(delta + at), f32x4.mul(f, v128.load(row + at))));
  }
}

/** Δ of a turn: nothing where the test fails, or where the row has no part in the plane or is opposite to half-way. */
function turn(operation: usize, coefficients: usize, x: usize, bytes: usize, delta: usize): void {
  const u = <usize>load<u32>(operation, 8);
  const v = <usize>load<u32>(operation, 12);
  const b = <usize>load<u32>(operation, 16);
  if (load<u32>(operation) > 2 && product(u + 2 * bytes, x, bytes) + load<f32>(b, 8) <= 0) return;
  const c = load<f32>(coefficients);
  const a0 = product(u, x, bytes);
  const a1 = product(u + bytes, x, bytes);
  const r = sqrt<f32>(a0 * a0 + a1 * a1);
  if (r == 0) return;
  const p0 = (<f32>1 - c) * (a0 / r) + c * load<f32>(b);
  const p1 = (<f32>1 - c) * (a1 / r) + c * load<f32>(b, 4);
  const length = sqrt<f32>(p0 * p0 + p1 * p1);
  if (length < 1e-6) return;
  addScaled(delta, r * (p0 / length) - a0, v, bytes);
  addScaled(delta, r * (p1 / length) - a1, v + bytes, bytes);
}

/** Δ of one operation into scratch. */
function computeDelta(operation: usize, coefficients: usize, x: usize, bytes: usize, delta: usize): void {
  const rank = <usize>load<u32>(operation);
  const u = <usize>load<u32>(operation, 8);
  const v = <usize>load<u32>(operation, 12);
  const b = <usize>load<u32>(operation, 16);
  const gate = load<i32>(operation, 20);
  memory.fill(delta, 0, bytes);
  if (gate == GATE_TURN) return turn(operation, coefficients, x, bytes, delta);
  for (let j: usize = 0; j < rank; j++) {
    let a: f32 = gate == GATE_CONSTANT ? 0 : product(u + j * bytes, x, bytes);
    if (b) a += load<f32>(b + j * 4);
    addScaled(delta, load<f32>(coefficients + j * 4) * gateOf(gate, a), v + j * bytes, bytes);
  }
}

function scaleBy(x: usize, factor: f32, bytes: usize): void {
  const f = f32x4.splat(factor);
  for (let at: usize = 0; at < bytes; at += 16) v128.store(x + at, f32x4.mul(v128.load(x + at), f));
}

/** Adds Δ under the norm policy; `squared` = ‖h‖². */
function addDelta(operation: usize, x: usize, delta: usize, squared: f32, bytes: usize): void {
  const policy = load<i32>(operation, 24);
  if (policy == NORM_CAP) {
    const limit = load<f32>(operation, 28) * sqrt<f32>(squared);
    const size = sqrt<f32>(product(delta, delta, bytes));
    if (size > limit) scaleBy(delta, limit / size, bytes);
  }
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(x + at, f32x4.add(v128.load(x + at), v128.load(delta + at)));
  }
  if (policy == NORM_NONE || policy != NORM_PRESERVE) return;
  const after = product(x, x, bytes);
  if (after > 0) scaleBy(x, sqrt<f32>(squared / after), bytes);
}

/** Counts the row: ‖after - before‖ / ‖before‖. */
function prove(proof: usize, squaredBefore: f32, squaredChange: f32): void {
  let ratio: f64 = 0;
  if (squaredChange > 0)
    ratio = squaredBefore > 0 ? sqrt<f64>(<f64>squaredChange / <f64>squaredBefore) : LARGEST_RATIO;
  if (!(ratio < LARGEST_RATIO)) ratio = LARGEST_RATIO;
  atomic.add<u32>(proof, 1);
  atomic.add<u64>(proof, <u64>nearest<f64>(ratio * UNIT), 8);
  // Non-negative floats order like their bits.
  const bits = reinterpret<u32>(<f32>ratio);
  let seen = atomic.load<u32>(proof, 4);
  while (seen < bits) {
    const found = atomic.cmpxchg<u32>(proof, seen, bits, 4);
    if (found == seen) return;
    seen = found;
  }
}

function applyInstance(instance: usize, x: usize, scratch: usize): void {
  const operation = <usize>load<u32>(instance);
  const proof = <usize>load<u32>(instance, 8);
  const bytes = <usize>load<u32>(operation, 4) * 4;
  const delta = scratch + DELTA;
  const before = scratch + BEFORE;
  memory.copy(before, x, bytes);
  const squared = product(x, x, bytes);
  computeDelta(operation, load<u32>(instance, 4), x, bytes, delta);
  addDelta(operation, x, delta, squared, bytes);
  if (proof) prove(proof, squared, squaredDistance(x, before, bytes));
}

/** Arguments: x, row stride in bytes, rows, instances, rows a chunk. `scratch` holds 128 KiB. */
export function programsChunk(chunk: usize, scratch: usize): void {
  const from = chunk * argument(4);
  const to = min(from + argument(4), argument(2));
  for (let row = from; row < to; row++) {
    const x = argument(0) + row * argument(1);
    let instance = <usize>load<u32>(argument(3) + row * 4);
    for (; instance; instance = load<u32>(instance, 12)) applyInstance(instance, x, scratch);
  }
}
