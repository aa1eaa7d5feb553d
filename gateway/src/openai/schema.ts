/** Shapes and ranges of the HTTP bodies, under our names (see aliases.ts). Unknown fields are refused by name. */
import { z } from "zod";
import { type Reason, TrimtabError } from "#kit/errors.ts";
import type { Range } from "../flow/checks.ts";
import { MODES } from "../flow/validate.ts";
import { LIMITS, SAMPLING_RANGES } from "../limits.ts";
import { fieldPath, type JsonObject } from "./body.ts";
import { scalingShape, verifierShape } from "./scaling.ts";
import { conversationShapes } from "./tools.ts";

const UINT32_MAX = 2 ** 32 - 1;
const INT32_MAX = 2 ** 31 - 1;
/** `max_tokens` without a limit but the context. */
export const AS_FAR_AS_POSSIBLE = -1;
const flag = z.boolean().optional();
const number = (min: number, max: number) => z.number().min(min).max(max).optional();
const integer = (min: number, max: number) => z.int().min(min).max(max).optional();
/** A number in one of the ranges that the flow checks, too. */
function ranged({ min, max, openMin = false }: Range) {
  const least = openMin ? z.number().gt(min) : z.number().min(min);
  return least.max(max).optional();
}
/** Tokens of an answer; llama.cpp's -1 is as far as the context goes. */
const answerTokens = (min: number) =>
  z.union([z.literal(AS_FAR_AS_POSSIBLE), z.int().min(min).max(LIMITS.maxTokens)]).optional();
const reference = z.string().min(1).max(LIMITS.referenceChars);

const singleUse = z.strictObject({
  recipe: reference.optional(),
  direction: reference.optional(),
  scale: number(-LIMITS.steeringScale, LIMITS.steeringScale),
  dose: z
    .strictObject({ relative: number(0, LIMITS.relativeDose), nats: number(0, LIMITS.natsDose) })
    .optional(),
  layers: z.array(z.int().min(0).max(LIMITS.layer)).max(LIMITS.usedLayers).optional(),
  scope: z.enum(["prompt", "last", "decode", "window"]).optional(),
  mode: z.enum(MODES).optional(),
  weights: z
    .strictObject({
      arm: z.enum(["uniform", "random", "learned", "permuted", "mean"]),
      head: reference.optional(),
      seed: integer(0, UINT32_MAX),
    })
    .optional(),
  force_gate: number(0, 1),
  priority: integer(-INT32_MAX - 1, INT32_MAX),
  decay: number(0, 1),
  cap: number(0, LIMITS.relativeDose),
  clamp: flag,
  phases: z.array(z.enum(["text", "think", "tool_call", "template"])).optional(),
});
const steeringUse = singleUse.extend({
  parts: z.array(singleUse).min(1).max(LIMITS.steeringParts).optional(),
  conflict_rule: z.enum(["sum", "priority", "orthogonalize", "error"]).optional(),
  exclusive: flag,
  every_tokens: integer(1, LIMITS.maxTokens),
});

const steering = steeringUse.extend({ compare: flag, proof: flag });
const scaling = scalingShape(steeringUse);

const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: reference,
      description: z.string().nullable().optional(),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().nullable().optional(),
    }),
  }),
]);
const structuredOutputs = z.strictObject({
  regex: z.string().optional(),
  grammar: z.string().optional(),
  choice: z.array(z.string()).optional(),
});
const speculation = z.strictObject({
  prompt_lookup: z.strictObject({ ngram: integer(1, LIMITS.ngram), max_draft: integer(1, LIMITS.draft) }),
});

/** Counts entries before each of them is looked at: a record of a hundred thousand would keep everybody waiting. */
function fewEntries(maximum: number): z.core.CheckFn<unknown> {
  return ({ value, issues }) => {
    if (typeof value !== "object" || value === null || Object.keys(value).length <= maximum) return;
    const message = `at most ${maximum} entries`;
    issues.push({ code: "too_big", origin: "record", maximum, message, input: value, continue: false });
  };
}

const biases = z.record(
  z.string().regex(/^\d{1,9}$/),
  z.number().min(-LIMITS.logitBias).max(LIMITS.logitBias),
);

