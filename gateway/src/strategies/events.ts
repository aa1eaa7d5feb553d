/** What a search tells of itself, as events. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SearchEventSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { finishReasonOf, type Member } from "./members.ts";
import { effectiveSampleSize } from "./resampling.ts";
import type { Resampling } from "./strategy.ts";

/** An event of a search, as it is sent. */
export type SearchEventInit = NonNullable<MessageInitShape<typeof SearchEventSchema>["event"]>;

/** Candidates were redrawn. */
export function resampleEvent({ candidates, weights, ancestors, temperature }: Resampling): SearchEventInit {
  const value = {
    candidates: candidates.map(({ id }) => id),
    weights: [...weights],
    ancestors: ancestors.map(({ id }) => id),
    effectiveSampleSize: effectiveSampleSize(weights),
    temperature,
  };
  return { case: "resample", value };
}

/** A candidate has grown from `before`. */
export function stepEvent(member: Member, before: Pick<Member, "text" | "tokens">): SearchEventInit {
  const value = {
    candidate: member.id,
    text: member.text.slice(before.text.length),
    tokens: member.tokens - before.tokens,
    ended: finishReasonOf(member.ended),
    depth: member.depth,
  };
  return { case: "step", value };
}
