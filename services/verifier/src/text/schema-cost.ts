/**
 * What validating against a caller's JSON schema can cost, found before it is compiled: references are followed, so
 * that a chain of definitions that doubles at each step is counted in full; recursion is refused.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { PATTERN_LIMITS, SCHEMA_LIMITS } from "../../limits.ts";
import { compilePattern } from "./pattern.ts";

/** Keywords that change what a reference means, or fetch; none of them is needed without recursion. */
const REFUSED = new Set([
  "$id",
  "$anchor",
  "$dynamicRef",
  "$dynamicAnchor",
  "$recursiveRef",
  "$recursiveAnchor",
  "$vocabulary",
]);
/** Data, not schemas; definitions count where they are referred to. */
const DATA = new Set(["const", "enum", "default", "examples", "required", "$defs", "definitions"]);
/** Of these, what every value is compared with. */
const COMPARED = new Set(["const", "enum", "required"]);
/** What telling an item from all others costs, in comparisons. */
const UNIQUE_COST = 64;
/** Their keys are names chosen by the caller, their values schemas. */
const NAMED = new Set(["properties", "patternProperties", "dependentSchemas"]);

interface Bill {
  subschemas: number;
  comparisons: number;
  instructions: number;
}

/** @throws TrimtabError INVALID_ARGUMENT or TOO_LARGE that names `field` if the schema is dear or recursive. */
export function checkSchemaCost(schema: JsonObject, field: string): void {
  walk(schema, { schema, field, bill: { subschemas: 0, comparisons: 0, instructions: 0 }, open: [] }, 0);
}

interface Walk {
  readonly schema: JsonObject;
  readonly field: string;
  readonly bill: Bill;
  /** References being followed. */
  readonly open: string[];
}

function walk(node: JsonValue, state: Walk, depth: number): void {
  const { field, bill } = state;
  if (typeof node !== "object" || node === null) return compare(1, state);
  if (depth > SCHEMA_LIMITS.depth) throw tooLarge(field, `${SCHEMA_LIMITS.depth} levels`);
  if (++bill.subschemas > SCHEMA_LIMITS.subschemas) {
    throw tooLarge(field, `${SCHEMA_LIMITS.subschemas} subschemas, references followed`);
  }
  if (Array.isArray(node)) {
    for (const inner of node) walk(inner, state, depth + 1);
    return;
  }
  for (const [key, value] of Object.entries(node)) {
    if (REFUSED.has(key)) {
      throw new TrimtabError("INVALID_ARGUMENT", `${field}: ${key} is not supported`, { field });
    }
    if (COMPARED.has(key)) compare(countValues(value), state);
    if (key === "uniqueItems") compare(UNIQUE_COST, state);
    if (key === "$ref") follow(value, state, depth);
    else if (key === "pattern" && typeof value === "string") charge(value, state);
    else if (NAMED.has(key) && isObject(value)) {
      if (key === "patternProperties") for (const pattern of Object.keys(value)) charge(pattern, state);
      walk(Object.values(value), state, depth + 1);
    } else if (!DATA.has(key)) walk(value, state, depth + 1);
  }
}

function follow(reference: JsonValue, state: Walk, depth: number): void {
  const { field, open, schema } = state;
  if (typeof reference !== "string" || !/^#(\/|$)/.test(reference)) {
    throw new TrimtabError("INVALID_ARGUMENT", `${field}: $ref must point into the schema itself`, { field });
  }
  if (reference === "#" || open.includes(reference)) {
    throw new TrimtabError("INVALID_ARGUMENT", `${field}: recursive references are not supported`, { field });
  }
  let target: JsonValue | undefined = schema;
  for (const part of reference.slice(2).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
  }
  if (target === undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", `${field}: $ref points nowhere`, { field });
  }
  open.push(reference);
  walk(target, state, depth + 1);
  open.pop();
}

function compare(count: number, { field, bill }: Walk): void {
  bill.comparisons += count;
  if (bill.comparisons > SCHEMA_LIMITS.comparisons) {
    throw tooLarge(field, `${SCHEMA_LIMITS.comparisons} values to compare with, references followed`);
  }
}

function countValues(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + countValues(inner), 1);
}

function charge(pattern: string, { field, bill }: Walk): void {
  bill.instructions += compilePattern(pattern, "", field).programSize;
  if (bill.instructions > PATTERN_LIMITS.programSize) {
    throw tooLarge(field, `${PATTERN_LIMITS.programSize} instructions of patterns`);
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tooLarge(field: string, limit: string): TrimtabError {
  return new TrimtabError("TOO_LARGE", `${field} is too costly to validate against`, { field, limit });
}
