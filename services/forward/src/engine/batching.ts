/** One step: rows from every ready sequence, the forward pass, and what follows from its logits. */
import { TrimtabError } from "#kit/errors.ts";
import type { Pointer } from "#kernels";
import { MASK_WAIT_MS } from "../../limits.ts";
import { deadEnd, takeMask } from "./constraint.ts";
import { endGenerate, fail, flush, pump } from "./lifecycle.ts";
import { breakDeadlock, makeRoom, serveWaiting } from "./memory-queue.ts";
import { noteComputed, reuse } from "./prefix-cache.ts";
import type { GenerateJob, Sequence } from "./sequence.ts";
import { bindingAt, pendingRows } from "./sequence.ts";
import type { CoreState } from "./state.ts";
import { find } from "./state.ts";
import type { BatchRow } from "./step.ts";
import { nothingElse } from "./stop-mask.ts";
import { findTwins, takeOver } from "./twins.ts";

/** Rows of taps held back at most while a long prompt is computed. */
const FLUSH_BYTES = 2 ** 20;

/** What a sequence has in the batch. */
interface Served {
  readonly sequence: Sequence;
  readonly rows: number;
  /** Guessed tokens, in rows behind them. */
  readonly draft: readonly number[];
  /** Sequences whose row is this one's; they are served, too. */
  readonly twins: readonly Sequence[];
}

/** Runs one batch; false when nothing is ready. */
export function step(state: CoreState): boolean {
  expireParked(state);
  serveWaiting(state);
  const slices = state.scheduler.next();
  const batch: BatchRow[] = [];
  const served: Served[] = [];
  const twinsOf = findTwins(slices.map(({ id }) => find(state, id)));
  const followers = new Set([...twinsOf.values()].flat());
  let room = state.rowBudget - slices.reduce((sum, { rows }) => sum + rows, 0);
  for (const { id, rows: most } of slices) {
    const sequence = find(state, id);
    const twins = twinsOf.get(sequence) ?? [];
    const one = followers.has(sequence) ? null : rowsOf(state, sequence, most, twins, room);
    state.scheduler.charge(id, (one?.rows ?? 0) - most);
    if (!one) continue;
    room -= one.draft.length;
    served.push(one, ...twins.map((twin) => ({ ...one, sequence: twin, draft: [], twins: [] })));
    batch.push(...one.batch);
  }
  state.maskWaitMs = MASK_WAIT_MS;
  if (batch.length > 0) {
    state.readPages += state.forward.run(batch);
    state.steps++;
    state.rows += batch.length;
  }
  for (const one of served) advance(state, one);
  return slices.length > 0 || breakDeadlock(state);
}

/** What a sequence puts into the batch; null when it has to wait for memory, or fails for want of it. */
function rowsOf(
  state: CoreState,
  sequence: Sequence,
  most: number,
  twins: readonly Sequence[],
  room: number,
): (Served & { readonly batch: readonly BatchRow[] }) | null {
  try {
    const rows = rowsNow(state, sequence, most);
    const { cached, ids } = sequence;
    if (!makeRoom(state, sequence, rows, 1 + twins.length)) return null;
    for (const twin of twins) takeOver(state.tree, sequence, twin);
    const draft = rows === 1 ? guess(state, sequence, room) : [];
    if (sequence.job?.kind === "open") sequence.job.startedMs ??= state.now();
    const one: Served = { sequence, rows, draft, twins };
    const text = draft.length > 0 ? [...ids, ...draft] : ids;
    const batch = Array.from({ length: rows + draft.length }, (_, index) =>
      rowAt(state, one, cached + index, text),
    );
    return { ...one, batch };
  } catch (error) {
    // What acts on a row gets its records when it is first met: there may be no room for them.
    if (!(error instanceof TrimtabError && error.reason === "OUT_OF_MEMORY")) throw error;
    fail(state, sequence, error);
    return null;
  }
}

/** Rows of a slice after taking over what others have computed meanwhile, up to where that may go on. */
function rowsNow(state: CoreState, sequence: Sequence, rows: number): number {
  const { job } = sequence;
  if (job?.kind !== "open") return rows;
  reuse(state, sequence, job);
  const next = job.required.find(({ first, end }) => first <= sequence.cached && sequence.cached < end);
  const end = next === undefined ? job.end : Math.min(job.end, next.end);
  return Math.min(rows, end - sequence.cached);
}

/** Tokens that may follow, with room made for their keys and values. */
function guess(state: CoreState, sequence: Sequence, room: number): readonly number[] {
  const { job, ids, cached, table } = sequence;
  if (job?.kind !== "generate" || !job.drafter || cached !== ids.length - 1) return [];
  // A draft of n tokens may give n + 1.
  const most = Math.min(room, job.maxTokens - job.generated - 1, state.contextTokens - ids.length);
  const draft = most > 0 ? job.drafter.draft(ids, most) : [];
  return state.tree.prepare(table, cached, cached + 1 + draft.length) ? draft : [];
}

