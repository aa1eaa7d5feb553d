/**
 * Other systems' names for our fields: accepted here and nowhere else. Giving a field under two names is refused; what is wrong with
 * one is said of the name it was given under (`problems.ts`).
 *
 * | ours | also |
 * |---|---|
 * | `max_tokens` | `max_completion_tokens` (OpenAI), `n_predict` (llama.cpp) |
 * | the body itself | `extra_body`, which its_hub sends as a field, with what it holds beside it |
 * | `repetition_penalty` | `repeat_penalty` (llama.cpp) |
 * | no `seed` | -1 (llama.cpp, vLLM) |
 * | `response_format` (`json_schema`) | `guided_json`, `structured_outputs.json` (vLLM), `json_schema`, `response_format.schema` (llama.cpp) |
 * | `response_format` (`json_object`) | `structured_outputs.json_object` (vLLM) |
 * | `structured_outputs.regex`, `.choice`, `.grammar` | `guided_regex`, `guided_choice`, `guided_grammar` (vLLM), `grammar` (llama.cpp) |
 * | `speculation` | `speculative_config` with method `ngram` (vLLM) |
 * | `steering.scale` | `strength` (Neuronpedia, CAST), `coeff` (repeng), `multiplier` (steering-vectors), `alpha` (ITI) |
 * | `steering.direction` | `vector`, `control_vector` (llama.cpp) |
 * | `steering.layers` | `layer_ids` (repeng, CAST), `layer_indices` (vLLM-Lens) |
 * | `scaling.budget.candidates` | `scaling.budget` as a number (its_hub), `n` |
 * | `scaling.step.separators`, `.tokens`, `.final_markers`, `.max_steps` | `scaling.step_token`, `.tokens_per_step`, `.stop_token`, `.max_steps` (its_hub) |
 * | `scaling.strategy` | names with `_` for `-`; `majority-vote`, `majority-voting` for `self-consistency`, `beam-search` |
 */
import { TrimtabError } from "#kit/errors.ts";
import { isJsonObject } from "#kit/json-file.ts";
import { scanJson } from "#kit/json-scan.ts";
import { LIMITS } from "../limits.ts";
import type { JsonObject } from "./body.ts";
import type { GivenNames } from "./problems.ts";

const BODY_ALIASES: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_tokens",
  n_predict: "max_tokens",
  repeat_penalty: "repetition_penalty",
};

/** A seed that asks for one to be drawn. */
const DRAWN_SEED = -1;

const SCHEMA_ALIASES: readonly string[] = ["guided_json", "json_schema"];

const OUTPUT_ALIASES: Readonly<Record<string, string>> = {
  guided_regex: "regex",
  guided_choice: "choice",
  guided_grammar: "grammar",
  grammar: "grammar",
};

/** Fields of vLLM's speculation in ours, and what is missing there with a method that we do not have. */
const LOOKUP_FIELDS: Readonly<Record<string, string>> = {
  num_speculative_tokens: "prompt_lookup.max_draft",
  prompt_lookup_max: "prompt_lookup.ngram",
};
const OTHER_METHOD: Readonly<Record<string, string>> = { method: "prompt_lookup" };

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

/** Fields that its_hub has beside the strategy, as parts of our `step`. */
const STEP_ALIASES: Readonly<Record<string, string>> = {
  tokens_per_step: "tokens",
  step_token: "separators",
  stop_token: "final_markers",
  max_steps: "max_steps",
};
const STEP_LISTS: ReadonlySet<string> = new Set(["separators", "final_markers"]);

const STRATEGY_ALIASES: Readonly<Record<string, string>> = {
  "majority-vote": "self-consistency",
  "majority-voting": "self-consistency",
  "beam-search": "beam",
};

/** A body under our names, and the paths of the fields that were given under others. */
export interface Named {
  readonly body: JsonObject;
  readonly given: GivenNames;
}

/** The body under our names. A field that is null counts as absent. Throws INVALID_ARGUMENT if a field is given twice. */
export function withOurNames(body: JsonObject): Named {
  const given = new Map<string, string>();
  const { extra_body: extra, ...own } = body;
  const whole = isJsonObject(extra) ? { ...extra, ...own } : body;
  const { seed, ...seedless } = rename(whole, BODY_ALIASES, { prefix: "", given });
  const seeded = seed === undefined || seed === DRAWN_SEED ? seedless : { ...seedless, seed };
  const renamed = withConstraint(seeded, given);
  const { steering, scaling } = renamed;
  return {
    given,
    body: {
      ...renamed,
      ...(isJsonObject(steering)
        ? { steering: rename(steering, STEERING_ALIASES, { prefix: "steering.", given }) }
        : {}),
      ...(isJsonObject(scaling) ? { scaling: withOurScaling(scaling, given) } : {}),
    },
  };
}

/** Strategy, budget and step under our names. */
function withOurScaling(body: JsonObject, given: Map<string, string>): JsonObject {
  const place = { prefix: "scaling.", given };
  const to: JsonObject = {};
  const stepParts: StepPart[] = [];
  for (const [name, value] of Object.entries(rename(body, {}, place))) {
    const under = (ours: string, own: unknown, part = "") => put(to, ours, own, { ...place, name, part });
    const ours = Object.hasOwn(STEP_ALIASES, name) ? STEP_ALIASES[name] : undefined;
    if (name === "n" || (name === "budget" && typeof value === "number"))
      under("budget", { candidates: value }, ".candidates");
    else if (ours !== undefined) stepParts.push({ name, ours, value });
    else if (name === "strategy" && typeof value === "string") under(name, strategyName(value));
    else under(name, value);
  }
  putStep(to, stepParts, place);
  return to;
}

