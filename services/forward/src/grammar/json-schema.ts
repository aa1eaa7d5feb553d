/**
 * JSON schemas → EBNF: what is drawn under the grammar is valid under the schema. Where a schema allows more than a grammar
 * can say, the grammar says less: properties come in the order of the schema, those it does not name are left out (unless
 * it names none), escapes and exponents are kept short. What would let an invalid text through is refused by name.
 *
 * Own translation, because that of XGrammar 0.1.27 lets invalid texts through: numbers beyond their bounds, raw control
 * characters in strings with a length, and everything that multipleOf, uniqueItems, not and others forbid. Source: JSON Schema 2020-12. Cost: one pass.
 */
import { TrimtabError } from "#kit/errors.ts";
import { automatonRules, textOf } from "./automaton.ts";
import { arrayRule } from "./json-arrays.ts";
import { objectRule } from "./json-objects.ts";
import { numberRule, stringRule } from "./json-scalars.ts";
import { invalid, type Schema, type Translation } from "./json-translation.ts";

type Type = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";

const TYPES: readonly Type[] = ["object", "array", "string", "number", "boolean", "null"];
const KEYWORDS: Readonly<Record<"object" | "array" | "string" | "number", readonly string[]>> = {
  object: [
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
  ],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
};
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "title", "description", "default"],
  ...["examples", "deprecated", "readOnly", "writeOnly", "discriminator"],
]);
const STRUCTURE: ReadonlySet<string> = new Set(["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"]);
const KNOWN: ReadonlySet<string> = new Set([...STRUCTURE, ...ANNOTATIONS, ...Object.values(KEYWORDS).flat()]);

/** What the schemas of one grammar are told apart by. */
export interface SchemaPlace {
  /** Named in errors. */
  readonly field: string;
  /** False ignores what cannot be enforced. */
  readonly strict: boolean;
  /** Name of the rule of the schema; those of its parts begin with it. */
  readonly root: string;
}

/**
 * The rules of a schema; they need {@link COMMON_RULES} beside them.
 * @param schema a schema that its meta-schema allows
 * @throws TrimtabError UNSUPPORTED for what cannot be enforced, INVALID_ARGUMENT for a schema that allows nothing
 */
export function jsonSchemaRules(schema: unknown, { field, strict, root }: SchemaPlace): string[] {
  const rules: string[] = [];
  const named = new Map<string, string>();
  const resolve = (reference: string, path: string): string => {
    const known = named.get(reference);
    if (known !== undefined) return known;
    const name = `${root}ref${named.size}`;
    named.set(reference, name);
    const target = find(schema, reference);
    if (target === undefined) throw invalid(field, path, `there is no ${reference}`);
    rules.push(`${name} ::= ${context.translate(target, reference)}`);
    return name;
  };
  const context: Translation = {
    field,
    strict,
    translate(part, path) {
      if (part === true) return "value";
      if (part === false) throw invalid(field, path, "allows nothing");
      return translateObject(context, part as Schema, path, resolve);
    },
    regular(expression) {
      const name = `${root}a${rules.length}s`;
      rules.push(...automatonRules(expression, name, field));
      return `${name}0`;
    },
    rule(body) {
      const name = `${root}r${rules.length}`;
      rules.push(`${name} ::= ${body}`);
      return name;
    },
    refuse(path, what) {
      if (!strict) return;
      const message = `${field}: ${what} at ${path} cannot be enforced; strict: false ignores it`;
      throw new TrimtabError("UNSUPPORTED", message, { field });
    },
  };
  return [`${root} ::= ${context.translate(schema, "#")}`, ...rules];
}

