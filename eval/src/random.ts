/** Seeded random numbers: the same seed gives the same problems on every machine. Source: splitmix32. */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** One of the entries. */
  pick<T>(entries: readonly T[]): T;
  /** The entries in random order. */
  shuffle<T>(entries: readonly T[]): T[];
}

/** Creates a stream from a seed (any whole number; 32 bits of it count). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  };
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    integer,
    pick(entries) {
      const entry = entries[integer(0, entries.length - 1)];
      if (entry === undefined) throw new RangeError("nothing to pick from");
      return entry;
    },
    shuffle(entries) {
      const shuffled = [...entries];
      for (let at = shuffled.length - 1; at > 0; at--) {
        const other = integer(0, at);
        [shuffled[at], shuffled[other]] = [shuffled[other]!, shuffled[at]!];
      }
      return shuffled;
    },
  };
}
