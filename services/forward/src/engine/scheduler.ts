/**
 * Continuous batching: which sequences put how many rows into the next step.
 *
 * Every running sequence decodes one row a step; what is left of the row budget goes to prefill in arrival order, at
 * most `prefillRows` of it while others decode, so that a long prompt cannot stall them. When not every decode row
 * fits, they take turns. Pure logic: no clock, no kernels. Cost: O(sequences) per step.
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
  /** Sets how many rows a sequence has pending; a new one joins the end of the queue, 0 removes it. */
  set(id: Id, pendingRows: number): void;
  /** A parked sequence keeps its place but gets no rows. */
  park(id: Id): void;
  unpark(id: Id): void;
  /** Forgets a sequence: it appears in no later step. */
  drop(id: Id): void;
  /** Slices of the next step, decode rows first; empty when nothing is ready. */
  next(): Slice<Id>[];
  /** Sequences with pending rows, parked ones included. */
  readonly size: number;
}

interface Entry<Id> {
  readonly id: Id;
  pending: number;
  parked: boolean;
}

/** Creates an empty scheduler. */
export function createScheduler<Id>(options: SchedulerOptions): Scheduler<Id> {
  const entries = new Map<Id, Entry<Id>>();
  let prefillTurn = false;

  return {
    get size() {
      return entries.size;
    },
    set(id, pendingRows) {
      const entry = entries.get(id);
      if (pendingRows <= 0) entries.delete(id);
      else if (entry) entry.pending = pendingRows;
      else entries.set(id, { id, pending: pendingRows, parked: false });
    },
    park(id) {
      const entry = entries.get(id);
      if (entry) entry.parked = true;
    },
    unpark(id) {
      const entry = entries.get(id);
      if (entry) entry.parked = false;
    },
    drop: (id) => void entries.delete(id),
    next() {
      const ready = [...entries.values()].filter((entry) => !entry.parked);
      const decoding = ready.filter((entry) => entry.pending === 1);
      const prefilling = ready.filter((entry) => entry.pending > 1);
      const kept = prefilling.length > 0 ? reserve(options.rowBudget, prefillTurn) : 0;
      const slices = decoding.slice(0, options.rowBudget - kept).map(({ id }) => ({ id, rows: 1 }));
      if (slices.length < decoding.length) moveToEnd(entries, slices);
      let room = options.rowBudget - slices.length;
      if (slices.length > 0) room = Math.min(room, options.prefillRows);
      prefillTurn = prefilling.length > 0 && room === 0;
      for (const entry of prefilling) {
        if (room === 0) break;
        const rows = Math.min(entry.pending, room);
        slices.push({ id: entry.id, rows });
        room -= rows;
      }
      return slices;
    },
  };
}

/** Rows kept for prefill when decode alone could fill the budget; a budget of one row alternates. */
function reserve(rowBudget: number, prefillTurn: boolean): number {
  return rowBudget === 1 ? Number(prefillTurn) : Math.ceil(rowBudget / 8);
}

/** Those served now go behind those left out, which come first in the next step. */
function moveToEnd<Id>(entries: Map<Id, Entry<Id>>, served: readonly Slice<Id>[]): void {
  for (const { id } of served) {
    const entry = entries.get(id);
    entries.delete(id);
    if (entry) entries.set(id, entry);
  }
}
