/** What a search tells at its end: the choice, the votes, the candidates, and everything that was in effect. */
import { create } from "@bufbuild/protobuf";
import {
  type FinalEvent,
  FinalEventSchema,
  SearchEnd,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { answerOf } from "../../strategies/answers.ts";
import { finishReasonOf, lastScore, type Member } from "../../strategies/members.ts";
import type { SearchResult } from "../../strategies/runtime.ts";
import { meanLogprob } from "../../strategies/votes.ts";
import type { SearchRun } from "./search.ts";

/** The final event. */
export function finalReport(run: SearchRun, result: SearchResult): FinalEvent {
  const { prepared, scaling } = run;
  const { outcome, isSpent, isDegraded, leaves } = result;
  const { tokens, candidates, milliseconds } = scaling.budget;
  const bound = (value: number): number => (Number.isFinite(value) ? value : 0);
  const whole = outcome.settled === true ? SearchEnd.SETTLED : SearchEnd.COMPLETE;
  return create(FinalEventSchema, {
    candidate: outcome.chosen.id,
    end: isSpent ? SearchEnd.BUDGET : whole,
    answers: [...(outcome.answers ?? [])],
    candidates: leaves.map((leaf) => candidateOf(run, leaf)),
    degraded: isDegraded,
    strategy: outcome.ran ?? scaling.strategy.name,
    parameters: scaling.parameters,
    budget: { tokens: BigInt(bound(tokens)), candidates, milliseconds: bound(milliseconds) },
    seed: prepared.seed,
  });
}

function candidateOf({ scaling }: SearchRun, member: Member) {
  const score = lastScore(member);
  const isCut = member.ended === undefined;
  return {
    candidate: member.id,
    parent: member.parent,
    answer: answerOf(member.text, scaling.answer) ?? "",
    tokens: member.tokens,
    reason: isCut ? FinishReason.CANCELLED : finishReasonOf(member.ended),
    text: scaling.isTraced ? member.text : "",
    meanLogprob: meanLogprob(member),
    ...(score === undefined ? {} : { score }),
  };
}
