/**
 * Penalties and biases on one row of logits (f32 [count]), in place. Every id they touch has an entry in a hash table, which
 * also keeps its raw logit:
 *
 *   entry    u32 id + 1 (0 = free) | f32 raw logit | u32 seen in the history | u32 times seen from `answer` on
 *   logit'   (seen: logit / repetition if > 0, else logit · repetition) - frequency · times - presence (if times > 0) + biases
 *
 * The table lies at the end of the threads' scratch, which nobody uses between regions: at its beginning a filter sorts up to
 * the whole row (sample-order.ts). Runs on the calling thread. Cost: one probe an id, two passes over the touched entries.
 */
import { ARENA_START, SCRATCH } from "./layout";
import { BLOCK, blockMass } from "./sample";
import { NEGATIVE_INFINITY } from "./sample-scan";

/** One past the scratch of the last thread. */
const TABLE_END: usize = ARENA_START;
const ENTRY_BYTES: usize = 16;
/** Spreads ids over the table: 2^32 divided by the golden ratio. */
const SPREAD: u32 = 2654435769;

/** The first entry of a table; `bits` = log2 of the entries. */
// @ts-ignore: decorator
@inline
function tableOf(bits: u32): usize {
  return TABLE_END - (ENTRY_BYTES << bits);
}

/** The entry of an id, or the free one where it would be. */
// @ts-ignore: decorator
@inline
function entryOf(id: u32, bits: u32): usize {
  const last: u32 = (1 << bits) - 1;
  let slot: u32 = (id * SPREAD) >> (32 - bits);
  const entries = tableOf(bits);
  let at = entries + slot * ENTRY_BYTES;
  for (let key = load<u32>(at); key != 0 && key != id + 1; key = load<u32>(at)) {
    slot = (slot + 1) & last;
    at = entries + slot * ENTRY_BYTES;
  }
  return at;
}

/** The entry of an id, made if it is new. */
// @ts-ignore: decorator
@inline
function touch(logits: usize, id: u32, bits: u32): usize {
  const at = entryOf(id, bits);
  if (load<u32>(at) == 0) {
    store<u32>(at, id + 1);
    store<f32>(at, load<f32>(logits + (<usize>id << 2)), 4);
  }
  return at;
}

/**
 * `history` i32 [historyCount], of which frequency and presence count from index `answer` on; `biases` pairs {i32 id, f32
 * bias}. Ids outside of the row are passed over. The table needs more entries than there are different ids.
 */
export function adjust(
  logits: usize, count: u32, bits: u32, history: usize, historyCount: u32, answer: u32, repetition: f64, frequency: f64,
  presence: f64, biases: usize, biasCount: u32,
): void {
  const entries = tableOf(bits);
  memory.fill(entries, 0, TABLE_END - entries);
  for (let i: u32 = repetition == 1 ? answer : 0; i < historyCount; i++) {
    const id = load<u32>(history + (<usize>i << 2));
    if (id >= count) continue;
    const at = touch(logits, id, bits);
    store<u32>(at, 1, 8);
    if (i >= answer) store<u32>(at, load<u32>(at, 12) + 1, 12);
  }
  for (let at = entries; at < TABLE_END; at += ENTRY_BYTES) {
    if (!load<u32>(at, 8)) continue;
    const raw = <f64>load<f32>(at, 4);
    const times = load<u32>(at, 12);
    const scaled = raw > 0 ? raw / repetition : raw * repetition;
    const value = times ? scaled - frequency * <f64>times - presence : scaled;
    store<f32>(logits + (<usize>(load<u32>(at) - 1) << 2), <f32>value);
  }
  for (let i: u32 = 0; i < biasCount; i++) {
    const pair = biases + (<usize>i << 3);
    const id = load<u32>(pair);
    if (id >= count) continue;
    touch(logits, id, bits);
    const to = logits + (<usize>id << 2);
    store<f32>(to, <f32>(<f64>load<f32>(to) + <f64>load<f32>(pair, 4)));
  }
}

/** What the logit of an id was before `adjust`. */
export function rawLogit(logits: usize, id: u32, bits: u32): f32 {
  const at = entryOf(id, bits);
  return load<u32>(at) ? load<f32>(at, 4) : load<f32>(logits + (<usize>id << 2));
}

/** Puts the raw logits back that `adjust` changed. */
export function restore(logits: usize, bits: u32): void {
  for (let at = tableOf(bits); at < TABLE_END; at += ENTRY_BYTES) {
    const key = load<u32>(at);
    if (key) store<f32>(logits + (<usize>(key - 1) << 2), load<f32>(at, 4));
  }
}

/**
 * What `mass` says of the whole adjusted row at temperature 1, and leaves at SCRATCH, when the masses of the raw row with
 * the same `top` lie there: only blocks of touched ids are weighed again. Cost: 256 weights a touched id.
 */
export function massAdjusted(logits: usize, count: u32, bits: u32, top: f32): f64 {
  for (let at = tableOf(bits); at < TABLE_END; at += ENTRY_BYTES) {
    const key = load<u32>(at);
    if (!key) continue;
    const block = (key - 1) / BLOCK;
    const first = block * BLOCK;
    const none = NEGATIVE_INFINITY;
    const part = blockMass(logits, count, 0, top, 1, 0, none, u32.MAX_VALUE, none, first);
    store<f64>(SCRATCH + (<usize>block << 3), part);
  }
  const end: usize = SCRATCH + (<usize>((count + BLOCK - 1) / BLOCK) << 3);
  let total: f64 = 0;
  for (let at: usize = SCRATCH; at < end; at += 8) total += load<f64>(at);
  return total;
}
