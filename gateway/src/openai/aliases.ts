/**
 * Other systems' names for our fields: accepted here and nowhere else. Giving a field under two names is refused.
 *
 * | ours | also |
 * |---|---|
 * | `max_tokens` | `max_completion_tokens` (OpenAI), `n_predict` (llama.cpp) |
 * | `repetition_penalty` | `repeat_penalty` (llama.cpp) |
 * | `steering.scale` | `strength` (Neuronpedia, CAST), `coeff` (repeng), `multiplier` (steering-vectors), `alpha` (ITI) |
 * | `steering.direction` | `vector`, `control_vector` (llama.cpp) |
 * | `steering.layers` | `layer_ids` (repeng, CAST), `layer_indices` (vLLM-Lens) |
 */
import { TrimtabError } from "#kit/errors.ts";
import type { JsonObject } from "./body.ts";

const BODY_ALIASES: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_tokens",
  n_predict: "max_tokens",
  repeat_penalty: "repetition_penalty",
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

/** The body under our names. A field that is null counts as absent. */
export function withOurNames(body: JsonObject): JsonObject {
  const renamed = rename(body, BODY_ALIASES, "");
  const { steering } = renamed;
  if (typeof steering !== "object" || steering === null || Array.isArray(steering)) return renamed;
  return { ...renamed, steering: rename(steering as JsonObject, STEERING_ALIASES, "steering.") };
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
