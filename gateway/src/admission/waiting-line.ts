/**
 * Who is served next: bands strictly by priority; within a band the key that was given the fewest tokens so far; within a key
 * those in a hurry and those with time in turns, and each of them in order of arrival (virtual token counters, "Fairness in Serving
 * Large Language Models", arXiv 2401.00588). So a long line of one key, or of clients with time, makes nobody else wait. Pure; no
 * clock. A newcomer costs a pass over the line.
 */

/** Bands of priority, the first is served first. */
export const BANDS = ["high", "normal", "low"] as const;

/** A band. */
export type Band = (typeof BANDS)[number];

/** Where somebody stands in the line. */
export interface Stand {
  readonly key: string;
  readonly band: Band;
  /** Whether it said that it has time: it may stand in the line for longer. */
  readonly hasTime: boolean;
}

/** What waits. */
export interface Waiter extends Stand {
  /** Estimated tokens. */
  readonly tokens: number;
}

/** Tokens given to a key, and to each part of its line. */
interface Given {
  all: number;
  readonly parts: [hurried: number, withTime: number];
}

/** A line of waiters. */
export interface WaitingLine<W extends Waiter> {
  readonly size: number;
  /** Waiters of a key. */
  sizeOf(key: string): number;
  /** Tokens of those who will be served before a newcomer who stands there. */
  tokensAhead(stand: Stand): number;
  add(waiter: W): void;
  /** False if it does not wait any more. */
  remove(waiter: W): boolean;
  /** Who is next; stays in the line. */
  next(): W | undefined;
  /** The newest waiter of the lowest band below `band`: who makes room for a more important one. */
  lastBelow(band: Band): W | undefined;
  /** Counts tokens given to a key; negative gives back. A key that was away has saved nothing up. */
  charge(stand: Stand, tokens: number): void;
  all(): readonly W[];
}

const partOf = ({ hasTime }: Stand): 0 | 1 => (hasTime ? 1 : 0);
/** The parts with one of them changed: the one that somebody stands in. */
const withPart = ([hurried, withTime]: Given["parts"], stand: Stand, tokens: number): Given["parts"] =>
  stand.hasTime ? [hurried, tokens] : [tokens, withTime];
const sumOf = (waiters: readonly Waiter[]): number => waiters.reduce((sum, { tokens }) => sum + tokens, 0);

