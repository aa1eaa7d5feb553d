/** HTTP bodies -> what the flow generates. Ranges were checked by the schema; the flow checks them again for gRPC. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type GenerationSpec,
  GenerationSpecSchema,
  type ScalingOptions,
  type SteeringOptions,
  SteeringOptionsSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { type SteeringUse, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { type SamplingParameters, SamplingParametersSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { ConflictRule, Phase, Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { TrimtabError } from "#kit/errors.ts";
import { constraintOf, speculationOf } from "./constraint.ts";
import { scalingOf, verifierOf } from "./scaling.ts";
import { AS_FAR_AS_POSSIBLE, type ChatBody, type CommonBody, type CompletionBody } from "./schema.ts";
import { conversationOf } from "./tools.ts";

type Init = Exclude<MessageInitShape<typeof GenerationSpecSchema>, GenerationSpec>;
type SteeringBody = NonNullable<CommonBody["steering"]>;
type UseBody = Omit<SteeringBody, "compare" | "proof">;

/** Tokens of a completion that does not say how many, as in OpenAI's API. */
const DEFAULT_COMPLETION_TOKENS = 16;

const SCOPES: Readonly<Record<NonNullable<SteeringBody["scope"]>, Scope>> = {
  prompt: Scope.PROMPT,
  last: Scope.LAST,
  decode: Scope.DECODE,
  window: Scope.WINDOW,
};

/** What a chat body wants generated. */
export function chatSpec(body: ChatBody): GenerationSpec {
  if (body.top_logprobs !== undefined && body.logprobs !== true) {
    throw new TrimtabError("INVALID_ARGUMENT", "top_logprobs needs logprobs: true", {
      field: "top_logprobs",
    });
  }
  return specOf(body, {
    prompt: { case: "conversation", value: conversationOf(body) },
    maxTokens: mostTokens(body.max_tokens ?? 0),
    logprobs: body.logprobs ?? false,
    topLogprobs: body.top_logprobs ?? 0,
  });
}

/** What one prompt of a completion body wants generated; echo is the caller's business. */
export function completionSpec(body: CompletionBody, prompt: Init["prompt"]): GenerationSpec {
  return specOf(body, {
    ...(prompt ? { prompt } : {}),
    maxTokens: mostTokens(body.max_tokens ?? DEFAULT_COMPLETION_TOKENS),
    logprobs: body.logprobs !== undefined,
    topLogprobs: body.logprobs ?? 0,
  });
}

function specOf(body: CommonBody, own: Init): GenerationSpec {
  const stop = typeof body.stop === "string" ? [body.stop] : (body.stop ?? []);
  return create(GenerationSpecSchema, {
    ...own,
    model: body.model,
    sampling: samplingOf(body),
    stop,
    choices: body.n ?? 1,
    minTokens: body.min_tokens ?? 0,
    ignoreModelStop: body.ignore_eos ?? false,
    ...constraintOf(body),
    ...(body.speculation ? { speculation: speculationOf(body.speculation) } : {}),
    ...(body.steering ? { steering: steeringOf(body.steering) } : {}),
    ...(body.scaling ? { scaling: searchOf(body.scaling) } : {}),
    verifiers: (body.verifiers ?? []).map(verifierOf),
  });
}

const mostTokens = (given: number): number => (given === AS_FAR_AS_POSSIBLE ? 0 : given);

function samplingOf(body: CommonBody): SamplingParameters {
  return create(SamplingParametersSchema, {
    topK: body.top_k ?? 0,
    minP: body.min_p ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    presencePenalty: body.presence_penalty ?? 0,
    logitBias: body.logit_bias ?? {},
    ...(body.temperature === undefined ? {} : { temperature: body.temperature }),
    ...(body.top_p === undefined ? {} : { topP: body.top_p }),
    ...(body.repetition_penalty === undefined ? {} : { repetitionPenalty: body.repetition_penalty }),
    ...(body.seed === undefined ? {} : { seed: BigInt(body.seed) }),
  });
}

/** The proof comes with every steered answer, unless it is declined. */
function steeringOf(body: SteeringBody): SteeringOptions {
  const use = useOf(body, "steering");
  return create(SteeringOptionsSchema, { use, compare: body.compare ?? false, proof: body.proof ?? true });
}

function searchOf({ diversify = [], ...body }: NonNullable<CommonBody["scaling"]>): ScalingOptions {
  const uses = diversify.map((use, index) => useOf(use, `scaling.diversify[${index}]`));
  return scalingOf(body, uses);
}

const CONFLICT_RULES = {
  sum: ConflictRule.UNSPECIFIED,
  priority: ConflictRule.PRIORITY,
  orthogonalize: ConflictRule.ORTHOGONALIZE,
  error: ConflictRule.ERROR,
} as const;

const PHASES = {
  text: Phase.TEXT,
  think: Phase.THINK,
  tool_call: Phase.TOOL_CALL,
  template: Phase.TEMPLATE,
} as const;

function useOf(body: UseBody, at: string): SteeringUse {
  const { relative, nats } = body.dose ?? {};
  if (body.dose && (relative === undefined) === (nats === undefined)) {
    throw new TrimtabError("INVALID_ARGUMENT", "a dose is either relative or in nats", {
      field: `${at}.dose`,
    });
  }
  const dose =
    relative === undefined
      ? ({ case: "nats", value: nats ?? 0 } as const)
      : ({ case: "relative", value: relative } as const);
  return create(SteeringUseSchema, {
    recipe: body.recipe ?? "",
    direction: body.direction ?? "",
    layers: body.layers ?? [],
    scope: body.scope === undefined ? Scope.UNSPECIFIED : SCOPES[body.scope],
    mode: body.mode ?? "",
    ...(body.scale === undefined ? {} : { scale: body.scale }),
    ...(body.dose ? { dose: { dose } } : {}),
    ...(body.force_gate === undefined ? {} : { forceGate: body.force_gate }),
    ...(body.weights ? { weights: weightsOf(body.weights) } : {}),
    parts: (body.parts ?? []).map((part, index) => useOf(part, `${at}.parts[${index}]`)),
    conflictRule: CONFLICT_RULES[body.conflict_rule ?? "sum"],
    priority: body.priority ?? 0,
    exclusive: body.exclusive ?? false,
    everyTokens: body.every_tokens ?? 0,
    clamp: body.clamp ?? false,
    phases: (body.phases ?? []).map((phase) => PHASES[phase]),
    ...(body.decay === undefined ? {} : { decay: body.decay }),
    ...(body.cap === undefined ? {} : { cap: body.cap }),
  });
}

function weightsOf({ arm, head = "", seed = 0 }: NonNullable<UseBody["weights"]>) {
  return { arm, head, seed };
}
