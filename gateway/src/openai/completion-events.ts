/**
 * The events of one prompt of a completion request. `echo` puts the prompt in front, with the log-probabilities of its
 * tokens if they were asked for; `max_tokens: 0` then generates nothing, which is how evaluation harnesses score texts.
 */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import {
  type GenerateResponse,
  type GenerationSpec,
  TokenIdsSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason, type Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import { admitted } from "../admission/admitted.ts";
import { tokensOfGeneration, tokensOfInput } from "../admission/estimate.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { armsOf } from "../flow/arms.ts";
import { eventOf } from "../flow/events.ts";
import { resolveModel } from "../flow/model.ts";
import { encodePrompt } from "../flow/prompt.ts";
import { validateSpec } from "../flow/validate.ts";
import { LIMITS } from "../limits.ts";
import { observed } from "../observed.ts";
import { scorePrompt } from "./prompt-score.ts";
import type { CompletionBody } from "./schema.ts";
import { completionSpec } from "./to-spec.ts";

/** One prompt: text or token ids. */
export type CompletionPrompt = string | readonly number[];

/** The prompts of a body. */
export function promptsOf({ prompt }: CompletionBody): CompletionPrompt[] {
  if (typeof prompt === "string") return [prompt];
  if (typeof prompt[0] === "number") return [prompt as number[]];
  return prompt as string[] | number[][];
}

/** Choices of one prompt. */
export const choicesOf = ({ n = 1, steering }: CompletionBody): number =>
  n * (steering?.compare === true ? 2 : 1);

/** Checks what the schema cannot see. Throws a typed error naming the field. */
export function checkCompletion(body: CompletionBody): void {
  const refuse = (field: string, message: string): never => {
    throw new TrimtabError("INVALID_ARGUMENT", message, { field });
  };
  if (body.max_tokens === 0 && body.echo !== true) refuse("max_tokens", "max_tokens may be 0 only with echo");
  if (body.max_tokens === 0 && (body.min_tokens ?? 0) > 0) {
    refuse("min_tokens", "min_tokens may be at most max_tokens, which is 0");
  }
  if (body.best_of !== undefined && body.best_of !== (body.n ?? 1)) {
    refuse("best_of", "best_of must equal n: answers are not discarded");
  }
  if (body.echo === true) {
    const texts = promptsOf(body).filter((prompt) => typeof prompt === "string");
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    checkEchoed("echo", choicesOf(body) * bytes, LIMITS.echoedBytes, "bytes");
  }
  if (body.max_tokens === 0 && (body.verifiers ?? []).length > 0) {
    refuse("verifiers", "verifiers judge answers, and max_tokens: 0 generates none");
  }
  if (body.echo === true && body.logprobs !== undefined && body.steering !== undefined) {
    refuse(
      "echo",
      "echo with logprobs cannot be combined with steering; the RPC Score scores under steering",
    );
  }
}

/** Throws unless what is repeated over all choices is within the limit. */
function checkEchoed(field: string, count: number, limit: number, what: string): void {
  if (count <= limit) return;
  const message = `${count} ${what} of prompts would be repeated in the answer; at most ${limit} are`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field, limit });
}

/** What the prompts of one body that were read so far have repeated. */
export interface Echoed {
  logprobs: number;
}

/** What is generated from one prompt. */
function specOf(body: CompletionBody, prompt: CompletionPrompt): GenerationSpec {
  const given =
    typeof prompt === "string"
      ? ({ case: "text", value: prompt } as const)
      : ({ case: "ids", value: create(TokenIdsSchema, { ids: [...prompt] }) } as const);
  const spec = completionSpec(body, given);
  spec.echo = body.echo === true;
  return spec;
}

/** Whether the prompt itself is read first, and repeated from what was read. */
const isRead = ({ echo, logprobs, max_tokens: most }: CompletionBody): boolean =>
  echo === true && (logprobs !== undefined || most === 0);

