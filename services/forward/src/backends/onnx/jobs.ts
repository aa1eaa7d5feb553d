/**
 * What the commands of a sequence compute on a decoder graph: opening (with teacher-forced scores) and generating. The
 * graph runs one piece of one sequence at a time; between pieces others get their turn and messages are read.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Pointer } from "#kernels";
import { checkIds, roomAfter, tooDear } from "../../engine/jobs.ts";
import type { Answers, EngineEvent, ScoredToken } from "../../engine/protocol.ts";
import type { Sampler } from "../../engine/sampler.ts";
import type { CommandOf } from "../../engine/sequence.ts";
import { createStopMask } from "../../engine/stop-mask.ts";
import type { Decoder } from "./decoder.ts";
import { type HiddenTaps, startTaps } from "./hidden-taps.ts";
import type { KvMemory } from "./kv-memory.ts";
import type { Sequence } from "./sequences.ts";

/** What jobs work with. */
export interface JobContext {
  readonly decoder: Decoder;
  readonly sampler: Sampler;
  /** Copies f32 [vocabulary] to where the sampler reads it. */
  readonly place: (logits: Float32Array) => Pointer;
  readonly contextTokens: number;
  readonly emit: (event: EngineEvent) => void;
  /** Runs `work` alone, in the order of asking. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly count: (rows: number) => void;
  readonly memory: KvMemory;
}

/** Tokens of one run of a prompt: the logits of all of them come back. */
const PIECE_TOKENS = 64;

/**
 * Computes the tokens of `open` that are needed now, after what `parent` has of them.
 * @throws TrimtabError FIELD_REQUIRED, FIELD_OUT_OF_RANGE (ids), CONTEXT_OVERFLOW, TOO_LARGE, INVALID_ARGUMENT (parent),
 *   CANCELLED, those of `KvMemory`
 */
export async function open(
  context: JobContext,
  sequence: Sequence,
  parent: Pick<Sequence, "ids" | "past"> | null,
  command: CommandOf<"open">,
): Promise<Answers["open"]> {
  const { decoder, sampler, memory } = context;
  const { ids, score } = command;
  const receivedMs = performance.now();
  checkIds({ contextTokens: context.contextTokens, vocabulary: decoder.vocabulary }, ids);
  if (parent && !parent.ids.every((id, index) => ids[index] === id)) {
    throw new TrimtabError("INVALID_ARGUMENT", "the parent's tokens are no prefix of the child's");
  }
  const taps = startTaps(context, command, ids.length, false);
  const isLastRead = taps.ranges.some((range) => range.end === ids.length);
  const end = command.complete || isLastRead ? ids.length : ids.length - 1;
  const firstScored = score ? score.first - 1 : end;
  const firstRead = Math.min(firstScored, ...taps.ranges.map(({ first }) => first));
  sequence.ids = [...ids];
  sequence.promptTokens = command.promptTokens;
  sequence.waitMs = command.caller.waitMs;
  sequence.past = parent ? decoder.cut(parent.past, Math.min(end, firstRead)) : decoder.empty;
  const reusedTokens = sequence.past.tokens;
  if (end - reusedTokens > (command.mostTokens ?? Infinity)) throw tooDear(end - reusedTokens, command);
  const scored: ScoredToken[] = [];
  let candidateLogprobs: readonly number[] = [];
  let startedMs: number | null = null;
  const isGone = () => sequence.ended !== null;
  await memory.promise(sequence, end, "open", isGone);
  await compute(context, sequence, { end, taps, isOver: isGone }, (position, logits) => {
    startedMs ??= performance.now();
    if (!score || position < firstScored || position > ids.length - 2) return;
    const isFirst = position === firstScored;
    const found = sampler.score(context.place(logits), ids[position + 1] ?? 0, score, isFirst);
    if (!found) throw notFinite();
    scored.push(found.token);
    if (isFirst) candidateLogprobs = found.candidates;
  });
  if (isGone()) throw sequence.ended;
  taps.finish();
  const now = performance.now();
  return {
    ...{ prefilledTokens: end - reusedTokens, reusedTokens, scored, candidateLogprobs },
    ...{ queueMs: (startedMs ?? now) - receivedMs, prefillMs: now - (startedMs ?? now) },
  };
}

/**
 * Draws tokens until one of them is an end or there are enough.
 * @param isOver asked before every token: somebody stopped the generation
 * @throws TrimtabError those of `roomAfter` and of `KvMemory`, NON_FINITE
 */
export async function generate(
  context: JobContext,
  sequence: Sequence,
  command: CommandOf<"generate">,
  isOver: () => boolean,
): Promise<Answers["generate"]> {
  const { decoder, sampler, contextTokens, emit, memory } = context;
  const { ids } = sequence;
  const room = roomAfter({ contextTokens, vocabulary: decoder.vocabulary }, ids.length, command);
  const most = command.maxTokens === 0 ? room : Math.min(command.maxTokens, room);
  const stopMask = createStopMask(command, decoder.vocabulary);
  const ends = new Set([...command.stopIds, ...command.haltIds]);
  let generatedTokens = 0;
  const taps = startTaps(context, command, ids.length, true);
  const finished = (reason: Answers["generate"]["reason"]): Answers["generate"] => {
    taps.finish();
    const nothing = { proof: [], replayedTokens: 0, draftedTokens: 0, acceptedTokens: 0 };
    return { ...nothing, reason, generatedTokens, sequenceTokens: ids.length };
  };
  sequence.past = decoder.cut(sequence.past, ids.length - 1);
  for (;;) {
    if (isOver()) return finished("cancelled");
    let token: ScoredToken | null = null;
    const last = ids.length - 1;
    await memory.promise(sequence, ids.length, "generate", isOver);
    await compute(context, sequence, { end: ids.length, taps, isOver }, (position, logits) => {
      if (position < last) return;
      token = sampler.sample(
        context.place(logits),
        ids,
        sequence.promptTokens,
        command,
        stopMask(generatedTokens),
      );
      if (!token) throw notFinite();
    });
    if (token === null) return finished("cancelled");
    const { id } = token as ScoredToken;
    ids.push(id);
    generatedTokens += 1;
    emit({ type: "tokens", call: command.call, tokens: [token] });
    if (ends.has(id)) return finished("stop");
    if (generatedTokens >= most) return finished("length");
  }
}

/** Computes the tokens of a sequence up to `end`, in pieces, until it `isOver`; `read` gets the logits of every position. */
async function compute(
  { decoder, alone, count }: JobContext,
  sequence: Sequence,
  { end, taps, isOver }: { end: number; taps: HiddenTaps; isOver: () => boolean },
  read: (position: number, logits: Float32Array) => void,
): Promise<void> {
  while (sequence.past.tokens < end && !isOver()) {
    await sequence.held?.promise;
    await alone(async () => {
      if (isOver()) return;
      const first = sequence.past.tokens;
      const piece = sequence.ids.slice(first, Math.min(end, first + PIECE_TOKENS));
      const { logits, hidden, past } = await decoder.run(piece, sequence.past, taps.blocks);
      count(piece.length);
      taps.take(first, hidden);
      const { vocabulary } = decoder;
      for (const index of piece.keys())
        read(first + index, logits.subarray(index * vocabulary, (index + 1) * vocabulary));
      sequence.past = past;
    });
  }
}

function notFinite(): TrimtabError {
  return new TrimtabError("NON_FINITE", "the logits of this sequence are not finite");
}
