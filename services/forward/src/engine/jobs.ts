/** Commands that compute tokens, turned into jobs: what is computed, under which program, and what is read. */
import { TrimtabError } from "#kit/errors.ts";
import { mostTouchedIds } from "#kernels";
import type { Matcher } from "../grammar/matching.ts";
import { beginConstraint } from "./constraint.ts";
import type { Binding, Caller, SequenceId } from "./protocol.ts";
import { forget, rootKey } from "./prefix-cache.ts";
import { penaltyOf } from "./sampler.ts";
import type { CommandOf, OpenJob, Sequence } from "./sequence.ts";
import { createDrafter } from "./speculation.ts";
import { createStopMask } from "./stop-mask.ts";
import type { CoreState } from "./state.ts";
import { bindAll } from "./collecting.ts";
import { tapRange } from "./taps.ts";

/** Adds a child that shares everything of its parent. */
export function adopt(state: CoreState, parent: Sequence, id: SequenceId): Sequence {
  const child: Sequence = {
    ...parent,
    id,
    ids: [...parent.ids],
    keys: [...parent.keys],
    applied: [...parent.applied],
    table: state.tree.fork(parent.table),
    opened: parent.opened?.retain() ?? null,
    queue: state.unborn.get(id) ?? [],
    job: null,
    poisoned: false,
  };
  state.unborn.delete(id);
  state.sequences.set(id, child);
  return child;
}

/**
 * Makes the sequence of an `open`, sharing the pages of `parent`, with its job set.
 * @throws TrimtabError INVALID_ARGUMENT, FIELD_OUT_OF_RANGE (ids), CONTEXT_OVERFLOW, and those of `bind`
 */
export function startOpen(state: CoreState, command: CommandOf<"open">, parent: Sequence | null): Sequence {
  const { ids, sequence: id } = command;
  checkIds(state, ids);
  if (parent && !parent.ids.every((token, index) => ids[index] === token)) {
    throw new TrimtabError("INVALID_ARGUMENT", "the parent's tokens are no prefix of the child's");
  }
  const { program: opened, collector } = bindAll(state, command, ids.length, false);
  const sequence = parent ? adopt(state, parent, id) : createSequence(state, id, command.caller);
  sequence.caller = command.caller;
  sequence.opened?.release();
  sequence.opened = opened;
  sequence.openedWith = command.binding ? bindingKey(command.binding) : "";
  sequence.ids.splice(0, sequence.ids.length, ...ids);
  sequence.cached = Math.min(sequence.cached, ids.length - 1);
  forget(sequence, sequence.cached);
  const root = rootOf(state, command);
  if (root !== sequence.rootKey) sequence.keys.length = 0;
  sequence.rootKey = root;
  sequence.promptTokens = command.promptTokens;
  sequence.constrained = null;
  const ranges = command.taps.map((tap) => tapRange(tap, ids.length, false));
  const lastWanted = command.complete || opened !== null || ranges.some(({ end }) => end === ids.length);
  const { score } = command;
  if (score) ranges.push({ first: score.first - 1, end: ids.length });
  if (!command.complete) ranges.push({ first: ids.length - 1, end: ids.length });
  sequence.trail = isLookedAt(command) ? { position: ids.length - 1, residuals: [] } : null;
  const job: OpenJob = {
    kind: "open",
    command,
    collector,
    end: lastWanted ? ids.length : ids.length - 1,
    required: ranges,
    computed: 0,
    receivedMs: state.now(),
    startedMs: null,
    scored: [],
    candidateLogprobs: [],
  };
  sequence.job = job;
  state.tokens.prompt += Math.max(0, job.end - sequence.cached);
  if (sequence.rootKey !== null) state.cache.queriedTokens += Math.max(0, job.end - sequence.cached);
  return sequence;
}

/** Whether taps look at the last token of an unsteered prompt, as whoever does that means to go on from there. */
function isLookedAt({ binding, score, taps, transient }: CommandOf<"open">): boolean {
  return !binding && !score && !transient && taps.some(({ positions }) => positions === "last");
}

/**
 * Sets the job of a `generate`. The last token is computed (again), because its logits are needed; under the
 * generation's program when `replayLast` says so or when it was itself generated.
 * @param onMask called when a mask it waits for is there
 * @throws TrimtabError those of `roomAfter`, of `bind` and of `beginConstraint`
 */
export function startGenerate(
  state: CoreState,
  sequence: Sequence,
  command: CommandOf<"generate">,
  onMask: () => void,
): void {
  const tokens = sequence.ids.length;
  const room = roomAfter(state, tokens, command);
  const matcher = beginConstraint(state, sequence, command, onMask);
  const { program: binding, collector } = bindOrEnd(state, command, tokens, matcher);
  const { programFrom, replayFrom } = placeProgram(state, sequence, command);
  const first = Math.min(sequence.cached, tokens - 1, replayFrom);
  const replayedTokens = Math.max(0, sequence.cached - Math.min(replayFrom, tokens));
  sequence.cached = first;
  forget(sequence, first);
  // Where an earlier token is computed again, the last one sees other keys and values than it saw.
  const follows = first === tokens - 1 && sequence.trail?.position === first ? sequence.trail : null;
  sequence.trail = null;
  state.tree.truncate(sequence.table, Math.min(first, sequence.table.length));
  sequence.job = {
    kind: "generate",
    command,
    collector,
    binding,
    stopIds: new Set([...command.stopIds, ...command.haltIds]),
    maxTokens: command.maxTokens === 0 ? room : Math.min(command.maxTokens, room),
    programFrom,
    cachedAtStart: first,
    replayedTokens,
    generated: 0,
    sinceParked: 0,
    parkedUntilMs: null,
    sampled: [],
    isOver: false,
    matcher,
    stopMask: createStopMask(command, state.vocabulary),
    isHeld: matcher !== null,
    drafter: command.speculation ? createDrafter(command.speculation) : null,
    follows,
    failure: null,
  };
}

