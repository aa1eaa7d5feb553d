/**
 * The prompt of a request -> token ids. Conversations go through the model's chat template, template text and user text
 * tokenized apart; plain text is never read as special tokens. Oversized prompts are refused by length before that.
 */
import { TrimtabError } from "#kit/errors.ts";
import { textsOfConversation } from "#kit/tools.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { ChatMessage } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { toolsOf } from "./calls/tool-choice.ts";
import { failureOf } from "./reasons.ts";

/** A tokenized prompt. */
export interface Prompt {
  readonly ids: readonly number[];
  /** The conversation, for verifiers; empty for text and id prompts. */
  readonly messages: readonly ChatMessage[];
  /** How many of the ids belong to the given continuation: they come last. */
  readonly continuationTokens: number;
}

/** The beginning of an answer: its text, or the ids it was drawn as. */
export type Continuation = string | readonly number[];

/** Tokenizes a prompt, with `continuation` as the beginning of the answer. */
export async function encodePrompt(
  clients: GatewayClients,
  model: Model,
  prompt: GenerationSpec["prompt"],
  scope: CallScope,
  continuation: Continuation = "",
): Promise<Prompt> {
  if (prompt.case === "ids") {
    const more = await idsOf(clients, model, continuation, scope);
    const ids = checkIds([...prompt.value.ids, ...more], model);
    return { ids, messages: [], continuationTokens: more.length };
  }
  if (prompt.case === "text") {
    checkBytes(prompt.value, model);
    const ids = await encodeText(clients, model, prompt.value, true, scope);
    const more = await idsOf(clients, model, continuation, scope);
    return { ids: checkIds([...ids, ...more], model), messages: [], continuationTokens: more.length };
  }
  const messages = prompt.value?.messages ?? [];
  const tools = toolsOf(prompt.value);
  checkBytes(textsOfConversation(messages, tools).join(""), model);
  const begun = prompt.value?.continueFinal ? beginningOf(messages) : "";
  // The template renders the text of an answer; ids, and what follows a message that goes on, come after it.
  const rendersAnswer = begun === "" && typeof continuation === "string";
  const request = {
    ...{ modelDigest: model.digest, addGenerationPrompt: true, tools: [...tools] },
    continuation: rendersAnswer ? continuation : begun,
    messages: prompt.value?.continueFinal ? messages.slice(0, -1) : messages,
  };
  const rendered = await clients.tokenizer
    .renderChat(request, scope)
    .catch(failureOf("tokenizer", scope.signal));
  const more = rendersAnswer ? [] : await idsOf(clients, model, continuation, scope);
  const ids = checkIds([...rendered.ids, ...more], model);
  return { ids, messages, continuationTokens: rendersAnswer ? rendered.continuationTokens : more.length };
}

async function idsOf(
  clients: GatewayClients,
  model: Model,
  continuation: Continuation,
  scope: CallScope,
): Promise<readonly number[]> {
  if (typeof continuation !== "string") return continuation;
  return await encodeText(clients, model, continuation, false, scope);
}

/** The last message, which the answer goes on from. @throws TrimtabError if it is nobody's answer. */
function beginningOf(messages: readonly ChatMessage[]): string {
  const last = messages.at(-1);
  if (last?.role === "assistant" && messages.length > 1) return last.content;
  throw new TrimtabError("INVALID_ARGUMENT", "the message to continue must be an answer, after a question", {
    field: "conversation.messages",
  });
}

/** Ids of a text; `addSpecial` adds what the model expects at the start. Empty for an empty text without it. */
export async function encodeText(
  clients: GatewayClients,
  model: Model,
  text: string,
  addSpecial: boolean,
  scope: CallScope,
): Promise<readonly number[]> {
  if (text === "" && !addSpecial) return [];
  const request = { modelDigest: model.digest, texts: [text], addSpecial, parseSpecial: false };
  const answer = await clients.tokenizer.encode(request, scope).catch(failureOf("tokenizer", scope.signal));
  return answer.encodings[0]?.ids ?? [];
}

/** Ids of each text, with what the model expects at the start; one call for all. */
export async function encodeTexts(
  clients: GatewayClients,
  model: Model,
  texts: readonly string[],
  scope: CallScope,
): Promise<readonly (readonly number[])[]> {
  if (texts.length === 0) return [];
  for (const [index, text] of texts.entries()) checkBytes(text, model, `texts[${index}]`);
  const request = { modelDigest: model.digest, texts: [...texts], addSpecial: true, parseSpecial: false };
  const { encodings } = await clients.tokenizer
    .encode(request, scope)
    .catch(failureOf("tokenizer", scope.signal));
  return encodings.map(({ ids }) => ids);
}

function checkBytes(text: string, model: Model, field = "prompt"): void {
  const limit = Math.min(LIMITS.promptBytes, model.contextTokens * LIMITS.promptBytesPerContextToken);
  // A UTF-16 unit is at most three UTF-8 bytes: the exact count is only taken near the limit.
  if (text.length * 3 <= limit) return;
  const bytes = Buffer.byteLength(text, "utf8");
  if (bytes <= limit) return;
  throw new TrimtabError(
    "CONTEXT_OVERFLOW",
    `the prompt has ${bytes} bytes; the model's context of ${model.contextTokens} tokens takes at most ${limit}`,
    { field, limit: `${limit} bytes` },
  );
}

/** Throws unless the ids are tokens of the model that fit its context; `field` names them in the error. */
export function checkIds(ids: readonly number[], model: Model, field = "prompt"): readonly number[] {
  if (ids.length === 0) {
    throw new TrimtabError("FIELD_REQUIRED", `${field} is empty`, { field });
  }
  checkVocabulary(ids, model, field === "prompt" ? "ids.ids" : `${field}.ids`);
  if (ids.length > model.contextTokens) {
    throw new TrimtabError(
      "CONTEXT_OVERFLOW",
      `the prompt has ${ids.length} tokens; the model's context holds ${model.contextTokens}`,
      { field, limit: `${model.contextTokens} tokens` },
    );
  }
  return ids;
}

/** Refuses ids the model does not know. @throws TrimtabError FIELD_OUT_OF_RANGE naming the first */
export function checkVocabulary(ids: readonly number[], model: Model, field = "ids"): void {
  const wrong = ids.findIndex((id) => id >= model.vocabularySize);
  if (wrong < 0) return;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `token id ${ids[wrong]} is not in the vocabulary`, {
    field: `${field}[${wrong}]`,
    limit: `${model.vocabularySize - 1}`,
  });
}