interface StepPart {
  /** As it was given. */
  readonly name: string;
  readonly ours: string;
  readonly value: unknown;
}

/** Parts of a step that were given one by one, as one step. */
function putStep(to: JsonObject, parts: readonly StepPart[], place: Place): void {
  const step: JsonObject = {};
  for (const { name, ours, value } of parts) {
    step[ours] = STEP_LISTS.has(ours) ? [value].flat() : value;
    place.given.set(`${place.prefix}step.${ours}`, place.prefix + name);
  }
  const [first] = parts;
  if (first) put(to, "step", step, { ...place, name: first.name, part: `.${first.ours}` });
}

function strategyName(given: string): string {
  const name = given.replaceAll("_", "-");
  return Object.hasOwn(STRATEGY_ALIASES, name) ? (STRATEGY_ALIASES[name] ?? name) : name;
}

/** Constraints and speculation under their names here. */
function withConstraint(body: JsonObject, given: Map<string, string>): JsonObject {
  const to: JsonObject = {};
  const under = (ours: string, value: unknown, name: string, part = "") =>
    put(to, ours, value, { prefix: "", given, name, part });
  const schema = (value: unknown, name: string): void => {
    under("response_format", schemaFormat(value, name), name, ".json_schema.schema");
    given.set("response_format", name);
  };
  for (const [name, value] of Object.entries(body)) {
    const output = Object.hasOwn(OUTPUT_ALIASES, name) ? OUTPUT_ALIASES[name] : undefined;
    if (name === "speculative_config") {
      under("speculation", lookupOf(value), name);
      const fields = isLookup(value) ? LOOKUP_FIELDS : OTHER_METHOD;
      for (const [theirs, ours] of Object.entries(fields)) {
        if (isJsonObject(value) && Object.hasOwn(value, theirs))
          given.set(`speculation.${ours}`, `${name}.${theirs}`);
      }
    } else if (SCHEMA_ALIASES.includes(name)) schema(value, name);
    else if (name === "response_format" && isBareSchema(value)) schema(value.schema, `${name}.schema`);
    else if (output !== undefined) under("structured_outputs", { [output]: value }, name, `.${output}`);
    else if (name === "structured_outputs" && isJsonObject(value)) {
      const { json, json_object: isJson, ...others } = value;
      if (json !== undefined && json !== null) schema(json, `${name}.json`);
      if (isJson === true) under("response_format", { type: "json_object" }, `${name}.json_object`);
      const kept = Object.entries(others).filter(([, item]) => item !== null);
      if (kept.length > 0) under(name, Object.fromEntries(kept), name);
    } else under(name, value, name);
  }
  noteOutput(to, given);
  return to;
}

/** llama.cpp's format: the schema beside the type, under either type. */
function isBareSchema(value: unknown): value is JsonObject & { readonly schema: unknown } {
  if (!isJsonObject(value) || !Object.hasOwn(value, "schema")) return false;
  const { type, schema: _, ...others } = value;
  return (type === "json_object" || type === "json_schema") && Object.keys(others).length === 0;
}

/** What is wrong with a constraint as such is said of `response_format`: not to a client that gave it in another way. */
function noteOutput(body: JsonObject, given: Map<string, string>): void {
  const [kind] = isJsonObject(body.structured_outputs) ? Object.keys(body.structured_outputs) : [];
  if (kind === undefined || Object.hasOwn(body, "response_format")) return;
  const path = `structured_outputs.${kind}`;
  given.set("response_format", given.get(path) ?? path);
}

interface Place {
  /** Of the paths of fields: where in the body they are. */
  readonly prefix: string;
  readonly given: Map<string, string>;
}

/** Puts a field under our name; `part` is what of our field the client gave, if not all of it. */
function put(
  to: JsonObject,
  ours: string,
  value: unknown,
  { prefix, given, name, part }: Place & { readonly name: string; readonly part: string },
): void {
  if (Object.hasOwn(to, ours)) {
    throw new TrimtabError("INVALID_ARGUMENT", `${prefix}${ours} is given twice, once as ${name}`, {
      field: prefix + name,
    });
  }
  to[ours] = value;
  if (ours + part !== name) given.set(prefix + ours + part, prefix + name);
}

/** A schema, as an object or as JSON: a text inside the body, so it gets the body's own limits once more. */
function schemaFormat(schema: unknown, name: string): JsonObject {
  if (typeof schema !== "string") return { type: "json_schema", json_schema: { name, schema } };
  const fault = scanJson(schema, LIMITS.jsonDepth, LIMITS.jsonKeys);
  if (fault !== undefined) throw new TrimtabError("INVALID_ARGUMENT", `${name} ${fault}`, { field: name });
  return { type: "json_schema", json_schema: { name, schema: JSON.parse(schema) as unknown } };
}

/** vLLM's n-gram speculation; other methods stay as they are and are refused. */
function lookupOf(value: unknown): unknown {
  if (!isLookup(value)) return value;
  const { method: _, num_speculative_tokens: draft, prompt_lookup_max: ngram, ...others } = value;
  const own = {
    ...(draft === undefined ? {} : { max_draft: draft }),
    ...(ngram === undefined ? {} : { ngram }),
  };
  return { ...others, prompt_lookup: own };
}

const isLookup = (value: unknown): value is JsonObject => isJsonObject(value) && value.method === "ngram";

function rename(from: JsonObject, aliases: Readonly<Record<string, string>>, place: Place): JsonObject {
  const to: JsonObject = {};
  for (const [name, value] of Object.entries(from)) {
    if (value === null) continue;
    const ours = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
    put(to, ours, value, { ...place, name, part: "" });
  }
  return to;
}