/** Binds program and taps; a matcher that is begun ends if that fails. */
function bindOrEnd(
  state: CoreState,
  command: CommandOf<"generate">,
  tokens: number,
  matcher: Matcher | null,
): ReturnType<typeof bindAll> {
  try {
    return bindAll(state, command, tokens, true);
  } catch (error) {
    matcher?.end();
    throw error;
  }
}

/**
 * The first position under the generation's program, and the first one computed again. A program that acts on the prompt has it computed
 * again, unless it was opened under the same; any other finds the prompt as it was opened.
 */
function placeProgram(
  state: CoreState,
  sequence: Sequence,
  { binding, replayLast }: CommandOf<"generate">,
): { readonly programFrom: number; readonly replayFrom: number } {
  const { promptTokens, cached, openedWith, alteredFrom } = sequence;
  const last = sequence.ids.length - 1;
  const acts = binding?.coefficients.some((coefficient) => coefficient !== 0) ?? false;
  if (binding && acts && bindingKey(binding) !== openedWith) {
    const start = state.programs.promptStart(binding.digest);
    if (start !== null && start < promptTokens) {
      const first = Math.min(start, last);
      sequence.alteredFrom = first;
      return { programFrom: first, replayFrom: Math.min(alteredFrom, first) };
    }
  }
  sequence.alteredFrom = Number.POSITIVE_INFINITY;
  const first = replayLast ? last : Math.max(promptTokens, Math.min(last, cached));
  if (alteredFrom >= Math.min(cached, promptTokens)) return { programFrom: first, replayFrom: first };
  return { programFrom: Math.min(first, promptTokens), replayFrom: alteredFrom };
}

function createSequence(state: CoreState, id: SequenceId, caller: Caller): Sequence {
  const sequence: Sequence = {
    id,
    caller,
    ids: [],
    cached: 0,
    promptTokens: 0,
    table: state.tree.create(),
    rootKey: null,
    keys: [],
    applied: [],
    opened: null,
    openedWith: "",
    alteredFrom: Number.POSITIVE_INFINITY,
    openProof: [],
    trail: null,
    queue: [],
    job: null,
    constrained: null,
    poisoned: false,
  };
  state.sequences.set(id, sequence);
  return sequence;
}

function rootOf({ cacheFormat }: CoreState, { caller }: CommandOf<"open">): string | null {
  return cacheFormat === null || caller.bypassCache ? null : rootKey(cacheFormat, caller.cacheSalt);
}

function bindingKey(binding: Binding): string {
  return `${binding.digest} ${binding.coefficients.join(" ")}`;
}

/**
 * How many tokens may be generated after as many tokens.
 * @throws TrimtabError CONTEXT_OVERFLOW without any room; FIELD_OUT_OF_RANGE where a penalty would look at more than it can
 */
export function roomAfter(
  { contextTokens, vocabulary }: Pick<CoreState, "contextTokens" | "vocabulary">,
  tokens: number,
  { sampling }: Pick<CommandOf<"generate">, "sampling">,
): number {
  const room = contextTokens - tokens;
  if (room < 1) {
    const message = `${tokens} tokens leave no room in a context of ${contextTokens}`;
    throw new TrimtabError("CONTEXT_OVERFLOW", message, { field: "max_tokens", limit: contextTokens });
  }
  const penalty = penaltyOf(sampling);
  if (penalty === null) return room;
  // The first token generated is drawn by the tokens before it.
  const seen = mostTouchedIds(vocabulary) - sampling.logitBias.length;
  if (tokens <= seen) return Math.min(room, seen - tokens + 1);
  const field = `sampling.${penalty}`;
  const message = `${field} looks at most at ${seen} tokens; the text has ${tokens}`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field, limit: `${seen} tokens` });
}

/** What an open ends with that would cost more than its command allows. */
export function tooDear(tokens: number, { mostTokens = 0 }: CommandOf<"open">): TrimtabError {
  const message = `${tokens} tokens would be computed, ${mostTokens} are allowed`;
  return new TrimtabError("TOO_LARGE", message, { field: "max_tokens", limit: mostTokens });
}

/**
 * Refuses ids that are no tokens of the model or too many of them.
 * @throws TrimtabError FIELD_REQUIRED, CONTEXT_OVERFLOW, FIELD_OUT_OF_RANGE
 */
export function checkIds(
  state: Pick<CoreState, "contextTokens" | "vocabulary">,
  ids: readonly number[],
): void {
  if (ids.length === 0)
    throw new TrimtabError("FIELD_REQUIRED", "at least one token is needed", { field: "ids" });
  if (ids.length > state.contextTokens) {
    const message = `${ids.length} tokens do not fit a context of ${state.contextTokens}`;
    throw new TrimtabError("CONTEXT_OVERFLOW", message, { field: "ids", limit: state.contextTokens });
  }
  const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= state.vocabulary);
  if (bad < 0) return;
  const message = `ids[${bad}] is ${ids[bad]}, the vocabulary has ${state.vocabulary} tokens`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: `ids[${bad}]`, limit: state.vocabulary });
}