const common = {
  model: reference,
  stream: flag,
  stream_options: z.strictObject({ include_usage: flag, include_obfuscation: flag }).optional(),
  n: integer(1, LIMITS.choices),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(LIMITS.stopStrings)]).optional(),
  temperature: ranged(SAMPLING_RANGES.temperature),
  top_p: ranged(SAMPLING_RANGES.topP),
  top_k: integer(SAMPLING_RANGES.topK.min, SAMPLING_RANGES.topK.max),
  min_p: ranged(SAMPLING_RANGES.minP),
  repetition_penalty: ranged(SAMPLING_RANGES.repetitionPenalty),
  frequency_penalty: ranged(SAMPLING_RANGES.frequencyPenalty),
  presence_penalty: ranged(SAMPLING_RANGES.presencePenalty),
  logit_bias: z.unknown().check(fewEntries(LIMITS.logitBiasEntries)).pipe(biases).optional(),
  min_tokens: integer(0, LIMITS.maxTokens),
  ignore_eos: flag,
  steering: steering.optional(),
  scaling: scaling.optional(),
  verifiers: z.array(verifierShape).max(LIMITS.verifiers).optional(),
  response_format: responseFormat.optional(),
  structured_outputs: structuredOutputs.optional(),
  speculation: speculation.optional(),
};

const chat = z.strictObject({
  ...common,
  ...conversationShapes,
  max_tokens: answerTokens(1),
  logprobs: flag,
  top_logprobs: integer(0, LIMITS.topLogprobs),
});

const tokenIds = z.array(z.int().min(0).max(UINT32_MAX)).min(1);
const completion = z.strictObject({
  ...common,
  prompt: z.union([
    z.string(),
    tokenIds,
    z.array(z.string()).min(1).max(LIMITS.prompts),
    z.array(tokenIds).min(1).max(LIMITS.prompts),
  ]),
  max_tokens: answerTokens(0),
  logprobs: integer(0, LIMITS.topLogprobs),
  echo: flag,
  best_of: integer(1, LIMITS.choices),
});

const embedding = z.strictObject({
  model: reference,
  input: z.union([
    z.string(),
    tokenIds,
    z.array(z.string()).min(1).max(LIMITS.embeddings),
    z.array(tokenIds).min(1).max(LIMITS.embeddings),
  ]),
  encoding_format: z.enum(["float", "base64"]).optional(),
  dimensions: integer(1, LIMITS.dimensions),
  layer: integer(0, LIMITS.layer),
  pooling: z.enum(["mean", "last", "max_norm"]).optional(),
  final_norm: flag,
  normalize: flag,
});

/** Body of an embedding request. */
export type EmbeddingBody = z.infer<typeof embedding>;
/** Body of a chat completion. */
export type ChatBody = z.infer<typeof chat>;
/** Body of a completion. */
export type CompletionBody = z.infer<typeof completion>;
/** What both have. */
export type CommonBody = Pick<ChatBody, keyof typeof common>;

/** Parses a chat body; throws a typed error that names the field at fault. */
export function parseChatBody(body: JsonObject): ChatBody {
  const messages = Array.isArray(body.messages) ? body.messages.map(withoutNulls) : body.messages;
  return parse(chat, messages === undefined ? body : { ...body, messages });
}

/** Parses a completion body; throws a typed error that names the field at fault. */
export function parseCompletionBody(body: JsonObject): CompletionBody {
  return parse(completion, body);
}

/** Parses an embedding body; throws a typed error that names the field at fault. */
export function parseEmbeddingBody(body: JsonObject): EmbeddingBody {
  return parse(embedding, body);
}

/** Messages of our own answers come back with `refusal: null` and the like. */
function withoutNulls(item: unknown): unknown {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
  return Object.fromEntries(
    Object.entries(item).filter(([name, value]) => value !== null || name === "content"),
  );
}

const REASONS: Readonly<Record<string, Reason>> = {
  unrecognized_keys: "UNKNOWN_FIELD",
  too_small: "FIELD_OUT_OF_RANGE",
  too_big: "FIELD_OUT_OF_RANGE",
};

function parse<T>(schema: z.ZodType<T>, body: JsonObject): T {
  const result = schema.safeParse(body, { reportInput: true });
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  if (!issue) throw new TrimtabError("INVALID_ARGUMENT", "the body is not valid");
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  const field = path.reduce<string>(fieldPath, "");
  const missing = issue.code.startsWith("invalid_") && issue.input === undefined;
  const reason = missing ? "FIELD_REQUIRED" : (REASONS[issue.code] ?? "INVALID_ARGUMENT");
  throw new TrimtabError(reason, `${field}: ${missing ? "is required" : issue.message}`, { field });
}

/** Of a failed union, what is wrong with the alternative that came furthest. */
function deepest(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== "invalid_union") return issue;
  const inner = issue.errors
    .map((issues) => deepest(issues[0]))
    .filter((found) => found !== undefined)
    .sort((a, b) => depth(b) - depth(a))[0];
  if (!inner || depth(inner) === 0) return issue;
  return { ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue;
}

function depth(issue: z.core.$ZodIssue): number {
  return issue.path.length + (issue.code === "unrecognized_keys" || issue.code.startsWith("too_") ? 1 : 0);
}
