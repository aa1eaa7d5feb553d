/** Objects of JSON as EBNF. */
import { literal } from "./characters.ts";
import { invalid, leastOf, mostOf, type Schema, type Translation } from "./json-translation.ts";
import { stringRule } from "./json-scalars.ts";

const NEXT = '"," ws';

/** Objects of a schema: its properties in order, or, if it names none, any properties it allows. */
export function objectRule(context: Translation, schema: Schema, path: string): string {
  const additional = schema.additionalProperties;
  const named = (schema.properties as Schema | undefined) ?? {};
  const required = (schema.required as readonly string[] | undefined) ?? [];
  const extra = required.filter((name) => !Object.hasOwn(named, name));
  if (extra.length > 0 && additional === false) {
    throw invalid(context.field, path, `requires "${extra[0]}", which it does not allow`);
  }
  const entries = [
    ...Object.entries(named),
    ...extra.map((name) => [name, additional ?? true] as const),
  ].filter(([name, value]) => value !== false || required.includes(name));
  const { propertyNames } = schema;
  if (entries.length === 0) return anyProperties(context, schema, path);
  if (propertyNames !== undefined) context.refuse(path, '"propertyNames" beside named properties');
  if (leastOf(context, schema, "minProperties", path) > required.length)
    context.refuse(path, '"minProperties" over the required ones');
  if (mostOf(schema, "maxProperties") < entries.length)
    context.refuse(path, '"maxProperties" below the named ones');
  const pairs = entries.map(([name, value]) => {
    const rule = context.translate(value, `${path}/properties/${name}`);
    return { body: `${literal(JSON.stringify(name))} ":" space ${rule}`, required: required.includes(name) };
  });
  return context.rule(`"{" ws ${sequenceOf(context, pairs)}`);
}

/** Pairs in order, the optional ones there or not, up to the closing bracket. */
function sequenceOf(
  context: Translation,
  pairs: readonly { readonly body: string; readonly required: boolean }[],
): string {
  // `next`: one of the pairs from here on; `isEnd`: none of them is required.
  let next: string | null = null;
  let isEnd = true;
  for (const { body, required } of pairs.toReversed()) {
    const after = ending(next === null ? null : `"," ws ${next}`, isEnd, "ws ");
    const pair = context.rule(`${body} ${context.rule(after)}`);
    next = required || next === null ? pair : context.rule(`${pair} | ${next}`);
    isEnd &&= !required;
  }
  return context.rule(ending(next, isEnd, ""));
}

/** What comes next, or the closing bracket and what stands `before` it. */
function ending(next: string | null, isEnd: boolean, before: string): string {
  return [...(next === null ? [] : [next]), ...(isEnd ? [`${before}"}"`] : [])].join(" | ");
}

function anyProperties(context: Translation, schema: Schema, path: string): string {
  const { additionalProperties: additional, propertyNames: names, properties } = schema;
  const least = leastOf(context, schema, "minProperties", path);
  const most = mostOf(schema, "maxProperties");
  const isEmpty =
    additional === false || (properties !== undefined && additional === undefined) || most === 0;
  if (least > (isEmpty ? 0 : most)) throw invalid(context.field, path, "allows nothing");
  if (isEmpty) return context.rule('"{" ws "}"');
  // A name that comes twice counts once.
  if (least > 1) context.refuse(path, '"minProperties" over 1 of properties without names');
  const name =
    names === undefined || names === true ? "string" : nameRule(context, names, `${path}/propertyNames`);
  const pair = context.rule(
    `${name} ":" space ${context.translate(additional ?? true, `${path}/additionalProperties`)}`,
  );
  const more = most === Infinity ? `(${NEXT} ${pair})*` : most > 1 ? `(${NEXT} ${pair}){0,${most - 1}}` : "";
  const list = `${pair} ${more} ws`;
  return context.rule(`"{" ws ${least > 0 ? list : `(${list})?`} "}"`);
}

function nameRule(context: Translation, names: unknown, path: string): string {
  const schema = names as Schema;
  const isText =
    schema !== null &&
    typeof schema === "object" &&
    !("$ref" in schema || "anyOf" in schema || "oneOf" in schema);
  if (!isText) {
    context.refuse(path, "a schema of names with references or choices");
    return "string";
  }
  if ("enum" in schema || "const" in schema) return context.translate({ ...schema, type: "string" }, path);
  return stringRule(context, schema, path);
}