function translateObject(
  context: Translation,
  schema: Schema,
  path: string,
  resolve: (reference: string, path: string) => string,
): string {
  for (const keyword of Object.keys(schema)) {
    const isHarmless = keyword.startsWith("unevaluated") && schema[keyword] === false;
    if (!KNOWN.has(keyword) && !isHarmless) context.refuse(path, `"${keyword.slice(0, 40)}"`);
  }
  const { $ref, anyOf, oneOf, allOf } = schema;
  if (typeof $ref === "string") return alone(context, schema, path, "$ref", resolve($ref, path));
  const choices = (anyOf ?? oneOf) as readonly unknown[] | undefined;
  if (choices) {
    const keyword = anyOf ? "anyOf" : "oneOf";
    if (keyword === "oneOf" && !areApart(choices))
      context.refuse(path, "oneOf of what can hold at once (use anyOf)");
    const parts = choices
      .map((choice, index) => ({ choice, at: `${path}/${keyword}/${index}` }))
      .filter(({ choice }) => choice !== false)
      .map(({ choice, at }) => context.translate(choice, at));
    if (parts.length === 0) throw invalid(context.field, path, "allows nothing");
    return alone(context, schema, path, keyword, context.rule(parts.join(" | ")));
  }
  if (Array.isArray(allOf)) {
    if (allOf.length > 1) context.refuse(path, "allOf of several schemas");
    if (allOf.length > 0)
      return alone(context, schema, path, "allOf", context.translate(allOf[0], `${path}/allOf/0`));
  }
  return "const" in schema || "enum" in schema
    ? literals(context, schema, path)
    : typed(context, schema, path);
}

/** A keyword that decides everything: others beside it would be lost. */
function alone(context: Translation, schema: Schema, path: string, keyword: string, rule: string): string {
  const other = Object.keys(schema).find(
    (name) => name !== keyword && KNOWN.has(name) && !ANNOTATIONS.has(name),
  );
  if (other !== undefined) context.refuse(path, `"${other}" beside ${keyword}`);
  return rule;
}

function literals(context: Translation, schema: Schema, path: string): string {
  const values = "const" in schema ? [schema.const] : (schema.enum as readonly unknown[]);
  const types = [schema.type ?? TYPES].flat() as unknown as readonly string[];
  const allowed = values.filter(
    (value) => types.includes(typeOf(value)) || (types.includes("integer") && Number.isInteger(value)),
  );
  const other = Object.keys(schema).find(
    (name) => !["type", "enum", "const"].includes(name) && KNOWN.has(name) && !ANNOTATIONS.has(name),
  );
  if (other !== undefined) context.refuse(path, `"${other}" beside enum or const`);
  if (allowed.length === 0) throw invalid(context.field, path, "allows nothing");
  return context.regular({ kind: "choice", parts: allowed.map((value) => textOf(JSON.stringify(value))) });
}

function typed(context: Translation, schema: Schema, path: string): string {
  const meant = Object.entries(KEYWORDS).flatMap(([type, keywords]) =>
    keywords.some((keyword) => keyword in schema) ? [type] : [],
  );
  const given = schema.type === undefined ? meant : ([schema.type].flat() as unknown as readonly string[]);
  const parts = (given.length === 0 ? ["value"] : given).map((type) => {
    if (type === "object") return objectRule(context, schema, path);
    if (type === "array") return arrayRule(context, schema, path);
    if (type === "string") return stringRule(context, schema, path);
    if (type === "number" || type === "integer") return numberRule(context, schema, path, type);
    return type;
  });
  return parts.length === 1 ? (parts[0] ?? "value") : context.rule(parts.join(" | "));
}

/** Can at most one of these hold? True if they differ in their type, or in a constant property all of them require. */
function areApart(choices: readonly unknown[]): boolean {
  const schemas = choices.filter((choice): choice is Schema => typeof choice === "object" && choice !== null);
  if (schemas.length < choices.length) return false;
  const types = schemas.map(({ type }) => (type === "integer" ? "number" : type));
  if (types.every((type) => typeof type === "string") && new Set(types).size === types.length) return true;
  const [first] = schemas;
  return Object.keys((first?.properties as Schema | undefined) ?? {}).some((name) => {
    const values = schemas.map(({ type, required, properties }) => {
      const property = (properties as Record<string, Schema | undefined> | undefined)?.[name];
      const isRequired = type === "object" && Array.isArray(required) && required.includes(name);
      return isRequired ? property?.const : undefined;
    });
    return values.every((value) => typeof value === "string") && new Set(values).size === values.length;
  });
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** What a reference within the schema points to. */
function find(schema: unknown, reference: string): unknown {
  if (reference === "#") return schema;
  if (!reference.startsWith("#/")) return undefined;
  let found = schema;
  for (const part of reference.slice(2).split("/")) {
    const key = decodeURIComponent(part.replaceAll("%", "%25")).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
