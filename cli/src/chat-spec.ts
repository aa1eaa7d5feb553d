/** What the commands ask of a gateway: a conversation, its sampling, and a recipe if it is to be steered. */

/** A question and how to answer it. */
export interface ChatQuestion {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly seed?: number;
  /** Recipe to steer with, and a multiplier of its dose. */
  readonly recipe?: string;
  readonly scale?: number;
  /** Ask for the proof per layer. */
  readonly proof?: boolean;
  /** Answer base and steered from one shared prefix. */
  readonly compare?: boolean;
}

/** The generation spec of a question. */
export function chatSpec(question: ChatQuestion) {
  const { messages, maxTokens, temperature, seed, recipe, scale, proof, compare } = question;
  return {
    prompt: { case: "conversation" as const, value: { messages: [...messages] } },
    sampling: { temperature, seed: seed === undefined ? undefined : BigInt(seed) },
    maxTokens,
    steering: recipe === undefined ? undefined : { use: { recipe, scale }, proof, compare },
  };
}

/** A conversation of one message. */
export const userSays = (content: string) => [{ role: "user", content }];
