/** Log-probabilities of a prompt's own tokens, for `echo` with `logprobs`. */
import { create } from "@bufbuild/protobuf";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type Token, TokenSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { scoreItems } from "../flow/forward-calls.ts";

/** Tokens of a prompt as the model sees them. */
export interface ScoredPrompt {
  readonly tokens: readonly Token[];
  /** Tokens that were computed for it, and those that were known. */
  readonly prefilledTokens: number;
  readonly reusedTokens: number;
}

/** One token an id; the first has no predecessor, so its log-probability is NaN. */
export async function scorePrompt(
  clients: GatewayClients,
  model: Model,
  ids: readonly number[],
  topLogprobs: number,
  scope: CallScope,
): Promise<ScoredPrompt> {
  const [id = 0] = ids;
  const first = create(TokenSchema, { id, logprob: Number.NaN });
  if (ids.length < 2) return { tokens: [first], prefilledTokens: 0, reusedTokens: 0 };
  const what = { modelDigest: model.digest, items: [{ ids: [...ids], first: 1 }], topLogprobs };
  const scored = await scoreItems(clients, what, scope);
  const { prefilledTokens = 0, reusedTokens = 0 } = scored.usage ?? {};
  return { tokens: [first, ...(scored.items[0]?.tokens ?? [])], prefilledTokens, reusedTokens };
}
