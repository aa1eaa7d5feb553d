/** Settings → the request they mean, as the API's own messages. */
import type { Settings } from "./settings.ts";

/** A message of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Alternatives asked for with every token. */
const TOP_LOGPROBS = 5;

/** A dose as the API has it. */
export interface DoseInit {
  readonly dose: { readonly case: "relative" | "nats"; readonly value: number };
}

/** How strongly: one of the two. */
export interface StrengthInit {
  readonly scale?: number;
  readonly dose?: DoseInit;
}

/** Steering of a request as plain data, fit for the API and for storage. */
export interface SteeringInit extends StrengthInit {
  readonly recipe?: string;
  readonly direction?: string;
  layers: number[];
}

/** The strength that is set. */
export function strengthOf(given: Settings): StrengthInit {
  if (given.doseKind === "scale") return { scale: given.scale };
  return { dose: { dose: { case: given.doseKind, value: given[given.doseKind] } } };
}

/** The blocks that are set; empty leaves them to what steers. */
export function layersOf({ layers }: Settings): number[] {
  if (!layers) return [];
  const [first, last] = layers;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Which recipe or direction, how strongly, where; undefined without steering. */
export function steeringUse(given: Settings): SteeringInit | undefined {
  const [kind, name] = splitOnce(given.steering);
  if (!name) return undefined;
  const what = kind === "recipe" ? { recipe: name } : { direction: name };
  return { ...what, ...strengthOf(given), layers: layersOf(given) };
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