/** Tokens of all prompts of a body, as estimated. @throws TrimtabError STRATEGY_NOT_FOUND */
export function tokensOfCompletion(body: CompletionBody): number {
  const tokensOf = (spec: GenerationSpec): number =>
    (isRead(body) ? tokensOfInput(spec.prompt) : 0) + (body.max_tokens === 0 ? 0 : tokensOfGeneration(spec));
  return promptsOf(body).reduce((sum, prompt) => sum + tokensOf(specOf(body, prompt)), 0);
}

/** Events of one prompt. */
export async function* completionEvents(
  gateway: GatewayContext,
  body: CompletionBody,
  prompt: CompletionPrompt,
  scope: CallScope,
  echoed: Echoed,
): AsyncGenerator<GenerateResponse, void> {
  const spec = specOf(body, prompt);
  if (!isRead(body)) {
    yield* observed(gateway, spec, scope);
    return;
  }
  validateSpec(spec);
  const echo = await admitted(gateway, scope, tokensOfInput(spec.prompt), () =>
    echoOf(gateway, spec, prompt, scope, echoed),
  );
  if (body.max_tokens === 0) {
    yield* nothingGenerated(spec, echo);
    return;
  }
  // The ids that were scored are the ids that are continued.
  spec.echo = false;
  spec.prompt = { case: "ids", value: create(TokenIdsSchema, { ids: [...echo.ids] }) };
  for await (const response of observed(gateway, spec, scope)) {
    const { event } = response;
    if (event.case === "completed" && event.value.usage)
      event.value.usage.prefilledTokens += echo.prefilledTokens;
    yield response;
    if (event.case === "started") yield* echoDeltas(spec, echo);
  }
}

interface Echo {
  readonly model: { readonly name: string; readonly digest: string };
  readonly ids: readonly number[];
  readonly text: string;
  readonly tokens: readonly Token[];
  /** Of the scores: tokens computed, and tokens known. */
  readonly prefilledTokens: number;
  readonly reusedTokens: number;
}

const UNSCORED = { tokens: [], prefilledTokens: 0, reusedTokens: 0 };

async function echoOf(
  { flow }: GatewayContext,
  spec: GenerationSpec,
  prompt: CompletionPrompt,
  scope: CallScope,
  echoed: Echoed,
): Promise<Echo> {
  const model = await resolveModel(flow.clients, spec.model, scope);
  const [{ ids }, vocabulary] = await Promise.all([
    encodePrompt(flow.clients, model, spec.prompt, scope),
    flow.vocabularies.get(model, scope),
  ]);
  if (spec.logprobs) echoed.logprobs += ids.length * armsOf(spec).length * (1 + spec.topLogprobs);
  checkEchoed("logprobs", echoed.logprobs, LIMITS.echoedLogprobs, "log-probabilities");
  const scored = spec.logprobs
    ? await scorePrompt(flow.clients, model, ids, spec.topLogprobs, scope)
    : UNSCORED;
  const decoder = vocabulary.decoder();
  const text =
    typeof prompt === "string" ? prompt : ids.map((id) => decoder.push(id)).join("") + decoder.end();
  return { model, ids, text, ...scored };
}

function* echoDeltas(spec: GenerationSpec, { text, tokens }: Echo): Generator<GenerateResponse> {
  for (const { index } of armsOf(spec))
    yield eventOf({ case: "delta", value: { choice: index, text, tokens: [...tokens] } });
}

function* nothingGenerated(spec: GenerationSpec, echo: Echo): Generator<GenerateResponse> {
  const promptTokens = echo.ids.length;
  const { name, digest } = echo.model;
  const seed = spec.sampling?.seed ?? 0n;
  yield eventOf({ case: "started", value: { model: name, modelDigest: digest, promptTokens, seed } });
  yield* echoDeltas(spec, echo);
  for (const { index } of armsOf(spec)) {
    yield eventOf({ case: "finished", value: { choice: index, reason: FinishReason.LENGTH } });
  }
  const { prefilledTokens, reusedTokens } = echo;
  yield eventOf({ case: "completed", value: { usage: { promptTokens, prefilledTokens, reusedTokens } } });
}
