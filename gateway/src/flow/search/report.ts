/** What a search tells at its end: the choice, the votes, the candidates, and everything that was in effect. */
import { clone, create } from "@bufbuild/protobuf";
import {
  DegradedVerifier,
  type FinalEvent,
  FinalEventSchema,
  type ScalingBudget,
  ScalingBudgetSchema,
  type ScalingOptions,
  ScalingOptionsSchema,
  SearchEnd,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { answerOf } from "../../strategies/answers.ts";
import { finishReasonOf, lastScore, type Member } from "../../strategies/members.ts";
import type { SearchResult } from "../../strategies/runtime.ts";
import { meanLogprob } from "../../strategies/votes.ts";
import { answerRuleMessage } from "./options.ts";
import type { SearchRun } from "./search.ts";
import { ruleOf } from "./step-rule.ts";

/** The final event. */
export function finalReport(run: SearchRun, result: SearchResult): FinalEvent {
  const { prepared, scaling } = run;
  const { outcome, isSpent, isDegraded, leaves } = result;
  const whole = outcome.settled === true ? SearchEnd.SETTLED : SearchEnd.COMPLETE;
  return create(FinalEventSchema, {
    candidate: outcome.chosen.id,
    end: isSpent ? SearchEnd.BUDGET : whole,
    answers: [...(outcome.answers ?? [])],
    candidates: leaves.map((leaf) => candidateOf(run, leaf)),
    degraded: isDegraded,
    strategy: outcome.ran ?? scaling.strategy.name,
    parameters: scaling.parameters,
    budget: budgetInEffect(run),
    seed: prepared.seed,
    options: optionsInEffect(run),
  });
}

function budgetInEffect({ scaling }: SearchRun): ScalingBudget {
  const { tokens, candidates, milliseconds } = scaling.budget;
  const bound = (value: number): number => (Number.isFinite(value) ? value : 0);
  const bounds = { tokens: BigInt(bound(tokens)), candidates, milliseconds: bound(milliseconds) };
  return create(ScalingBudgetSchema, bounds);
}

/** What was asked for, defaults filled in; a stored table by its pinned name in place of its rows. */
function optionsInEffect(run: SearchRun): ScalingOptions {
  const { scaling } = run;
  const { table_from: stored, ...parameters } = scaling.parameters;
  return Object.assign(clone(ScalingOptionsSchema, scaling.asked), {
    parameters: stored === undefined ? parameters : { ...parameters, table: stored },
    budget: budgetInEffect(run),
    step: ruleOf(scaling.step),
    answer: answerRuleMessage(scaling.answer),
    degraded: scaling.isStrict ? DegradedVerifier.STRICT : DegradedVerifier.BEST_EFFORT,
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
