/** Settings → the request they mean, as the API's own messages. */
import type { Settings } from "./settings.ts";

/** A message of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Alternatives asked for with every token. */
export const TOP_LOGPROBS = 5;

/** Steering of a request as plain data, fit for the API and for storage. */
export interface SteeringInit {
  readonly recipe?: string;
  readonly direction?: string;
  readonly scale?: number;
  readonly dose?: { readonly dose: { readonly case: "relative"; readonly value: number } };
  layers: number[];
}

/** Which recipe or direction, how strongly, where; undefined without steering. */
export function steeringUse(given: Settings): SteeringInit | undefined {
  const [kind, name] = splitOnce(given.steering);
  if (!name) return undefined;
  const isRelative = given.doseKind === "relative";
  const [first, last] = given.layers ?? [0, -1];
  return {
    ...(kind === "recipe" ? { recipe: name } : { direction: name }),
    ...(isRelative
      ? { dose: { dose: { case: "relative" as const, value: given.relative } } }
      : { scale: given.scale }),
    layers: Array.from({ length: last - first + 1 }, (_, index) => first + index),
  };
}

/** The generation for a conversation. */
export function generationSpec(given: Settings, model: string, messages: readonly Message[]) {
  const use = steeringUse(given);
  return {
    model,
    prompt: { case: "conversation" as const, value: { messages: [...messages] } },
    sampling: {
      temperature: given.temperature,
      topP: given.topP,
      ...(given.seed === null ? {} : { seed: BigInt(given.seed) }),
    },
    maxTokens: given.maxTokens,
    logprobs: true,
    topLogprobs: TOP_LOGPROBS,
    ...(use ? { steering: { use, compare: given.compare, proof: true } } : {}),
  };
}

function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf(":");
  return at < 0 ? ["", ""] : [text.slice(0, at), text.slice(at + 1)];
}
