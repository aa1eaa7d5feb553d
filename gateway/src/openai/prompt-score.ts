/** Log-probabilities of a prompt's own tokens, for `echo` with `logprobs`. */
import { create } from "@bufbuild/protobuf";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type Token, TokenSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { scoreItems } from "../flow/forward-calls.ts";

/** One token an id; the first has no predecessor, so its log-probability is NaN. */
export async function scorePrompt(
  clients: GatewayClients,
  model: Model,
  ids: readonly number[],
  topLogprobs: number,
  scope: CallScope,
): Promise<Token[]> {
  const [id = 0] = ids;
  const first = create(TokenSchema, { id, logprob: Number.NaN });
  if (ids.length < 2) return [first];
  const what = { modelDigest: model.digest, items: [{ ids: [...ids], first: 1 }], topLogprobs };
  const scored = await scoreItems(clients, what, scope);
  return [first, ...(scored.items[0]?.tokens ?? [])];
}
