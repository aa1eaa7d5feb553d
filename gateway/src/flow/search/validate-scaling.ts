/** Ranges of a request's scaling, and what does not go with a search. Strategy and verifiers are checked later. */
import { TrimtabError } from "#kit/errors.ts";
import type { JsonObject } from "@bufbuild/protobuf";
import {
  AnswerForm,
  DegradedVerifier,
  type GenerationSpec,
  type ScalingOptions,
  type StepRule,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SCALING_LIMITS as LIMITS } from "../../limits.ts";
import { findStrategy, NO_STRATEGY } from "../../strategies/registry.ts";
import type { Strategy } from "../../strategies/strategy.ts";
import { choiceOf } from "../calls/tool-choice.ts";
import { checkBytes, checkCount, checkMarks, checkRange, checkRequired, checkText } from "../checks.ts";

/** Throws a typed error that names the field unless the scaling of `spec` makes sense. */
export function validateScaling(spec: GenerationSpec): void {
  const { scaling } = spec;
  if (!scaling) return;
  checkText("scaling.strategy", scaling.strategy);
  const strategy = findStrategy(scaling.strategy);
  if (!strategy) return checkNothingElse(scaling);
  checkCompany(spec);
  checkStrategy(spec, strategy);
  const { budget, step, answer, diversify, verifier, processVerifier } = scaling;
  checkRange("scaling.budget.tokens", Number(budget?.tokens ?? 0), { min: 0, max: LIMITS.tokens });
  checkRange("scaling.budget.candidates", budget?.candidates, { min: 0, max: LIMITS.candidates });
  checkRange("scaling.budget.milliseconds", budget?.milliseconds, { min: 0, max: LIMITS.milliseconds });
  if (step) checkStep(step);
  checkText("scaling.answer.marker", answer?.marker ?? "");
  checkBytes("scaling.answer.marker", answer?.marker ?? "", LIMITS.markerBytes);
  checkEnum("scaling.answer.form", answer?.form, AnswerForm);
  checkEnum("scaling.degraded", scaling.degraded, DegradedVerifier);
  checkCount("scaling.diversify", diversify.length, LIMITS.diversify);
  if (verifier) checkRequired("scaling.verifier.name", verifier.name !== "", "the verifier has no name");
  if (processVerifier) {
    const field = "scaling.process_verifier.name";
    checkRequired(field, processVerifier.name !== "", "the verifier has no name");
  }
}

/** Without a strategy nothing is searched: whatever says how would be ignored in silence. */
function checkNothingElse(scaling: ScalingOptions): void {
  const { parameters, budget, verifier, processVerifier, step, diversify, degraded, answer, trace } = scaling;
  const given = {
    budget,
    verifier,
    process_verifier: processVerifier,
    step,
    diversify: diversify.length > 0,
    degraded,
    answer,
    trace,
  };
  const parameter = Object.keys(parameters ?? {})[0];
  const field = parameter === undefined ? undefined : `parameters.${parameter.slice(0, LIMITS.markerBytes)}`;
  const extra = field ?? Object.entries(given).find(([, value]) => Boolean(value))?.[0];
  if (extra === undefined) return;
  throw new TrimtabError("UNKNOWN_FIELD", `the strategy "${NO_STRATEGY}" takes nothing else`, {
    field: `scaling.${extra}`,
  });
}

/** What a search cannot be combined with. */
function checkCompany({ choices, steering, speculation, echo, logprobs, scaling }: GenerationSpec): void {
  const conflicts: readonly (readonly [boolean, string, string])[] = [
    [choices > 1, "choices", "a search answers with one choice"],
    [steering?.compare === true, "steering.compare", "a search does not compare"],
    [speculation !== undefined, "speculation", "a search does not speculate"],
    [echo, "echo", "a search does not repeat its prompt"],
    [logprobs, "logprobs", "a search reports no log-probabilities of tokens"],
    [
      (scaling?.diversify.length ?? 0) > 0 && steering !== undefined,
      "scaling.diversify",
      "it excludes steering",
    ],
  ];
  for (const [isGiven, field, message] of conflicts) {
    if (isGiven) throw new TrimtabError("UNSUPPORTED", message, { field });
  }
}

