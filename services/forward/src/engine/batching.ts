/** One step: rows from every ready sequence, the forward pass, and what follows from its logits. */
import { TrimtabError } from "#kit/errors.ts";
import { RETRY_AFTER_MS } from "../../limits.ts";
import { endGenerate, fail, flush, pump } from "./lifecycle.ts";
import { noteComputed, reuse } from "./prefix-cache.ts";
import type { ScoredToken, SequenceId } from "./protocol.ts";
import type { Slice } from "./scheduler.ts";
import type { GenerateJob, Sequence } from "./sequence.ts";
import { bindingAt, pendingRows } from "./sequence.ts";
import type { CoreState } from "./state.ts";
import { find } from "./state.ts";
import type { BatchRow } from "./step.ts";

/** Rows of taps held back at most while a long prompt is computed. */
const FLUSH_BYTES = 2 ** 20;

/** Runs one batch; false when nothing is ready. */
export function step(state: CoreState): boolean {
  expireParked(state);
  const slices = state.scheduler.next();
  const batch: BatchRow[] = [];
  const served: Slice<SequenceId>[] = [];
  let blocked: Sequence | undefined;
  for (const slice of slices) {
    const sequence = find(state, slice.id);
    const rows = rowsNow(state, sequence, slice.rows);
    const { cached } = sequence;
    if (!state.tree.prepare(sequence.table, cached, cached + rows)) {
      blocked = sequence;
      continue;
    }
    served.push({ id: slice.id, rows });
    if (sequence.job?.kind === "open") sequence.job.startedMs ??= state.now();
    for (let position = cached; position < cached + rows; position++) {
      batch.push(rowAt(state, sequence, position));
    }
  }
  if (batch.length > 0) {
    state.readPages += state.forward.run(batch);
    state.steps++;
    state.rows += batch.length;
  }
  for (const { id, rows } of served) advance(state, find(state, id), rows);
  if (served.length === 0 && blocked) {
    fail(
      state,
      blocked,
      new TrimtabError("OUT_OF_MEMORY", "KV memory is full", { retryAfterMs: RETRY_AFTER_MS }),
    );
  }
  return slices.length > 0;
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

function rowAt(state: CoreState, sequence: Sequence, position: number): BatchRow {
  const { job, ids } = sequence;
  return {
    id: ids[position] ?? 0,
    position,
    table: sequence.table,
    heads: bindingAt(sequence, position)?.heads(position, sequence.promptTokens) ?? null,
    collector: job?.collector ?? null,
    onLogits: job === null ? null : logitsUse(state, sequence, position),
  };
}

/** What becomes of the logits of a row, or null when nobody needs them. */
function logitsUse(state: CoreState, sequence: Sequence, position: number): BatchRow["onLogits"] {
  const { job, ids } = sequence;
  if (job?.kind === "generate") {
    if (position !== ids.length - 1) return null;
    return (logits) => {
      job.sampled = state.sampler.sample(logits, ids, sequence.promptTokens, job.command);
      sequence.poisoned ||= job.sampled === null;
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

function advance(state: CoreState, sequence: Sequence, rows: number): void {
  const { job } = sequence;
  if (job?.kind === "open") job.computed += rows;
  if (sequence.poisoned) {
    return fail(
      state,
      sequence,
      new TrimtabError("NON_FINITE", "the logits of this sequence are not finite"),
    );
  }
  noteComputed(state, sequence, rows);
  if (job?.kind === "generate" && job.sampled) take(state, sequence, job, job.sampled);
  if (job?.kind === "open" && (job.collector?.waitingBytes ?? 0) > FLUSH_BYTES) flush(state, job, false);
  pump(state, sequence);
}

function take(state: CoreState, sequence: Sequence, job: GenerateJob, token: ScoredToken): void {
  const { call, parkEvery, parkTimeoutMs } = job.command;
  job.sampled = null;
  sequence.ids.push(token.id);
  job.generated++;
  flush(state, job, false);
  state.emit({ type: "tokens", call, tokens: [token] });
  if (job.stopIds.has(token.id)) return endGenerate(state, sequence, job, "stop");
  if (job.generated >= job.maxTokens) return endGenerate(state, sequence, job, "length");
  job.sinceParked++;
  if (parkEvery === 0 || job.sinceParked < parkEvery) return;
  job.sinceParked = 0;
  job.parkedUntilMs = state.now() + parkTimeoutMs;
  state.scheduler.set(sequence.id, pendingRows(sequence));
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
