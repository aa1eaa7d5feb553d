/**
 * Works a batch off in chunks: every verifier on a chunk, then its verdicts leave; verifiers that compare items have judged
 * all of them before. A cancelled call stops the work, and a verifier that breaks its contract (too few outcomes, no score
 * between 0 and 1, an exception, no end) spoils only its own.
 */
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { BATCH_LIMITS } from "../limits.ts";
import type { BoundVerifier } from "./validate.ts";
import { isJudged, type JudgeContext, type Outcome, type Prepared } from "./verifier.ts";

/** Outcomes of one item, one a verifier, in order. */
export interface ItemOutcomes {
  readonly index: number;
  readonly outcomes: readonly Outcome[];
}

/** Judges items in order. @throws what the signal was aborted with. */
export async function* runBatch(
  items: readonly ScoreItem[],
  verifiers: readonly BoundVerifier[],
  context: JudgeContext,
): AsyncGenerator<ItemOutcomes> {
  const compared = new Map<BoundVerifier, readonly Outcome[]>();
  for (const bound of verifiers) {
    if (bound.verifier.comparesItems) compared.set(bound, await judgeChunk(bound, items, context));
  }
  for (let start = 0; start < items.length; start += BATCH_LIMITS.chunkItems) {
    const end = start + BATCH_LIMITS.chunkItems;
    const chunk = items.slice(start, end);
    const columns: (readonly Outcome[])[] = [];
    for (const bound of verifiers) {
      columns.push(compared.get(bound)?.slice(start, end) ?? (await judgeChunk(bound, chunk, context)));
    }
    for (const offset of chunk.keys()) {
      yield { index: start + offset, outcomes: columns.map((column) => column[offset] ?? BROKEN) };
    }
  }
}

const BROKEN: Outcome = { failure: "INTERNAL", reason: "the verifier did not judge every item" };

async function judgeChunk(
  { verifier, prepared }: BoundVerifier,
  chunk: readonly ScoreItem[],
  context: JudgeContext,
): Promise<Outcome[]> {
  if (!verifier.judgesEachAlone) return judgeTogether(prepared, chunk, context);
  const outcomes: Outcome[] = [];
  for (const item of chunk) outcomes.push(...(await judgeTogether(prepared, [item], context)));
  return outcomes;
}

async function judgeTogether(
  prepared: Prepared,
  chunk: readonly ScoreItem[],
  context: JudgeContext,
): Promise<Outcome[]> {
  context.call.signal.throwIfAborted();
  try {
    const outcomes = await withinTime(prepared.score(chunk, context), context.call.signal);
    return outcomes.length === chunk.length ? outcomes.map(checkOutcome) : chunk.map(() => BROKEN);
  } catch (error) {
    context.call.signal.throwIfAborted();
    return chunk.map(() => ({ failure: fromConnectError(error).reason, reason: "the verifier failed" }));
  }
}

/** The verdicts, or the end of the call or of the time, whatever comes first. */
async function withinTime<T>(verdicts: T | Promise<T>, signal: AbortSignal): Promise<T> {
  if (!(verdicts instanceof Promise)) return verdicts;
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new TrimtabError("DEADLINE_EXCEEDED", "the verifier took too long", {
    limit: `${BATCH_LIMITS.chunkMs} ms`,
  });
  const timer = setTimeout(() => reject(late), BATCH_LIMITS.chunkMs);
  const leave = () => reject(signal.reason as Error);
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([verdicts, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}

function checkOutcome(outcome: Outcome): Outcome {
  if (!isJudged(outcome) || (outcome.score >= 0 && outcome.score <= 1)) return outcome;
  return { failure: "NON_FINITE", reason: "the verifier gave no score between 0 and 1" };
}
