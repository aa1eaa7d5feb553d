/** Text to ids and back, through the tokenizer service. */
import { BUILD_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import { chunks, inParallel, patientCall } from "./call.ts";

/** A templated prompt, with or without an answer. */
export interface Rendered {
  readonly ids: number[];
  /** Ids of the answer; they come last. */
  readonly answerTokens: number;
}

/** One conversation of a user's prompt and the beginning of an answer. */
export interface Turn {
  readonly prompt: string;
  readonly answer?: string;
}

/** Renders turns with the model's chat template, generation prompt included. */
export async function renderTurns(
  { tokenizer }: SteeringClients,
  model: ModelShape,
  turns: readonly Turn[],
  { signal }: WorkScope,
): Promise<Rendered[]> {
  return inParallel(turns, BUILD_LIMITS.renderParallel, async ({ prompt, answer }) => {
    const request = {
      modelDigest: model.digest,
      messages: [{ role: "user", content: prompt }],
      addGenerationPrompt: true,
      continuation: answer ?? "",
    };
    const { ids, continuationTokens } = await patientCall(signal, (options) =>
      tokenizer.renderChat(request, options),
    );
    return { ids, answerTokens: continuationTokens };
  });
}

/** Ids of the token by which the model's template ends an answer; all stop ids if it shows none. */
export async function endOfTurnIds(
  { tokenizer }: SteeringClients,
  model: ModelShape,
  { signal }: WorkScope,
): Promise<readonly number[]> {
  const messages = ["user", "assistant"].map((role) => ({ role, content: "Hello" }));
  const request = { modelDigest: model.digest, messages, addGenerationPrompt: false };
  const { ids } = await patientCall(signal, (options) => tokenizer.renderChat(request, options));
  const end = ids.findLast((id) => model.stopIds.includes(id));
  return end === undefined ? model.stopIds : [end];
}

/** Ids of plain texts; spellings of special tokens stay text. */
export async function encodeTexts(
  { tokenizer }: SteeringClients,
  model: ModelShape,
  texts: readonly string[],
  { signal }: WorkScope,
): Promise<number[][]> {
  const parts = await inParallel(chunks(texts, BUILD_LIMITS.batchItems), 1, async (part) => {
    const request = { modelDigest: model.digest, texts: part, addSpecial: false, parseSpecial: false };
    const { encodings } = await patientCall(signal, (options) => tokenizer.encode(request, options));
    return encodings.map((encoding) => encoding.ids);
  });
  return parts.flat();
}

/** Texts of answers, special tokens left out. */
export async function decodeAnswers(
  { tokenizer }: SteeringClients,
  model: ModelShape,
  answers: readonly (readonly number[])[],
  { signal }: WorkScope,
): Promise<string[]> {
  return inParallel(answers, BUILD_LIMITS.renderParallel, async (ids) => {
    if (ids.length === 0) return "";
    const request = { modelDigest: model.digest, ids: [...ids], skipSpecial: true };
    const { text } = await patientCall(signal, (options) => tokenizer.decode(request, options));
    return text;
  });
}
