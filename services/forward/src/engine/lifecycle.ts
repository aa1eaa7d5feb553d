/**
 * How jobs begin and end. A sequence works off its own queue in order; whatever ends a job answers its command exactly
 * once, returns what it held and takes up the next command.
 */
import { TrimtabError } from "#kit/errors.ts";
import { mergeProofs } from "./binding.ts";
import { adopt, startGenerate, startOpen, tooDear } from "./jobs.ts";
import { forget, reuse } from "./prefix-cache.ts";
import type { Answers, Command, SequenceId } from "./protocol.ts";
import type { CommandOf, GenerateJob, OpenJob, Sequence } from "./sequence.ts";
import { pendingRows } from "./sequence.ts";
import type { CoreState } from "./state.ts";
import { plainError } from "../plain-error.ts";
import { find } from "./state.ts";

/** Starts queued commands until one of them needs steps. */
export function pump(state: CoreState, sequence: Sequence): void {
  while (state.sequences.get(sequence.id) === sequence) {
    if (sequence.job) {
      const rows = pendingRows(sequence);
      state.scheduler.set(sequence.id, rows, sequence.caller.fairnessKey);
      const { job } = sequence;
      if (job.kind === "generate" ? job.isHeld : state.held.has(sequence.id))
        state.scheduler.park(sequence.id);
      if (rows > 0 || sequence.job.kind === "generate") return;
      completeOpen(state, sequence);
      continue;
    }
    const command = sequence.queue.shift();
    if (!command) return;
    try {
      begin(state, sequence, command);
    } catch (error) {
      failCommand(state, command, error);
    }
  }
}

/** Answers a command with an error; children it would have made are never born, and what waits for them fails too. */
function failCommand(state: CoreState, command: Command, error: unknown): void {
  state.emit({ type: "failed", call: command.call, error: plainError(error) });
  const makes =
    command.type === "open" ? [command.sequence] : command.type === "fork" ? command.children : [];
  for (const id of makes) abandon(state, id, error);
}

function abandon(state: CoreState, id: SequenceId, error: unknown): void {
  state.held.delete(id);
  const waiting = state.unborn.get(id) ?? [];
  state.unborn.delete(id);
  for (const command of waiting) failCommand(state, command, error);
}

/** Takes the open that would make a child out of its parent's queue: whoever asked for it is answered before its turn. */
function withdraw(state: CoreState, id: SequenceId, error: unknown): void {
  const queues = [...[...state.sequences.values()].map(({ queue }) => queue), ...state.unborn.values()];
  for (const queue of queues) {
    const at = queue.findIndex((command) => command.type === "open" && command.sequence === id);
    const [command] = at < 0 ? [] : queue.splice(at, 1);
    if (command) state.emit({ type: "failed", call: command.call, error: plainError(error) });
  }
}

function begin(state: CoreState, sequence: Sequence, command: Command): void {
  if (command.type === "open") {
    if (!state.unborn.has(command.sequence)) throw new TrimtabError("CANCELLED", "the sequence was released");
    beginOpen(state, command, sequence);
  } else if (command.type === "generate") {
    startGenerate(state, sequence, command, () => resume(state, sequence));
  } else if (command.type === "fork") {
    const born = command.children
      .filter((id) => state.unborn.has(id))
      .map((id) => adopt(state, sequence, id));
    state.emit({ type: "done", call: command.call, value: { copiedPages: 0 } });
    for (const child of born) pump(state, child);
  } else if (command.type === "truncate") {
    if (command.tokens < 1 || command.tokens > sequence.ids.length) {
      const message = `cannot keep ${command.tokens} of ${sequence.ids.length} tokens`;
      throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "tokens", limit: sequence.ids.length });
    }
    sequence.ids.length = command.tokens;
    sequence.trail = null;
    sequence.cached = Math.min(sequence.cached, command.tokens);
    forget(sequence, sequence.cached);
    sequence.promptTokens = Math.min(sequence.promptTokens, command.tokens);
    if (command.tokens < (sequence.constrained?.from ?? 0)) sequence.constrained = null;
    state.tree.truncate(sequence.table, sequence.cached);
    state.emit({ type: "done", call: command.call, value: null });
  }
}

/** Opens a sequence, unless that would cost more than its command allows. @throws as startOpen */
export function beginOpen(state: CoreState, command: CommandOf<"open">, parent: Sequence | null): void {
  const sequence = startOpen(state, command, parent);
  const { job } = sequence;
  if (job?.kind !== "open") return;
  try {
    reuse(state, sequence, job);
  } catch (error) {
    return fail(state, sequence, error);
  }
  const cost = job.end - sequence.cached;
  if (cost <= (command.mostTokens ?? Infinity)) pump(state, sequence);
  else fail(state, sequence, tooDear(cost, command));
}

/** The mask a generation waits for is there, or will never be. */
function resume(state: CoreState, sequence: Sequence): void {
  const { job } = sequence;
  if (job?.kind !== "generate" || !job.isHeld) return;
  try {
    job.matcher?.mask(0);
    job.isHeld = false;
    if (job.parkedUntilMs === null) state.scheduler.unpark(sequence.id);
  } catch (error) {
    fail(state, sequence, error);
  }
  state.wake();
}

/** Sends what the taps of a job have read; pooled taps only at its end. */
export function flush(state: CoreState, job: OpenJob | GenerateJob, final: boolean): void {
  const { call } = job.command;
  const activations = job.collector?.flush(final) ?? [];
  if (activations.length > 0) state.emit({ type: "activations", call, activations });
}

