/**
 * Who is served next: bands strictly by priority; within a band the key that was given the fewest tokens so far; within a key
 * in order of arrival (virtual token counters, "Fairness in Serving Large Language Models", arXiv 2401.00588). Pure; no clock.
 */

/** Bands of priority, the first is served first. */
export const BANDS = ["high", "normal", "low"] as const;

/** A band. */
export type Band = (typeof BANDS)[number];

/** What waits. */
export interface Waiter {
  readonly key: string;
  readonly band: Band;
  /** Estimated tokens. */
  readonly tokens: number;
}

/** A line of waiters. */
export interface WaitingLine<W extends Waiter> {
  readonly size: number;
  /** Waiters of a key. */
  sizeOf(key: string): number;
  /** Tokens of those who will be served before a newcomer of this band. */
  tokensAhead(band: Band): number;
  add(waiter: W): void;
  /** False if it does not wait any more. */
  remove(waiter: W): boolean;
  /** Who is next; stays in the line. */
  next(): W | undefined;
  /** The newest waiter of a band: who has to go first. */
  lastOf(band: Band): W | undefined;
  /** The newest waiter of the lowest band below `band`: who makes room for a more important one. */
  lastBelow(band: Band): W | undefined;
  /** Counts tokens given to a key; negative gives back. A key that was away has saved nothing up. */
  charge(key: string, tokens: number): void;
  all(): readonly W[];
}

/** Creates an empty line; at most `maxKeys` counters are kept. */
export function createWaitingLine<W extends Waiter>(maxKeys: number): WaitingLine<W> {
  const bands: Readonly<Record<Band, W[]>> = { high: [], normal: [], low: [] };
  const given = new Map<string, number>();
  const all = (): W[] => BANDS.flatMap((band) => bands[band]);
  const least = (keys: Iterable<string>): number => {
    let smallest = Number.POSITIVE_INFINITY;
    for (const key of keys) smallest = Math.min(smallest, given.get(key) ?? 0);
    return Number.isFinite(smallest) ? smallest : 0;
  };
  return {
    get size() {
      return BANDS.reduce((sum, band) => sum + bands[band].length, 0);
    },
    sizeOf: (key) => all().filter((waiter) => waiter.key === key).length,
    tokensAhead: (band) =>
      BANDS.slice(0, BANDS.indexOf(band) + 1)
        .flatMap((one) => bands[one])
        .reduce((sum, { tokens }) => sum + tokens, 0),
    add(waiter) {
      const isNew = !all().some(({ key }) => key === waiter.key);
      if (isNew && this.size > 0) {
        const floor = least(all().map(({ key }) => key));
        given.set(waiter.key, Math.max(given.get(waiter.key) ?? 0, floor));
      }
      bands[waiter.band].push(waiter);
    },
    remove(waiter) {
      const band = bands[waiter.band];
      const at = band.indexOf(waiter);
      if (at >= 0) band.splice(at, 1);
      return at >= 0;
    },
    next() {
      const band = BANDS.map((one) => bands[one]).find((waiters) => waiters.length > 0) ?? [];
      let first: W | undefined;
      for (const waiter of band) {
        if (!first || (given.get(waiter.key) ?? 0) < (given.get(first.key) ?? 0)) first = waiter;
      }
      return first;
    },
    lastOf: (band) => bands[band].at(-1),
    lastBelow(band) {
      const below = BANDS.slice(BANDS.indexOf(band) + 1).toReversed();
      return below.map((one) => bands[one].at(-1)).find((waiter) => waiter !== undefined);
    },
    charge(key, tokens) {
      const before = given.get(key) ?? 0;
      given.delete(key);
      given.set(key, Math.max(0, before + tokens));
      // The longest unused counter goes first.
      for (const old of given.keys()) {
        if (given.size <= maxKeys) break;
        given.delete(old);
      }
    },
    all,
  };
}
