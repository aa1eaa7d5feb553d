/** `scaling` of a body, and what came of it: shape, translation, and the search as snake_case JSON. */
import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { z } from "zod";
import {
  AnswerForm,
  DegradedVerifier,
  type FinalEvent,
  FinalEventSchema,
  type ScalingOptions,
  ScalingOptionsSchema,
  type SearchEvent,
  SearchEventSchema,
  StrategySchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { type ScalingUsage, ScalingUsageSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { type VerifierUse, VerifierUseSchema } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { LIMITS, SCALING_LIMITS } from "../limits.ts";
import { listedStrategies } from "../strategies/listing.ts";

const reference = z.string().min(1).max(LIMITS.referenceChars);
const parameters = z.record(z.string(), z.unknown()).optional();
const count = (max: number) => z.int().min(0).max(max).optional();

/** A verifier: its name, or with parameters. */
export const verifierShape = z.union([reference, z.strictObject({ name: reference, parameters })]);

/** A bound that is given: a budget of nothing is refused, one that is left out is no bound. */
const bound = (max: number) => z.int().min(1).max(max).optional();

const budget = z.strictObject({
  tokens: bound(SCALING_LIMITS.tokens),
  candidates: bound(SCALING_LIMITS.candidates),
  milliseconds: bound(SCALING_LIMITS.milliseconds),
});

const step = z
  .strictObject({
    tokens: z.int().min(1).max(SCALING_LIMITS.stepTokens).optional(),
    separators: z.array(z.string().min(1)).min(1).max(SCALING_LIMITS.separators).optional(),
    max_tokens: count(SCALING_LIMITS.stepTokens),
    final_markers: z.array(z.string().min(1)).max(SCALING_LIMITS.finalMarkers).optional(),
    max_steps: count(SCALING_LIMITS.steps),
  })
  .refine(({ tokens, separators }) => tokens === undefined || separators === undefined, {
    message: "a step ends by tokens or at separators, not both",
  });

/** Shape of `scaling`; `use` is that of a steering. */
export function scalingShape<U extends z.ZodType>(use: U) {
  return z.strictObject({
    strategy: z.string().max(LIMITS.referenceChars).optional(),
    parameters,
    budget: budget.optional(),
    verifier: verifierShape.optional(),
    process_verifier: verifierShape.optional(),
    step: step.optional(),
    diversify: z.array(use).max(SCALING_LIMITS.diversify).optional(),
    degraded: z.enum(["strict", "best_effort"]).optional(),
    answer: z
      .strictObject({ form: z.enum(["number", "line", "text"]).optional(), marker: z.string().optional() })
      .optional(),
    trace: z.boolean().optional(),
  });
}

type Body = Omit<z.infer<ReturnType<typeof scalingShape>>, "diversify">;
type Init = Exclude<MessageInitShape<typeof ScalingOptionsSchema>, ScalingOptions>;

const DEGRADED = { strict: DegradedVerifier.STRICT, best_effort: DegradedVerifier.BEST_EFFORT };
const FORMS = { number: AnswerForm.NUMBER, line: AnswerForm.LINE, text: AnswerForm.TEXT };

/** What the flow is asked for. */
export function scalingOf(body: Body, diversify: readonly SteeringUse[]): ScalingOptions {
  const { budget: bounds, verifier, process_verifier, answer, degraded } = body;
  return create(ScalingOptionsSchema, {
    strategy: body.strategy ?? "",
    ...(body.parameters ? { parameters: structOf(body.parameters) } : {}),
    ...(bounds ? { budget: { ...bounds, tokens: BigInt(bounds.tokens ?? 0) } } : {}),
    ...(verifier === undefined ? {} : { verifier: verifierOf(verifier) }),
    ...(process_verifier === undefined ? {} : { processVerifier: verifierOf(process_verifier) }),
    ...(body.step ? { step: stepOf(body.step) } : {}),
    diversify: [...diversify],
    ...(degraded === undefined ? {} : { degraded: DEGRADED[degraded] }),
    ...(answer
      ? {
          answer: {
            form: answer.form ? FORMS[answer.form] : AnswerForm.UNSPECIFIED,
            marker: answer.marker ?? "",
          },
        }
      : {}),
    trace: body.trace ?? false,
  });
}

/** A verifier with its parameters. */
export function verifierOf(use: z.infer<typeof verifierShape>): VerifierUse {
  if (typeof use === "string") return create(VerifierUseSchema, { name: use });
  const { name, parameters: given } = use;
  return create(VerifierUseSchema, { name, ...(given ? { parameters: structOf(given) } : {}) });
}

/** The report of a search. */
export function reportJson(report: FinalEvent): object {
  return toJson(FinalEventSchema, report, JSON_FORM) as object;
}

/** An event of a search. */
export function searchJson(event: SearchEvent): object {
  return toJson(SearchEventSchema, event, JSON_FORM) as object;
}

/** The cost of searches. */
export function scalingUsageJson(usage: ScalingUsage): object {
  return toJson(ScalingUsageSchema, usage, JSON_FORM) as object;
}

/** GET /v1/strategies. */
export function strategiesJson(): object {
  const data = listedStrategies().map((listed) => {
    const strategy = create(StrategySchema, listed);
    const { parameters_schema: _, ...shown } = toJson(StrategySchema, strategy, JSON_FORM) as Record<
      string,
      unknown
    >;
    return { object: "strategy", ...shown, parameters: JSON.parse(strategy.parametersSchema) as unknown };
  });
  return { object: "list", data };
}

const JSON_FORM = { useProtoFieldName: true, alwaysEmitImplicit: true } as const;

function stepOf({ tokens, separators, ...ends }: z.infer<typeof step>): Init["step"] {
  const { max_tokens: maxTokens = 0, final_markers: finalMarkers = [], max_steps: maxSteps = 0 } = ends;
  const rest = { maxTokens, finalMarkers, maxSteps };
  if (separators) return { rule: { case: "separators", value: { values: separators } }, ...rest };
  return tokens === undefined ? rest : { rule: { case: "tokens", value: tokens }, ...rest };
}

/** Values of a parsed JSON body are JSON values. */
function structOf(given: Record<string, unknown>) {
  return given as NonNullable<MessageInitShape<typeof VerifierUseSchema>["parameters"]>;
}