/** Answers a generation with what it did and returns its program. */
export function endGenerate(
  state: CoreState,
  sequence: Sequence,
  job: GenerateJob,
  reason: "stop" | "length" | "cancelled",
): void {
  flush(state, job, true);
  const value = {
    reason,
    generatedTokens: job.generated,
    // Of a text that is wholly its own program's, nothing is left of what was done when it was opened.
    proof: mergeProofs(job.programFrom === 0 ? [] : sequence.openProof, job.binding?.proof() ?? []),
    replayedTokens: job.replayedTokens,
    sequenceTokens: sequence.ids.length,
    draftedTokens: job.drafter?.drafted ?? 0,
    acceptedTokens: job.drafter?.accepted ?? 0,
  };
  // Where it has only halted, its text is unfinished.
  if (reason === "stop" && job.command.stopIds.includes(sequence.ids.at(-1) ?? -1))
    sequence.constrained = null;
  job.matcher?.end();
  job.binding?.release();
  finish(state, sequence, value);
}

function completeOpen(state: CoreState, sequence: Sequence): void {
  const { job } = sequence;
  if (job?.kind !== "open") return;
  const { command, receivedMs, startedMs, computed } = job;
  flush(state, job, true);
  sequence.openProof = sequence.opened?.proof() ?? [];
  const now = state.now();
  finish(state, sequence, {
    prefilledTokens: computed,
    reusedTokens: job.end - computed,
    queueMs: (startedMs ?? now) - receivedMs,
    prefillMs: now - (startedMs ?? now),
    scored: job.scored,
    candidateLogprobs: job.candidateLogprobs,
  });
  if (command.transient) release(state, sequence.id);
}

function finish(state: CoreState, sequence: Sequence, value: Answers[keyof Answers]): void {
  const call = sequence.job?.command.call ?? 0;
  sequence.job?.collector?.close();
  sequence.job = null;
  state.scheduler.drop(sequence.id);
  state.emit({ type: "done", call, value });
}

/** Ends the job of a sequence with an error; a sequence whose opening fails is gone. */
export function fail(state: CoreState, sequence: Sequence, error: unknown): void {
  const { job } = sequence;
  sequence.poisoned = false;
  sequence.job = null;
  job?.collector?.close();
  state.scheduler.drop(sequence.id);
  if (job) state.emit({ type: "failed", call: job.command.call, error: plainError(error) });
  if (job?.kind === "open") return release(state, sequence.id, error);
  if (job) {
    sequence.cached = Math.min(sequence.cached, job.cachedAtStart);
    forget(sequence, sequence.cached);
  }
  job?.matcher?.end();
  job?.binding?.release();
  pump(state, sequence);
}

/**
 * Ends the generation of a sequence, and those waiting, as cancelled; with `only` the one of that call.
 * @throws TrimtabError SEQUENCE_NOT_FOUND
 */
export function stop(state: CoreState, id: SequenceId, only?: number): void {
  const isMeant = ({ call }: Pick<Command, "call">): boolean => only === undefined || only === call;
  const unborn = state.unborn.get(id);
  const sequence = unborn ? null : find(state, id);
  const queue = unborn ?? sequence?.queue ?? [];
  const nothing = { generatedTokens: 0, proof: [], replayedTokens: 0, draftedTokens: 0, acceptedTokens: 0 };
  const cancelled = { reason: "cancelled", ...nothing } as const;
  const kept = queue.splice(0).filter((command) => {
    if (command.type !== "generate" || !isMeant(command)) return true;
    const value = { ...cancelled, sequenceTokens: sequence?.ids.length ?? 0 };
    state.emit({ type: "done", call: command.call, value });
    return false;
  });
  queue.push(...kept);
  if (sequence === null) return;
  const { job } = sequence;
  if (job?.kind === "generate" && isMeant(job.command)) endGenerate(state, sequence, job, "cancelled");
  pump(state, sequence);
}

/** Gives the open of a sequence, now or when it is its turn, no rows, or rows again; one that is over is passed over. */
export function hold(state: CoreState, id: SequenceId, held: boolean): void {
  const isOpening = state.unborn.has(id) || state.sequences.get(id)?.job?.kind === "open";
  if (!isOpening) return;
  if (held) {
    state.held.add(id);
    state.scheduler.park(id);
  } else {
    state.held.delete(id);
    state.scheduler.unpark(id);
  }
}

/** Ends everything a sequence does and frees it; whatever waits for it fails with `reason`. */
export function release(state: CoreState, id: SequenceId, reason?: unknown): void {
  const error = reason ?? new TrimtabError("CANCELLED", "the sequence was released");
  if (state.unborn.has(id)) withdraw(state, id, error);
  abandon(state, id, error);
  const sequence = state.sequences.get(id);
  if (!sequence) return;
  for (const command of sequence.queue.splice(0)) failCommand(state, command, error);
  const { job } = sequence;
  if (job?.kind === "generate") endGenerate(state, sequence, job, "cancelled");
  else if (job) {
    // Without a job it no longer counts among those who wait for memory.
    sequence.job = null;
    job.collector?.close();
    state.emit({ type: "failed", call: job.command.call, error: plainError(error) });
  }
  state.scheduler.drop(id);
  state.sequences.delete(id);
  state.tree.release(sequence.table);
  sequence.opened?.release();
}
