/**
 * Continuous batching: which sequences put how many rows into the next step.
 *
 * Every running sequence decodes one row a step; what is left of the row budget goes to prefill, at most `prefillRows`
 * of it while others decode, so that a long prompt cannot stall them. What is scarce goes to the fairness key that has
 * been served least, and within a key in order of arrival; when not every decode row fits, they take turns. Pure logic:
 * no clock, no kernels. Cost: O(sequences · log sequences) a step.
 * Source: the virtual token counter of Sheng et al., Fairness in Serving Large Language Models, OSDI 2024, with rows
 * computed as the service that is counted.
 */

/** Rows a sequence contributes to one step. */
export interface Slice<Id> {
  readonly id: Id;
  readonly rows: number;
}

/** Row limits of one step. */
export interface SchedulerOptions {
  /** Rows of one step at most. */
  readonly rowBudget: number;
  /** Rows of prefill in a step that also decodes. */
  readonly prefillRows: number;
}

/** A queue of sequences with pending rows. */
export interface Scheduler<Id> {
  /** Sets how many rows a sequence of a fairness key has pending; a new one joins the end of the queue, 0 removes it. */
  set(id: Id, pendingRows: number, key: string): void;
  /** A parked sequence keeps its place but gets no rows. */
  park(id: Id): void;
  unpark(id: Id): void;
  /** The same for a sequence that waits for memory; both must end before it gets rows again. */
  stall(id: Id): void;
  resume(id: Id): void;
  /** Forgets a sequence: it appears in no later step. */
  drop(id: Id): void;
  /** Slices of the next step, decode rows first; empty when nothing is ready. Their rows are charged to their keys. */
  next(): Slice<Id>[];
  /** Corrects what a sequence's key was charged: more rows were computed than its slice had, or (negative) fewer. */
  charge(id: Id, rows: number): void;
  /** Sequences with pending rows, parked and stalled ones included. */
  readonly size: number;
}

interface Entry<Id> {
  readonly id: Id;
  readonly share: Share;
  pending: number;
  parked: boolean;
  stalled: boolean;
}

/** What a fairness key has had. */
interface Share {
  /** Rows served, and those it missed while it asked for none. */
  served: number;
  /** Sequences in the queue. */
  entries: number;
}

/** Creates an empty scheduler. */
export function createScheduler<Id>(options: SchedulerOptions): Scheduler<Id> {
  const entries = new Map<Id, Entry<Id>>();
  const shares = createShares();
  let prefillTurn = false;

  const drop = (id: Id): void => {
    const entry = entries.get(id);
    if (entry) entry.share.entries--;
    entries.delete(id);
  };
  const change = (id: Id, values: Partial<Pick<Entry<Id>, "parked" | "stalled">>): void => {
    const entry = entries.get(id);
    if (entry) Object.assign(entry, values);
  };
  return {
    get size() {
      return entries.size;
    },
    set(id, pending, key) {
      const entry = entries.get(id);
      if (pending <= 0) drop(id);
      else if (entry) entry.pending = pending;
      else entries.set(id, { id, share: shares.join(key), pending, parked: false, stalled: false });
    },
    park: (id) => change(id, { parked: true }),
    unpark: (id) => change(id, { parked: false }),
    stall: (id) => change(id, { stalled: true }),
    resume: (id) => change(id, { stalled: false }),
    drop,
    charge(id, rows) {
      const share = entries.get(id)?.share;
      if (share) share.served += rows;
    },
    next() {
      const ready = [...entries.values()].filter(({ parked, stalled }) => !parked && !stalled);
      shares.catchUp(ready.map(({ share }) => share));
      const decoding = ready.filter(({ pending }) => pending === 1);
      const prefilling = ready.filter(({ pending }) => pending > 1);
      const kept = prefilling.length > 0 ? reserve(options.rowBudget, prefillTurn) : 0;
      const slices = decodeSlices(decoding, options.rowBudget - kept);
      if (slices.length < decoding.length) moveToEnd(entries, slices);
      let room = options.rowBudget - slices.length;
      if (slices.length > 0) room = Math.min(room, options.prefillRows);
      prefillTurn = prefilling.length > 0 && room === 0;
      slices.push(...prefillSlices(prefilling, room));
      return slices;
    },
  };
}

/** Rows kept for prefill when decode alone could fill the budget; a budget of one row alternates. */
function reserve(rowBudget: number, prefillTurn: boolean): number {
  return rowBudget === 1 ? Number(prefillTurn) : Math.ceil(rowBudget / 8);
}

/** One row each of up to `room` sequences, those of the keys served least; keys are charged. */
function decodeSlices<Id>(decoding: readonly Entry<Id>[], room: number): Slice<Id>[] {
  const counts = new Map<Share, number>();
  const turns = decoding.map((entry) => {
    const before = counts.get(entry.share) ?? 0;
    counts.set(entry.share, before + 1);
    return { entry, at: entry.share.served + before };
  });
  if (turns.length > room) turns.sort((a, b) => a.at - b.at);
  const served = turns.slice(0, room);
  for (const { entry } of served) entry.share.served++;
  return served.map(({ entry }) => ({ id: entry.id, rows: 1 }));
}

/** Up to `room` rows of prefill, each slice for the key served least; keys are charged. */
function prefillSlices<Id>(prefilling: readonly Entry<Id>[], room: number): Slice<Id>[] {
  const queues = Map.groupBy(prefilling, ({ share }) => share);
  const slices: Slice<Id>[] = [];
  for (let left = room; left > 0 && queues.size > 0;) {
    const [share, queue] = [...queues].reduce((least, one) =>
      one[0].served < least[0].served ? one : least,
    );
    const entry = queue.shift();
    if (!entry) {
      queues.delete(share);
      continue;
    }
    const rows = Math.min(entry.pending, left);
    slices.push({ id: entry.id, rows });
    share.served += rows;
    left -= rows;
  }
  return slices;
}

/** Those served now go behind those left out, which come first in the next step. */
function moveToEnd<Id>(entries: Map<Id, Entry<Id>>, served: readonly Slice<Id>[]): void {
  for (const { id } of served) {
    const entry = entries.get(id);
    entries.delete(id);
    if (entry) entries.set(id, entry);
  }
}

/**
 * What every key has had. A key that asks for nothing saves nothing up: when it comes back it stands where the one
 * served least stands. What it had too much is remembered until the others have had as much.
 */
function createShares() {
  const shares = new Map<string, Share>();
  let asking = new Set<Share>();
  let clock = 0;
  return {
    /** The share of a key, with one sequence more. */
    join(key: string): Share {
      const share = shares.get(key) ?? { served: clock, entries: 0 };
      share.entries++;
      shares.set(key, share);
      return share;
    },
    /** Takes note of who asks for rows now. */
    catchUp(ready: readonly Share[]): void {
      const now = new Set(ready);
      for (const share of now) if (!asking.has(share)) share.served = Math.max(share.served, clock);
      asking = now;
      if (now.size === 0) return;
      clock = [...now].reduce((least, { served }) => Math.min(least, served), Number.POSITIVE_INFINITY);
      for (const [key, share] of shares) if (share.entries === 0 && share.served <= clock) shares.delete(key);
    },
  };
}
