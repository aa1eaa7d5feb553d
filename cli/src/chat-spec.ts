/** What the commands ask of a gateway: a conversation, its sampling, and what steers it, if anything does. */
import { TrimtabError } from "#kit/errors.ts";

/** A question and how to answer it. */
export interface ChatQuestion {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly seed?: number;
  /** Recipe to steer with, and a multiplier of its dose. */
  readonly recipe?: string;
  /** In place of the recipe's own mode. */
  readonly mode?: string;
  readonly scale?: number;
  /** A stored direction, edit or ruleset instead, and a relative dose in place of a scale. */
  readonly direction?: string;
  readonly dose?: number;
  /** Ask for the proof per layer. */
  readonly proof?: boolean;
  /** Answer base and steered from one shared prefix. */
  readonly compare?: boolean;
}

/** The generation spec of a question. */
export function chatSpec(question: ChatQuestion) {
  const { messages, maxTokens, temperature, seed, proof, compare } = question;
  const use = useOf(question);
  if (compare && !use)
    throw new TrimtabError("INVALID_ARGUMENT", "a comparison needs a recipe or a direction", {
      field: "--compare",
    });
  return {
    prompt: { case: "conversation" as const, value: { messages: [...messages] } },
    sampling: { temperature, seed: seed === undefined ? undefined : BigInt(seed) },
    maxTokens,
    steering: use && { use, proof, compare },
  };
}

/** What steers. @throws TrimtabError INVALID_ARGUMENT for a dose beside a scale, or a strength of nothing */
function useOf({ recipe, mode, direction, scale, dose }: ChatQuestion) {
  if (dose !== undefined && scale !== undefined)
    throw new TrimtabError("INVALID_ARGUMENT", "give a scale or a dose, not both", { field: "--dose" });
  if (recipe === undefined && direction === undefined) {
    if (dose === undefined && scale === undefined) return undefined;
    throw new TrimtabError("INVALID_ARGUMENT", "a strength needs a recipe or a direction", {
      field: dose === undefined ? "--scale" : "--dose",
    });
  }
  const strength = dose === undefined ? { scale } : { dose: doseOf(dose) };
  return { ...(recipe === undefined ? { direction } : { recipe, mode }), ...strength };
}

/** A relative dose as the API has it. */
export const doseOf = (value: number) => ({ dose: { case: "relative" as const, value } });

/** A conversation of one message. */
export const userSays = (content: string) => [{ role: "user", content }];