/** What a strategy, named or handed over to, needs of a request. @throws TrimtabError UNSUPPORTED naming what it cannot do with */
export function checkStrategy(spec: GenerationSpec, strategy: Strategy): void {
  const { name, needsPlainSampling, needsConversation } = strategy;
  if (needsPlainSampling) checkPlainSampling(spec, name);
  if (!needsConversation || spec.prompt.case === "conversation") return;
  const message = `${name} shows answers as messages: the prompt must be a conversation`;
  throw new TrimtabError("UNSUPPORTED", message, { field: "scaling.strategy" });
}

/** What a strategy may hold at once must fit. @throws TrimtabError FIELD_OUT_OF_RANGE that says how many candidates would */
export function checkHeld({ name, holds }: Strategy, candidates: number, parameters: JsonObject): void {
  const most = LIMITS.held;
  if (holds === undefined || holds(candidates, parameters) <= most) return;
  let allowed = candidates;
  while (allowed > 0 && holds(allowed, parameters) > most) allowed--;
  const message =
    `${name} may hold ${holds(candidates, parameters)} sequences with ${candidates} candidates and these parameters; ` +
    `${most} can be held`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, {
    field: "scaling.budget.candidates",
    limit: `at most ${allowed}`,
  });
}

/** A verifier that judges few at once must not be shown more. @throws TrimtabError FIELD_OUT_OF_RANGE that says how many candidates it can judge */
export function checkJudged(verifier: string, maxItems: number, candidates: number): void {
  if (maxItems === 0 || candidates <= maxItems) return;
  const message = `${verifier} judges at most ${maxItems} candidates; the budget has ${candidates}`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, {
    field: "scaling.budget.candidates",
    limit: `at most ${maxItems}`,
  });
}

/** Weights need the probabilities that tokens were drawn with. @throws TrimtabError UNSUPPORTED naming what shapes them */
function checkPlainSampling(spec: GenerationSpec, name: string): void {
  const { sampling, constraint, stop } = spec;
  const shaped: readonly (readonly [boolean, string])[] = [
    [(sampling?.temperature ?? 1) !== 1, "sampling.temperature"],
    [(sampling?.topP ?? 1) !== 1, "sampling.top_p"],
    [(sampling?.topK ?? 0) > 0, "sampling.top_k"],
    [(sampling?.minP ?? 0) > 0, "sampling.min_p"],
    [(sampling?.repetitionPenalty ?? 1) !== 1, "sampling.repetition_penalty"],
    [(sampling?.frequencyPenalty ?? 0) !== 0, "sampling.frequency_penalty"],
    [(sampling?.presencePenalty ?? 0) !== 0, "sampling.presence_penalty"],
    [Object.keys(sampling?.logitBias ?? {}).length > 0, "sampling.logit_bias"],
    [choiceOf(spec).isHeld, "conversation.tools"],
    [constraint !== undefined, "constraint"],
    [stop.length > 0, "stop"],
  ];
  for (const [isShaped, field] of shaped) {
    const message = `${name} needs the model's own probabilities: nothing may shape them`;
    if (isShaped) throw new TrimtabError("UNSUPPORTED", message, { field });
  }
}

function checkStep({ rule, maxTokens, finalMarkers, maxSteps }: StepRule): void {
  checkRange("scaling.step.max_tokens", maxTokens, { min: 0, max: LIMITS.stepTokens });
  if (rule.case === "tokens")
    checkRange("scaling.step.tokens", rule.value, { min: 1, max: LIMITS.stepTokens });
  checkRange("scaling.step.max_steps", maxSteps, { min: 0, max: LIMITS.steps });
  checkMarks("scaling.step.final_markers", finalMarkers, {
    count: LIMITS.finalMarkers,
    bytes: LIMITS.markBytes,
  });
  if (rule.case !== "separators") return;
  const field = "scaling.step.separators";
  checkRequired(field, rule.value.values.length > 0, "there is no separator");
  checkMarks(field, rule.value.values, { count: LIMITS.separators, bytes: LIMITS.markBytes });
}

function checkEnum(field: string, value: number | undefined, known: Readonly<Record<number, unknown>>): void {
  if (value === undefined || known[value] !== undefined) return;
  throw new TrimtabError("INVALID_ARGUMENT", "unknown value", { field });
}