/** @param ids of the sequence, with those that are guessed behind them */
function rowAt(state: CoreState, one: Served, position: number, ids: readonly number[]): BatchRow {
  const { sequence } = one;
  const { job, promptTokens } = sequence;
  const id = ids[position] ?? 0;
  return {
    id,
    position,
    table: sequence.table,
    heads: bindingAt(sequence, position)?.heads({ position, promptTokens, ids }) ?? null,
    collector: job?.collector ?? null,
    onLogits: job === null ? null : logitsUse(state, one, position, id),
    keeps: job?.kind === "open" && sequence.trail?.position === position ? sequence.trail : null,
    follows: job?.kind === "generate" && job.follows?.position === position ? job.follows : null,
  };
}

/** What becomes of the logits of a row, or null when nobody needs them. */
function logitsUse(
  state: CoreState,
  { sequence, twins }: Served,
  position: number,
  id: number,
): BatchRow["onLogits"] {
  const { job, ids } = sequence;
  if (job?.kind === "generate") {
    if (position < ids.length - 1) return null;
    // A guess is the end of the sequence only if it and all before it were drawn.
    return (logits) => {
      if (position !== ids.length - 1 || ids[position] !== id) return;
      draw(state, sequence, job, logits);
      for (const twin of twins) if (twin.job?.kind === "generate") draw(state, twin, twin.job, logits);
    };
  }
  const score = job?.command.score;
  if (!job || !score || position < score.first - 1 || position >= ids.length - 1) return null;
  return (logits) => {
    const scored = state.sampler.score(logits, ids[position + 1] ?? 0, score, position + 1 === score.first);
    if (scored === null) sequence.poisoned = true;
    else {
      job.scored.push(scored.token);
      if (position + 1 === score.first) job.candidateLogprobs = scored.candidates;
    }
  };
}

/** Draws the next token of a sequence. */
function draw(state: CoreState, sequence: Sequence, job: GenerateJob, logits: Pointer): void {
  if (job.isOver || job.failure) return;
  const { ids, promptTokens } = sequence;
  const mask = job.matcher
    ? takeMask(state, job, job.matcher)
    : job.stopMask(job.generated + job.sampled.length);
  if (job.matcher && mask === null) return;
  const token = state.sampler.sample(logits, ids, promptTokens, job.command, mask);
  if (token === null) {
    if (mask?.every((word) => word === 0)) job.failure = job.matcher ? deadEnd() : nothingElse();
    else sequence.poisoned = true;
    return;
  }
  ids.push(token.id);
  job.sampled.push(token);
  job.isOver = job.stopIds.has(token.id) || job.generated + job.sampled.length >= job.maxTokens;
  if (!job.isOver) job.matcher?.accept(token.id);
}

function advance(state: CoreState, { sequence, rows, draft }: Served): void {
  const { job } = sequence;
  const drawn = job?.kind === "generate" ? job.sampled.length : 0;
  if (job?.kind === "open") job.computed += rows;
  else if (job) job.follows = null;
  if (!sequence.poisoned) {
    // Of the last token drawn nothing is computed yet; guesses that were not drawn are forgotten.
    const kept = sequence.cached + rows + Math.max(0, drawn - 1);
    const end = job?.kind === "generate" ? Math.min(kept, sequence.ids.length - 1) : kept;
    noteComputed(state, sequence, end - sequence.cached);
    if (job?.kind === "generate" && sequence.table.length > sequence.cached)
      state.tree.truncate(sequence.table, sequence.cached);
  }
  if (job?.kind === "generate") {
    if (draft.length > 0) job.drafter?.settle(draft.length, Math.max(0, drawn - 1));
    if (drawn > 0) take(state, sequence, job);
    if (job.failure) return fail(state, sequence, job.failure);
  }
  if (sequence.poisoned) {
    return fail(
      state,
      sequence,
      new TrimtabError("NON_FINITE", "the logits of this sequence are not finite"),
    );
  }
  if (job?.kind === "open" && (job.collector?.waitingBytes ?? 0) > FLUSH_BYTES) flush(state, job, false);
  pump(state, sequence);
}

/** Reports the tokens drawn in this step, and ends or parks the job if it is time. */
function take(state: CoreState, sequence: Sequence, job: GenerateJob): void {
  const { call, parkEvery, parkTimeoutMs } = job.command;
  const tokens = job.sampled.splice(0);
  job.generated += tokens.length;
  state.tokens.generated += tokens.length;
  flush(state, job, false);
  state.emit({ type: "tokens", call, tokens });
  if (job.isOver) {
    const isStop = job.stopIds.has(tokens.at(-1)?.id ?? -1);
    return endGenerate(state, sequence, job, isStop ? "stop" : "length");
  }
  job.sinceParked++;
  if (parkEvery === 0 || job.sinceParked < parkEvery) return;
  job.sinceParked = 0;
  job.parkedUntilMs = state.now() + parkTimeoutMs;
  state.scheduler.set(sequence.id, pendingRows(sequence), sequence.caller.fairnessKey);
  state.scheduler.park(sequence.id);
  state.emit({ type: "parked", call, generatedTokens: job.generated });
}

function expireParked(state: CoreState): void {
  for (const sequence of state.sequences.values()) {
    const { job } = sequence;
    if (job?.kind !== "generate" || job.parkedUntilMs === null || job.parkedUntilMs > state.now()) continue;
    const limit = `${job.command.parkTimeoutMs} ms`;
    fail(state, sequence, new TrimtabError("DEADLINE_EXCEEDED", "no coefficients came in time", { limit }));
  }
}
