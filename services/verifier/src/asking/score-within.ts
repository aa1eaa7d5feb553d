/** Scores that verdicts need of the model: billed, within the tokens that are left for them, and none for what its context cannot hold. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { fromConnectError } from "#kit/errors.ts";
import type {
  ForwardService,
  ScoredItem,
  ScoreItemSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Failed, JudgeContext } from "../verifier.ts";

type Items = readonly (MessageInitShape<typeof ScoreItemSchema> & { readonly ids: number[] })[];

/** One score an item, in order, or why there is none. @throws what forward fails with, but for texts that are too long. */
export async function scoreWithin(
  forward: Client<typeof ForwardService>,
  items: Items,
  candidateIds: number[],
  context: JudgeContext,
): Promise<(ScoredItem | Failed)[]> {
  try {
    return await scoreFitting(forward, items, candidateIds, context);
  } catch (error) {
    const { reason, limit } = fromConnectError(error);
    const most = reason === "CONTEXT_OVERFLOW" ? Number(limit) : Number.NaN;
    const fitting = items.filter(({ ids }) => ids.length <= most);
    if (!Number.isFinite(most) || fitting.length === items.length) throw error;
    // One that is too long has no verdict, and takes none from the others.
    const scored = fitting.length > 0 ? await scoreFitting(forward, fitting, candidateIds, context) : [];
    const scores = scored.values();
    return items.map(({ ids }) => (ids.length <= most ? (scores.next().value ?? TOO_LONG) : TOO_LONG));
  }
}

async function scoreFitting(
  forward: Client<typeof ForwardService>,
  items: Items,
  candidateIds: number[],
  { modelDigest, call, caller, spend, tokensLeft, onCut }: JudgeContext,
): Promise<(ScoredItem | Failed)[]> {
  const left = tokensLeft();
  if (left === 0) {
    onCut();
    return items.map(() => CUT);
  }
  const request = { modelDigest, items: [...items], candidateIds, maxTokens: left ?? 0 };
  const scored = await forward.score({ ...request, ...(caller && { caller }) }, call);
  spend(scored.usage?.prefilledTokens ?? items.reduce((sum, { ids }) => sum + ids.length, 0));
  const read = items.map((_, index) => scored.items[index] ?? NOTHING);
  if (left === undefined) return read;
  const kept = read.map((item) => ("tokens" in item && item.tokens.length === 0 ? CUT : item));
  if (kept.includes(CUT)) onCut();
  return kept;
}

/** The verdict that there were too few tokens left for. */
const CUT: Failed = { failure: "TOO_LARGE", reason: "the model would read more tokens than are left" };
const TOO_LONG: Failed = {
  failure: "CONTEXT_OVERFLOW",
  reason: "conversation, answer and question are longer than the model's context",
};
const NOTHING: Failed = { failure: "INTERNAL", reason: "the model gave too few scores" };
