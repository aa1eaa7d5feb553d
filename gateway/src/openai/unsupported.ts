/**
 * Fields of OpenAI bodies that could change the answer and that this version does not carry: refused by name, unless
 * their value asks for what happens anyway. And fields that are accepted without effect, because they cannot.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { JsonObject } from "./body.ts";

type Harmless = (value: unknown, body: JsonObject) => boolean;

const never: Harmless = () => false;
const emptyList: Harmless = (value) => Array.isArray(value) && value.length === 0;
const oneOf =
  (...values: unknown[]): Harmless =>
  (value) =>
    values.includes(value);

const UNSUPPORTED: Readonly<Record<string, readonly [string, Harmless]>> = {
  functions: ["function calls", emptyList],
  function_call: ["function calls", oneOf("none", "auto")],
  audio: ["audio", never],
  modalities: ["modalities other than text", (value) => JSON.stringify(value) === JSON.stringify(["text"])],
  prediction: ["predicted output", never],
  reasoning_effort: ["reasoning effort", never],
  verbosity: ["verbosity", never],
  web_search_options: ["web search", never],
  store: ["storing answers", oneOf(false)],
  suffix: ["text after the answer", oneOf("")],
  // A template always ends where the answer begins; an answer to go on from (`continue_final_message`) has begun.
  add_generation_prompt: [
    "ending before the answer",
    (value, body) => value === true || body.continue_final_message === true,
  ],
  include_stop_str_in_output: ["stop strings in answers", oneOf(false)],
  chat_template: ["templates in requests", never],
  chat_template_kwargs: ["template arguments", never],
};

const WITHOUT_EFFECT: readonly string[] = [
  "user",
  "metadata",
  "service_tier",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "cache_prompt",
];

/** The body without what has no effect. Throws UNSUPPORTED naming the first field that cannot be honoured. */
export function withoutUnsupported(body: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(body)) {
    if (WITHOUT_EFFECT.includes(name)) continue;
    const rule = Object.hasOwn(UNSUPPORTED, name) ? UNSUPPORTED[name] : undefined;
    if (!rule) kept[name] = value;
    else if (!rule[1](value, body)) {
      throw new TrimtabError("UNSUPPORTED", `${name}: not available in this version: ${rule[0]}`, {
        field: name,
      });
    }
  }
  return kept;
}
