/**
 * The engine without its thread: sequences, their jobs, and the step that serves all of them at once.
 *
 * Commands change state at once or wait in their sequence's own queue; `step` runs one batch. A command of one
 * sequence can fail only that sequence. Everything observable leaves through `emit`.
 */
import { TrimtabError } from "#kit/errors.ts";
import { step } from "./batching.ts";
import { prepareConstraint } from "./constraint.ts";
import { beginOpen, hold, pump, release, stop } from "./lifecycle.ts";
import { countWaiting, nextRefusalMs } from "./memory-queue.ts";
import type { Answers, Command, SequenceId } from "./protocol.ts";
import type { CommandOf } from "./sequence.ts";
import type { CoreOptions, CoreState } from "./state.ts";
import { plainError } from "../plain-error.ts";
import { checkNew, find } from "./state.ts";

/** A running engine. */
export interface Core {
  /** Takes a command; never throws: failures leave as events. */
  command(command: Command): void;
  /** Runs one batch; false when nothing is ready. */
  step(): boolean;
  /** When the next wait for coefficients or memory is over, or null. */
  nextDeadlineMs(): number | null;
}

/** Creates an engine core without sequences. */
export function createCore(options: CoreOptions): Core {
  const state: CoreState = {
    ...options,
    sequences: new Map(),
    unborn: new Map(),
    held: new Set(),
    memoryQueue: new Set(),
    cache: { queriedTokens: 0, hitTokens: 0 },
    tokens: { prompt: 0, generated: 0 },
    maskWaitMs: 0,
    steps: 0,
    rows: 0,
    readPages: 0,
  };
  return {
    command(command) {
      try {
        accept(state, command);
      } catch (error) {
        options.emit({ type: "failed", call: command.call, error: plainError(error) });
      }
    },
    step: () => step(state),
    nextDeadlineMs: () => {
      const deadlines = [...state.sequences.values()].map(({ job }) =>
        job?.kind === "generate" && job.parkedUntilMs !== null ? job.parkedUntilMs : Number.POSITIVE_INFINITY,
      );
      const earliest = Math.min(nextRefusalMs(state), ...deadlines);
      return Number.isFinite(earliest) ? earliest : null;
    },
  };
}

function accept(state: CoreState, command: Command): void {
  const done = (value: Answers[keyof Answers]) => state.emit({ type: "done", call: command.call, value });
  switch (command.type) {
    case "program":
      state.programs.put(command.digest, command.program);
      return done(null);
    case "projection":
      state.projections.put(command.digest, command.projection);
      return done(null);
    case "constraint":
      return prepareConstraint(state, command);
    case "stats":
      return done(stats(state));
    case "release":
      for (const id of command.sequences) release(state, id);
      return done(null);
    case "hold":
      for (const id of command.sequences) hold(state, id, command.held);
      return done(null);
    case "stop":
      for (const id of command.sequences) stop(state, id, command.only);
      return done(null);
    case "coefficients":
      setCoefficients(state, command);
      return done(null);
    case "open":
      if (command.parent === null) {
        checkNew(state, [command.sequence]);
        return beginOpen(state, command, null);
      }
      return announce(state, command.parent, [command.sequence], command);
    case "fork":
      return announce(state, command.sequence, command.children, command);
    default:
      return enqueue(state, command.sequence, command);
  }
}

/** Enqueues a command that makes children, whose own commands wait until it is their parent's turn. */
function announce(
  state: CoreState,
  parent: SequenceId,
  children: readonly SequenceId[],
  command: Command,
): void {
  if (!state.unborn.has(parent)) find(state, parent);
  checkNew(state, children);
  for (const id of children) state.unborn.set(id, []);
  enqueue(state, parent, command);
}

function enqueue(state: CoreState, id: SequenceId, command: Command): void {
  const waiting = state.unborn.get(id);
  if (waiting) return void waiting.push(command);
  const sequence = find(state, id);
  sequence.queue.push(command);
  pump(state, sequence);
}

function setCoefficients(state: CoreState, command: CommandOf<"coefficients">): void {
  const sequence = find(state, command.sequence);
  const { job } = sequence;
  if (job?.kind !== "generate" || job.binding === null) {
    throw new TrimtabError("INVALID_ARGUMENT", "the sequence is not generating under a program", {
      field: "coefficients",
    });
  }
  job.binding.update(command.coefficients);
  job.parkedUntilMs = null;
  if (!job.isHeld) state.scheduler.unpark(sequence.id);
}

function stats(state: CoreState): Answers["stats"] {
  const counters = state.tree.counters();
  const waiting = countWaiting(state);
  return {
    pages: counters.total,
    freePages: counters.free,
    sharedPages: counters.shared,
    copiedPages: counters.copied,
    cachedPages: counters.cached,
    evictedPages: counters.evicted,
    queriedTokens: state.cache.queriedTokens,
    hitTokens: state.cache.hitTokens,
    readPages: state.readPages,
    pageBytes: state.pageBytes,
    sequences: state.sequences.size,
    running: state.scheduler.size - waiting,
    waiting,
    promptTokens: state.tokens.prompt,
    generatedTokens: state.tokens.generated,
    programs: state.programs.size,
    programBytes: state.programs.usedBytes,
    steps: state.steps,
    rows: state.rows,
    threads: state.threads(),
    variant: state.variant,
  };
}
