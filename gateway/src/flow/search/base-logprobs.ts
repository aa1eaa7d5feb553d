/**
 * What the unsteered model thinks of steered candidates: their tokens, teacher-forced without a program. Only tokens that were
 * not read before are scored; what the texts have in common is computed once. Cost: the new tokens, at prefill speed.
 */
import type { Candidate } from "../../strategies/strategy.ts";
import { scoreItems } from "../forward-calls.ts";
import type { Branch } from "./branches.ts";
import type { EngineInput } from "./engine-world.ts";

/** ln of the probability of each candidate's tokens, its end included; `tokens` were read for it. */
export async function readBaseLogprobs(
  { flow, prepared, scope, usage }: EngineInput,
  candidates: readonly Candidate[],
  branches: readonly Branch[],
): Promise<{ logprobs: readonly number[]; tokens: number }> {
  const unread = branches.filter(
    (branch) => branch.arm.program !== undefined && idsOf(branch).length > branch.base.tokens,
  );
  let tokens = 0;
  if (unread.length > 0) {
    const prompt = prepared.prompt.ids;
    const items = unread.map((branch) => ({
      ids: [...prompt, ...idsOf(branch)],
      first: prompt.length + branch.base.tokens,
    }));
    const answer = await scoreItems(flow.clients, { modelDigest: prepared.model.digest, items }, scope);
    usage.prefilledTokens += answer.usage?.prefilledTokens ?? 0;
    for (const [index, branch] of unread.entries()) {
      const read = answer.items[index]?.tokens ?? [];
      tokens += read.length;
      const logprob = read.reduce((total, token) => total + token.logprob, branch.base.logprob);
      branch.base = { logprob, tokens: idsOf(branch).length };
    }
  }
  const logprobs = branches.map(({ arm, base }, i) =>
    arm.program ? base.logprob : (candidates[i]?.logprob ?? 0),
  );
  return { logprobs, tokens };
}

function idsOf({ tokens, endId }: Branch): number[] {
  return [...tokens.map(({ id }) => id), ...(endId === undefined ? [] : [endId])];
}