/** Creates an empty line; at most `maxKeys` counters are kept. */
export function createWaitingLine<W extends Waiter>(maxKeys: number): WaitingLine<W> {
  const bands: Readonly<Record<Band, W[]>> = { high: [], normal: [], low: [] };
  const counters = new Map<string, Given>();
  /** What the key that was served last had been given before. */
  let lastServed = 0;
  const all = (): W[] => BANDS.flatMap((band) => bands[band]);
  const givenTo = (key: string): Given => counters.get(key) ?? { all: 0, parts: [0, 0] };
  const allGiven = (key: string): number => givenTo(key).all;
  /** What the key of a newcomer counts as given to, and so each part of its line. */
  const asNewcomer = (stand: Stand): Given => {
    const given = givenTo(stand.key);
    const waiters = all();
    const mates = waiters.filter(({ key }) => key === stand.key);
    const most = Math.max(...given.parts);
    // A key that was away has saved nothing up: it counts as given to as much as who got least of those who wait.
    if (mates.length === 0) {
      const least = waiters.length === 0 ? lastServed : Math.min(...waiters.map(({ key }) => allGiven(key)));
      return { all: Math.max(given.all, least), parts: [most, most] };
    }
    if (mates.some((mate) => partOf(mate) === partOf(stand))) return given;
    // Only the other part of its line waits: the one that nobody stood in has saved nothing up, either.
    return { all: given.all, parts: withPart(given.parts, stand, most) };
  };
  const comesBefore = (a: W, b: W): boolean => {
    const [given, other] = [givenTo(a.key), givenTo(b.key)];
    if (a.key !== b.key) return given.all < other.all;
    return given.parts[partOf(a)] < given.parts[partOf(b)];
  };
  return {
    get size() {
      return BANDS.reduce((sum, band) => sum + bands[band].length, 0);
    },
    sizeOf: (key) => all().filter((waiter) => waiter.key === key).length,
    tokensAhead(stand) {
      const above = BANDS.slice(0, BANDS.indexOf(stand.band)).flatMap((band) => bands[band]);
      const byKey = Map.groupBy(bands[stand.band], ({ key }) => key);
      // By the time of its band, what stands above has been given to its keys.
      const later = (key: string, { all: whole, parts }: Given): Given => {
        const own = above.filter((waiter) => waiter.key === key);
        const ofPart = (part: number): number => sumOf(own.filter((waiter) => partOf(waiter) === part));
        return { all: whole + sumOf(own), parts: [parts[0] + ofPart(0), parts[1] + ofPart(1)] };
      };
      const mine = later(stand.key, asNewcomer(stand));
      return sumOf(above) + tokensBefore(stand, mine, byKey, (key) => later(key, givenTo(key)));
    },
    add(waiter) {
      counters.set(waiter.key, asNewcomer(waiter));
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
      for (const waiter of band) if (!first || comesBefore(waiter, first)) first = waiter;
      return first;
    },
    lastBelow(band) {
      const below = BANDS.slice(BANDS.indexOf(band) + 1).toReversed();
      return below.map((one) => bands[one].at(-1)).find((waiter) => waiter !== undefined);
    },
    charge(stand, tokens) {
      const { all: whole, parts } = givenTo(stand.key);
      if (tokens > 0) lastServed = whole;
      const part = Math.max(0, parts[partOf(stand)] + tokens);
      counters.delete(stand.key);
      counters.set(stand.key, { all: Math.max(0, whole + tokens), parts: withPart(parts, stand, part) });
      // The longest unused counter goes first.
      for (const old of counters.keys()) {
        if (counters.size <= maxKeys) break;
        counters.delete(old);
      }
    },
    all,
  };
}

/** Tokens of one band that are served before a newcomer: its own part of the line, and what is served of the others meanwhile. */
function tokensBefore(
  stand: Stand,
  given: Given,
  byKey: ReadonlyMap<string, readonly Waiter[]>,
  givenTo: (key: string) => Given,
): number {
  const part = partOf(stand);
  const mates = byKey.get(stand.key) ?? [];
  const own = sumOf(mates.filter((mate) => partOf(mate) === part));
  const rest = mates.filter((mate) => partOf(mate) !== part);
  let tokens = own + servedUntil(given.parts[part] + own, given.parts[1 - part] ?? 0, rest);
  const end = given.all + tokens;
  for (const [key, waiters] of byKey) {
    if (key === stand.key) continue;
    const other = givenTo(key);
    tokens += servedUntil(end, other.all, inTurns(waiters, other.parts));
  }
  return tokens;
}

/** Waiters of one key in the order they are served: the part that was given less first, the earlier one if both the same. */
function inTurns(waiters: readonly Waiter[], parts: Given["parts"]): Waiter[] {
  const [hurried = [], withTime = []] = [0, 1].map((part) =>
    [...waiters.entries()].filter(([, waiter]) => partOf(waiter) === part),
  );
  let given = parts;
  return waiters.map((any) => {
    const [[early = Infinity] = [], [late = Infinity] = []] = [hurried[0], withTime[0]];
    const isFirst = withTime.length === 0 || given[0] < given[1] || (given[0] === given[1] && early < late);
    const [, next] = (hurried.length > 0 && isFirst ? hurried : withTime).shift() ?? [0, any];
    given = withPart(given, next, given[partOf(next)] + next.tokens);
    return next;
  });
}

/** Tokens of `waiters`, who were given `given`, that are served before somebody whose count is `end`. */
function servedUntil(end: number, given: number, waiters: readonly Waiter[]): number {
  let tokens = 0;
  for (const waiter of waiters) {
    if (given + tokens > end) break;
    tokens += waiter.tokens;
  }
  return tokens;
}
