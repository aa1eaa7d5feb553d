/** What our answers carry beside OpenAI's: under `trimtab`, on the answer and on each choice. snake_case. */
import type {
  ChoiceFinishedEvent,
  FinalEvent,
  StartedEvent,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { PlanReport } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { FinishReason, type Timings, type Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import { type LayerProof, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import type { Verdict } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { totalUsage } from "../flow/usage.ts";
import { reportJson, scalingUsageJson } from "./scaling.ts";

const DIGITS = 6;

/** About the whole answer; `hasOneSeed` says that it holds for all of it. */
export function answerExtras(
  started: StartedEvent | undefined,
  timings?: Timings,
  hasOneSeed = true,
): object {
  return {
    generation_id: started?.generationId,
    model_digest: started?.modelDigest,
    seed: started === undefined || !hasOneSeed ? undefined : Number(started.seed),
    ...(timings ? { timings: timingsOf(timings) } : {}),
  };
}

/** About one choice: what steering decided (if the choice was meant to be steered) and what came of it. */
export function choiceExtras(
  plan: PlanReport | undefined,
  finished?: ChoiceFinishedEvent,
  verdicts: readonly Verdict[] = [],
  search?: FinalEvent,
): object {
  return {
    ...(finished ? { steered: finished.steered } : {}),
    ...(plan ? planOf(plan) : {}),
    ...(finished && finished.proof.length > 0 ? { proof: finished.proof.map(proofOf) } : {}),
    ...(verdicts.length > 0 ? { verdicts: verdicts.map(verdictOf) } : {}),
    ...(search ? { search: reportJson(search) } : {}),
  };
}

/** Usage in OpenAI's form, with ours beside it. */
export function usageOf(usages: readonly (Usage | undefined)[]): object {
  const { promptTokens, completionTokens, draftedTokens, scaling, ...total } = totalUsage(usages);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    // A prompt that is computed several times, as it is and under programs, is found several times: clients subtract this.
    prompt_tokens_details: { cached_tokens: Math.min(total.reusedTokens, promptTokens) },
    trimtab: {
      prefilled_tokens: total.prefilledTokens,
      replayed_tokens: total.replayedTokens,
      verified_tokens: total.verifiedTokens,
      ...(draftedTokens > 0 ? { drafted_tokens: draftedTokens, accepted_tokens: total.acceptedTokens } : {}),
      ...(scaling ? { scaling: scalingUsageJson(scaling) } : {}),
    },
  };
}

/** OpenAI's finish reason. */
export function finishReasonOf(reason: FinishReason | undefined): "stop" | "length" | "tool_calls" {
  if (reason === FinishReason.TOOL_CALLS) return "tool_calls";
  return reason === FinishReason.LENGTH ? "length" : "stop";
}

function planOf(plan: PlanReport): object {
  return {
    resolved: plan.resolved,
    gate: short(plan.gate),
    layer_weights: plan.layerWeights.map(short),
    layer_weights_source: plan.layerWeightsSource,
    ...(plan.rule === "" ? {} : { rule: plan.rule }),
    relative_doses: plan.relativeDoses.map(short),
    ...(plan.parts.length === 0 ? {} : { parts: plan.parts.map(planOf) }),
  };
}

function proofOf(proof: LayerProof): object {
  return {
    site: (Site[proof.site] ?? "").toLowerCase(),
    layer: proof.layer,
    rows: proof.rows,
    mean_relative_change: short(proof.meanRelativeChange),
    max_relative_change: short(proof.maxRelativeChange),
  };
}

function verdictOf(verdict: Verdict): object {
  const { verifier, score, label, reason, failure } = verdict;
  return {
    verifier,
    score: score ?? null,
    ...(label === "" ? {} : { label }),
    ...(reason === "" ? {} : { reason }),
    ...(failure === "" ? {} : { failure }),
  };
}

function timingsOf(timings: Timings): object {
  return {
    queue_ms: short(timings.queueMs),
    tokenize_ms: short(timings.tokenizeMs),
    prefill_ms: short(timings.prefillMs),
    plan_ms: short(timings.planMs),
    time_to_first_token_ms: short(timings.timeToFirstTokenMs),
    total_ms: short(timings.totalMs),
    tokens_per_second: short(timings.tokensPerSecond),
  };
}

/** A 32-bit float printed without the digits it does not have. */
function short(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
