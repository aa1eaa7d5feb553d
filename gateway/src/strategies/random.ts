/**
 * Counter-based random numbers: the n-th draw is a hash of (seed, n), so a search can be told again from its seed, in one
 * process or five. Source: the 32-bit finalizer of MurmurHash3, two rounds with different keys. Cost: 20 integer
 * operations a draw.
 */

/** A source of uniform numbers in [0, 1). */
export interface Random {
  /** The next number. */
  uniform(): number;
}

const GOLDEN = 0x9e3779b9;
const LOW_BITS = 0xffffffffn;
/** 53 bits of a double: 27 high and 26 low ones. */
const HIGH_SHIFT = 5;
const LOW_SHIFT = 6;
const LOW_RANGE = 2 ** 26;
const RANGE = 2 ** 53;

/** Creates the source of one search. */
export function createRandom(seed: bigint): Random {
  const low = mix(Number(seed & LOW_BITS) ^ GOLDEN);
  const high = mix(Number((seed >> 32n) & LOW_BITS) ^ low);
  let counter = 0;
  return {
    uniform() {
      const at = Math.imul(++counter, GOLDEN);
      const first = mix(at ^ low);
      const second = mix(mix(at ^ high) ^ first);
      return ((first >>> HIGH_SHIFT) * LOW_RANGE + (second >>> LOW_SHIFT)) / RANGE;
    },
  };
}

/** An index drawn with probability proportional to `weights`; they need not sum to 1. */
export function drawIndex(random: Random, weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let rest = random.uniform() * total;
  for (const [index, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0) return index;
  }
  return weights.findLastIndex((weight) => weight > 0);
}

/** A standard normal number, by Box and Muller; takes two draws. */
export function drawNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return radius * Math.cos(2 * Math.PI * random.uniform());
}

function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
