/** What a search tells of itself, as events. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SearchEventSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { finishReasonOf, type Member } from "./members.ts";
import { effectiveSampleSize } from "./resampling.ts";
import type { Judging, Resampling } from "./strategy.ts";

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

/** A candidate began; `steering` is the one of the request's that it runs under. */
export function candidateEvent({ id, parent }: Member, steering: number): SearchEventInit {
  return { case: "candidate", value: { candidate: id, parent, steering } };
}

/** A candidate was judged; with a `failure` the score stands in for a verdict. */
export function scoreEvent(
  { id }: Member,
  judging: Judging,
  score: number,
  failure: string,
): SearchEventInit {
  return { case: "score", value: { candidate: id, score, outcome: judging === "outcome", failure } };
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
