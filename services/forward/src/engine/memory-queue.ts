/**
 * Waiting for KV memory: who gets pages, and who waits for them until when.
 *
 * An open takes the pages of its whole text before its first step, so that half a prompt never holds what another half
 * needs. It is let in while every generation under way could still begin a new page. Generations come before opens,
 * because they give memory back when they end; opens come in order of arrival, and none overtakes another: a long prompt
 * is not starved by short ones. Who has waited as long as its caller may is refused, and so is the newest when nobody is
 * left who could give pages back. Cost: O(sequences) a step in which somebody waits, nothing otherwise.
 */
import { TrimtabError } from "#kit/errors.ts";
import { PAGE_TOKENS } from "#kernels";
import { MAX_WAITING, RETRY_AFTER_MS } from "../../limits.ts";
import { fail } from "./lifecycle.ts";
import type { GenerateJob, OpenJob, Sequence } from "./sequence.ts";
import type { CoreState } from "./state.ts";

/** A sequence that waits. */
interface Waiter {
  readonly sequence: Sequence;
  /** The job that waits; when the sequence has another one, or none, nobody waits any longer. */
  readonly job: OpenJob | GenerateJob;
  /** One past the last position it asked for: less than that would only make it ask, and wait, again. */
  readonly end: number;
  readonly untilMs: number;
}

/** Those who wait, in order of arrival. */
export type MemoryQueue = Set<Waiter>;

/**
 * Makes the next `rows` positions of a sequence writable for it and its twins, `holders` in all; false when it has to wait
 * for that, or was refused.
 */
export function makeRoom(state: CoreState, sequence: Sequence, rows: number, holders = 1): boolean {
  const { tree, memoryQueue } = state;
  const { job, table, cached } = sequence;
  if (!job) return false;
  const end = job.kind === "open" ? job.end : cached + rows;
  const total = tree.total * PAGE_TOKENS;
  if (end > total) {
    const message = `${end} tokens do not fit a KV memory of ${total}`;
    const context = { field: "ids", limit: `${total} tokens` };
    fail(state, sequence, new TrimtabError("OUT_OF_MEMORY", message, context));
    return false;
  }
  const isBehind = isNew(job) && [...memoryQueue].some((waiter) => isWaiting(waiter) && isNew(waiter.job));
  if (!isBehind && fits(state, sequence, end, holders) && tree.prepare(table, cached, end, holders))
    return true;
  if (memoryQueue.size >= MAX_WAITING) {
    const context = { limit: `${MAX_WAITING} sequences`, retryAfterMs: RETRY_AFTER_MS };
    fail(state, sequence, new TrimtabError("QUEUE_FULL", "too many sequences wait for KV memory", context));
    return false;
  }
  memoryQueue.add({ sequence, job, end, untilMs: state.now() + sequence.caller.waitMs });
  state.scheduler.stall(sequence.id);
  return false;
}

/** Refuses those who have waited too long, and lets those on for whom there is room now. */
export function serveWaiting(state: CoreState): void {
  const { memoryQueue } = state;
  if (memoryQueue.size === 0) return;
  const waiting = [...memoryQueue].filter((waiter) => isWaiting(waiter) || !memoryQueue.delete(waiter));
  const now = state.now();
  for (const waiter of waiting.filter(({ untilMs }) => untilMs <= now)) {
    memoryQueue.delete(waiter);
    fail(state, waiter.sequence, memoryFull(state, `${waiter.sequence.caller.waitMs} ms of waiting`));
  }
  waiting.sort((a, b) => Number(isNew(a.job)) - Number(isNew(b.job)));
  for (const waiter of waiting) {
    if (!memoryQueue.has(waiter)) continue;
    const { sequence, job, end } = waiter;
    const { table, cached } = sequence;
    if (fits(state, sequence, end) && state.tree.prepare(table, cached, end)) {
      memoryQueue.delete(waiter);
      state.scheduler.resume(sequence.id);
      if (job.kind === "open") job.startedMs ??= now;
    } else if (isNew(job)) return;
  }
}

/** Refuses the newest sequence when every one waits: none can give anything back. True if it did. */
export function breakDeadlock(state: CoreState): boolean {
  const waiting = [...state.memoryQueue].filter(isWaiting);
  if (waiting.length === 0 || waiting.length < state.sequences.size) return false;
  const newest = waiting.reduce((a, b) => (b.sequence.id > a.sequence.id ? b : a));
  state.memoryQueue.delete(newest);
  fail(state, newest.sequence, memoryFull(state, `${state.tree.total * PAGE_TOKENS} tokens`));
  return true;
}

/** When the first of those who wait has to be refused; infinite when nobody waits. */
export function nextRefusalMs({ memoryQueue }: CoreState): number {
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...[...memoryQueue].filter(isWaiting).map(({ untilMs }) => untilMs),
  );
}

/** Sequences that have not got their pages yet, or need more. */
export function countWaiting({ sequences, memoryQueue }: CoreState): number {
  const generations = [...memoryQueue].filter((waiter) => isWaiting(waiter) && !isNew(waiter.job)).length;
  return [...sequences.values()].filter(({ job }) => job !== null && isNew(job)).length + generations;
}

const isWaiting = ({ sequence, job }: Waiter): boolean => sequence.job === job;

/** An open that has not got its pages yet. */
const isNew = (job: OpenJob | GenerateJob): boolean => job.kind === "open" && job.startedMs === null;

/** Whether a sequence may take the pages it lacks up to `end`. */
function fits(
  { tree, sequences }: CoreState,
  { job, table, cached }: Sequence,
  end: number,
  holders = 1,
): boolean {
  const need = tree.missing(table, cached, end, holders);
  if (need === 0 || !job || !isNew(job)) return need <= tree.free;
  // Each generation under way may need a page soon.
  let generating = 0;
  for (const other of sequences.values()) if (other.job?.kind === "generate") generating++;
  return need + generating <= tree.free;
}

function memoryFull({ tree }: CoreState, limit: string): TrimtabError {
  const message = `KV memory is full (${tree.total} pages of ${PAGE_TOKENS} tokens)`;
  return new TrimtabError("OUT_OF_MEMORY", message, { limit, retryAfterMs: RETRY_AFTER_MS });
}
