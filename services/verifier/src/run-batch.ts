/**
 * Works a batch off in chunks: every verifier on a chunk, then its verdicts leave. A cancelled call stops the work, and
 * a verifier that breaks its contract (too few outcomes, no score between 0 and 1, an exception) spoils only its own.
 */
import { fromConnectError } from "#kit/errors.ts";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { BATCH_LIMITS } from "../limits.ts";
import type { BoundVerifier } from "./validate.ts";
import { isJudged, type JudgeContext, type Outcome } from "./verifier.ts";

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
  for (let start = 0; start < items.length; start += BATCH_LIMITS.chunkItems) {
    const chunk = items.slice(start, start + BATCH_LIMITS.chunkItems);
    const columns: Outcome[][] = [];
    for (const verifier of verifiers) columns.push(await judgeChunk(verifier, chunk, context));
    for (const offset of chunk.keys()) {
      yield { index: start + offset, outcomes: columns.map((column) => column[offset] ?? BROKEN) };
    }
  }
}

const BROKEN: Outcome = { failure: "INTERNAL", reason: "the verifier did not judge every item" };

async function judgeChunk(
  verifier: BoundVerifier,
  chunk: readonly ScoreItem[],
  context: JudgeContext,
): Promise<Outcome[]> {
  context.call.signal.throwIfAborted();
  try {
    const outcomes = await verifier.score(chunk, context);
    return outcomes.length === chunk.length ? outcomes.map(checkOutcome) : chunk.map(() => BROKEN);
  } catch (error) {
    context.call.signal.throwIfAborted();
    return chunk.map(() => ({ failure: fromConnectError(error).reason, reason: "the verifier failed" }));
  }
}

function checkOutcome(outcome: Outcome): Outcome {
  if (!isJudged(outcome) || (outcome.score >= 0 && outcome.score <= 1)) return outcome;
  return { failure: "NON_FINITE", reason: "the verifier gave no score between 0 and 1" };
}
