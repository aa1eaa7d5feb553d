/** Tokens a request will take, before anything of it is tokenized: bytes of its prompt and the longest answers it allows. */
import { textsOfConversation } from "#kit/tools.ts";
import type {
  CaptureRequest,
  EmbedRequest,
  GenerationSpec,
  ScoreRequest,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { toolsOf } from "../flow/calls/tool-choice.ts";
import { ADMISSION_LIMITS } from "../limits.ts";
import { findStrategy } from "../strategies/registry.ts";

/** Tokens of so many bytes of text, as estimated. */
export const tokensOfBytes = (bytes: number): number => Math.ceil(bytes / ADMISSION_LIMITS.bytesPerToken);

/** Tokens of texts, as estimated. */
export function tokensOfTexts(texts: readonly string[]): number {
  return tokensOfBytes(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)) + 1;
}

/** Tokens of a generation: its prompt once, its answers in full, or what a search may spend. @throws TrimtabError STRATEGY_NOT_FOUND */
export function tokensOfGeneration(spec: GenerationSpec | undefined): number {
  if (!spec) return 1;
  const budget = spec.scaling?.budget;
  const strategy = findStrategy(spec.scaling?.strategy ?? "");
  const answer = spec.maxTokens || ADMISSION_LIMITS.openAnswerTokens;
  const choices = Math.max(1, spec.choices) * (spec.steering?.compare === true ? 2 : 1);
  const searched =
    Number(budget?.tokens ?? 0) || answer * (budget?.candidates || (strategy?.candidates ?? 1));
  return tokensOfInput(spec.prompt) + (strategy ? searched : choices * answer);
}

/** Tokens of a prompt of any form, and of texts after it. */
export function tokensOfInput(
  input: GenerationSpec["prompt"] | CaptureRequest["input"],
  more: readonly string[] = [],
): number {
  const after = tokensOfTexts(more);
  if (input.case === "ids") return input.value.ids.length + after;
  if (input.case === "text") return tokensOfTexts([input.value]) + after;
  const { messages = [] } = input.value ?? {};
  return tokensOfTexts(textsOfConversation(messages, toolsOf(input.value))) + after;
}

/** Tokens of answers to score, and of the conversation before them, once. */
export function tokensOfScore({ conversation, answers, answerIds }: ScoreRequest): number {
  const before = conversation ? { case: "conversation" as const, value: conversation } : { case: undefined };
  return tokensOfInput(before, answers) + answerIds.reduce((sum, { ids }) => sum + ids.length, 0);
}

/** Tokens of texts to embed. */
export function tokensOfEmbedding({ texts, tokenIds }: EmbedRequest): number {
  return tokensOfTexts(texts) + tokenIds.reduce((sum, { ids }) => sum + ids.length, 0);
}
