/**
 * Other systems' names for our fields: accepted here and nowhere else. Giving a field under two names is refused.
 *
 * | ours | also |
 * |---|---|
 * | `max_tokens` | `max_completion_tokens` (OpenAI), `n_predict` (llama.cpp) |
 * | the body itself | `extra_body`, which its_hub sends as a field, with what it holds beside it |
 * | `repetition_penalty` | `repeat_penalty` (llama.cpp) |
 * | `response_format` (`json_schema`) | `guided_json`, `structured_outputs.json` (vLLM), `json_schema` (llama.cpp) |
 * | `response_format` (`json_object`) | `structured_outputs.json_object` (vLLM) |
 * | `structured_outputs.regex`, `.choice`, `.grammar` | `guided_regex`, `guided_choice`, `guided_grammar` (vLLM), `grammar` (llama.cpp) |
 * | `speculation` | `speculative_config` with method `ngram` (vLLM) |
 * | `steering.scale` | `strength` (Neuronpedia, CAST), `coeff` (repeng), `multiplier` (steering-vectors), `alpha` (ITI) |
 * | `steering.direction` | `vector`, `control_vector` (llama.cpp) |
 * | `steering.layers` | `layer_ids` (repeng, CAST), `layer_indices` (vLLM-Lens) |
 * | `scaling.budget.candidates` | `scaling.budget` as a number (its_hub), `n` |
 * | `scaling.step.separators` | `step_token` (its_hub); `step.tokens`: `tokens_per_step` |
 * | `scaling.strategy` | names with `_` for `-`; `majority-vote`, `majority-voting` for `self-consistency`, `beam-search` |
 */
import { TrimtabError } from "#kit/errors.ts";
import type { JsonObject } from "./body.ts";

const BODY_ALIASES: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_tokens",
  n_predict: "max_tokens",
  repeat_penalty: "repetition_penalty",
};

const SCHEMA_ALIASES: readonly string[] = ["guided_json", "json_schema"];

const OUTPUT_ALIASES: Readonly<Record<string, string>> = {
  guided_regex: "regex",
  guided_choice: "choice",
  guided_grammar: "grammar",
  grammar: "grammar",
};

const STEERING_ALIASES: Readonly<Record<string, string>> = {
  strength: "scale",
  coeff: "scale",
  multiplier: "scale",
  alpha: "scale",
  vector: "direction",
  control_vector: "direction",
  layer_ids: "layers",
  layer_indices: "layers",
};

const STRATEGY_ALIASES: Readonly<Record<string, string>> = {
  "majority-vote": "self-consistency",
  "majority-voting": "self-consistency",
  "beam-search": "beam",
};

/** The body under our names. A field that is null counts as absent. */
export function withOurNames(body: JsonObject): JsonObject {
  const { extra_body: extra, ...own } = body;
  const whole = isObject(extra) ? { ...extra, ...own } : body;
  const renamed = withConstraint(rename(whole, BODY_ALIASES, ""));
  const { steering, scaling } = renamed;
  return {
    ...renamed,
    ...(isObject(steering) ? { steering: rename(steering, STEERING_ALIASES, "steering.") } : {}),
    ...(isObject(scaling) ? { scaling: withOurScaling(scaling) } : {}),
  };
}

/** Strategy, budget and step under our names. */
function withOurScaling(body: JsonObject): JsonObject {
  const to: JsonObject = {};
  for (const [name, value] of Object.entries(rename(body, {}, "scaling."))) {
    if (name === "budget" && typeof value === "number") put(to, "budget", { candidates: value }, name);
    else if (name === "n") put(to, "budget", { candidates: value }, name);
    else if (name === "tokens_per_step") put(to, "step", { tokens: value }, name);
    else if (name === "step_token") put(to, "step", { separators: [value].flat() }, name);
    else if (name === "strategy" && typeof value === "string") put(to, name, strategyName(value), name);
    else put(to, name, value, name);
  }
  return to;
}

function strategyName(given: string): string {
  const name = given.replaceAll("_", "-");
  return Object.hasOwn(STRATEGY_ALIASES, name) ? (STRATEGY_ALIASES[name] ?? name) : name;
}

/** Constraints and speculation under their names here. */
function withConstraint(body: JsonObject): JsonObject {
  const to: JsonObject = {};
  for (const [name, value] of Object.entries(body)) {
    if (name === "speculative_config") put(to, "speculation", lookupOf(value), name);
    else if (SCHEMA_ALIASES.includes(name)) put(to, "response_format", schemaFormat(value, name), name);
    else if (Object.hasOwn(OUTPUT_ALIASES, name))
      put(to, "structured_outputs", { [OUTPUT_ALIASES[name] ?? ""]: value }, name);
    else if (name === "structured_outputs" && isObject(value)) {
      const { json, json_object: isJson, ...others } = value;
      if (json !== undefined && json !== null) put(to, "response_format", schemaFormat(json, name), name);
      if (isJson === true) put(to, "response_format", { type: "json_object" }, name);
      const kept = Object.entries(others).filter(([, item]) => item !== null);
      if (kept.length > 0) put(to, name, Object.fromEntries(kept), name);
    } else put(to, name, value, name);
  }
  return to;
}

function put(to: JsonObject, ours: string, value: unknown, name: string): void {
  if (Object.hasOwn(to, ours)) {
    throw new TrimtabError("INVALID_ARGUMENT", `${ours} is given twice, once as ${name}`, { field: ours });
  }
  to[ours] = value;
}

/** A schema, as an object or as JSON. */
function schemaFormat(schema: unknown, name: string): JsonObject {
  if (typeof schema !== "string") return { type: "json_schema", json_schema: { name, schema } };
  try {
    return { type: "json_schema", json_schema: { name, schema: JSON.parse(schema) as unknown } };
  } catch {
    throw new TrimtabError("INVALID_ARGUMENT", `${name} is no JSON`, { field: name });
  }
}

/** vLLM's n-gram speculation; other methods stay as they are and are refused. */
function lookupOf(value: unknown): unknown {
  if (!isObject(value) || value.method !== "ngram") return value;
  const { method: _, num_speculative_tokens: draft, prompt_lookup_max: ngram, ...others } = value;
  const own = {
    ...(draft === undefined ? {} : { max_draft: draft }),
    ...(ngram === undefined ? {} : { ngram }),
  };
  return { ...others, prompt_lookup: own };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function rename(from: JsonObject, aliases: Readonly<Record<string, string>>, prefix: string): JsonObject {
  const to: JsonObject = {};
  for (const [name, value] of Object.entries(from)) {
    if (value === null) continue;
    const ours = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
    if (Object.hasOwn(to, ours)) {
      throw new TrimtabError("INVALID_ARGUMENT", `${prefix}${ours} is given twice, once as ${name}`, {
        field: prefix + ours,
      });
    }
    to[ours] = value;
  }
  return to;
}
