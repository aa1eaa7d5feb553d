/** Scores that verdicts need of the model: billed, and within the tokens that are left for them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type {
  ForwardService,
  ScoredItem,
  ScoreItemSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Failed, JudgeContext } from "../verifier.ts";

type Items = readonly (MessageInitShape<typeof ScoreItemSchema> & { readonly ids: number[] })[];

/** One score an item, in order; undefined for those that there were too few tokens left for. */
export async function scoreWithin(
  forward: Client<typeof ForwardService>,
  items: Items,
  candidateIds: number[],
  { modelDigest, call, caller, spend, tokensLeft, onCut }: JudgeContext,
): Promise<(ScoredItem | undefined)[]> {
  const left = tokensLeft();
  if (left === 0) {
    onCut();
    return items.map(() => undefined);
  }
  const request = { modelDigest, items: [...items], candidateIds, maxTokens: left ?? 0 };
  const scored = await forward.score({ ...request, ...(caller && { caller }) }, call);
  spend(scored.usage?.prefilledTokens ?? items.reduce((sum, { ids }) => sum + ids.length, 0));
  const read = items.map((_, index) => scored.items[index]);
  if (left === undefined) return read;
  const kept = read.map((item) => (item?.tokens.length === 0 ? undefined : item));
  if (kept.includes(undefined)) onCut();
  return kept;
}

/** The verdict that there were too few tokens left for. */
export const CUT: Failed = {
  failure: "TOO_LARGE",
  reason: "the model would read more tokens than are left",
};
