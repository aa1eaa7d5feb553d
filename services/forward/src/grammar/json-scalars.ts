/** Strings and numbers of JSON as EBNF, and the rules every JSON grammar has. */
import { invalid, type Schema, type Translation } from "./json-translation.ts";
import { numbersWithin, integersWithin } from "./ranges.ts";
import { automatonRules, type Expression, textOf } from "./automaton.ts";
import { readRegex } from "./regex.ts";

/** Blanks at the start of a line at most. */
const MAX_INDENT = 16;

const INTEGER = "-?(0|[1-9][0-9]{0,14})";
const HEX = "[0-9a-fA-F]";
/** One character between quotes, whole or as an escape that is whole. */
const CHARACTER = `([^"\\\\\\x00-\\x1f]|\\\\(["\\\\/bfnrt]|u([0-9a-cA-Ce-fE-F]${HEX}|[dD][0-7])${HEX}{2}))`;

/**
 * Rules other rules refer to. Blanks come where people put them, or a model may write nothing else for ever. Escapes are whole characters;
 * numbers stay finite. The rest of a string is one rule: what leaves the rule of its first character is not known before a text is matched,
 * which were all tokens of several characters (80 ms a mask with 150k tokens, instead of 0.4).
 */
export const COMMON_RULES: readonly string[] = [
  `ws ::= "" | " " | "\\n" [ \\t]{0,${MAX_INDENT}}`,
  `space ::= " "?`,
  `string ::= "\\"" characters`,
  `characters ::= "\\"" | [^\\x00-\\x1f\\x22\\x5c] characters | "\\\\" escape characters`,
  `escape ::= ["\\\\/bfnrt] | "u" ([0-9a-cA-Ce-fE-F] [0-9a-fA-F] | [dD] [0-7]) [0-9a-fA-F] [0-9a-fA-F]`,
  ...automatonRules(readRegex(INTEGER, "plain", ""), "integer", ""),
  ...automatonRules(
    readRegex(`${INTEGER}(\\.[0-9]{1,16})?([eE][+-]?[0-9]{1,2})?`, "plain", ""),
    "number",
    "",
  ),
  `integer ::= integer0`,
  `number ::= number0`,
  `boolean ::= "true" | "false"`,
  `null ::= "null"`,
  `value ::= object | array | string | number | boolean | null`,
  `object ::= "{" ws (pair ("," ws pair)* ws)? "}"`,
  `pair ::= string ":" space value`,
  `array ::= "[" ws (value ("," ws value)* ws)? "]"`,
];

const DAY = "(0[1-9]|1[0-9]|2[0-8])";
const DATE = `[0-9]{4}-((0[1-9]|1[0-2])-${DAY}|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)`;
const TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
const BYTE = "([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])";
const LABEL = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?";
/** Texts of each format; not all of them, but none that is not. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  email: `[a-z0-9_+-]{1,32}(\\.[a-z0-9_+-]{1,32}){0,3}@(${LABEL}\\.){1,3}[a-z]{2,10}`,
  hostname: `(${LABEL}\\.){0,3}[a-z]{2,10}`,
  ipv4: `${BYTE}\\.${BYTE}\\.${BYTE}\\.${BYTE}`,
  uri: `https?://(${LABEL}\\.){0,3}[a-z]{2,10}(:[1-9][0-9]{1,3})?(/[A-Za-z0-9._~-]{0,32}){0,8}(\\?[A-Za-z0-9._~=&-]{0,64})?`,
};

/** Strings of a schema. */
export function stringRule(context: Translation, schema: Schema, path: string): string {
  const { pattern, format, minLength, maxLength } = schema;
  const hasLength = minLength !== undefined || maxLength !== undefined;
  const known = typeof format === "string" && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (format !== undefined && known === undefined)
    context.refuse(path, `the format "${String(format).slice(0, 40)}"`);
  // A pattern says more exactly what a format beside it only tells of, as zod writes both.
  const expression = typeof pattern === "string" ? pattern : known;
  if (expression !== undefined && hasLength)
    context.refuse(path, "pattern or format, and length, beside each other");
  if (expression !== undefined) return context.regular(quoted(readRegex(expression, "json", context.field)));
  if (!hasLength) return "string";
  const least = Number(minLength ?? 0);
  const most = Number(maxLength ?? Number.POSITIVE_INFINITY);
  if (most < least) throw invalid(context.field, path, "allows nothing");
  const body = readRegex(CHARACTER, "plain", context.field);
  return context.regular(quoted({ kind: "repeat", body, least, most }));
}

/** Numbers of a schema. */
export function numberRule(
  context: Translation,
  schema: Schema,
  path: string,
  type: "number" | "integer",
): string {
  const value = (name: string) => (typeof schema[name] === "number" ? Number(schema[name]) : undefined);
  const [low, high] = [value("minimum"), value("maximum")];
  const [above, below] = [value("exclusiveMinimum"), value("exclusiveMaximum")];
  if ([low, high, above, below].every((bound) => bound === undefined)) return type;
  const lowExcluded = above !== undefined && (low === undefined || above >= low);
  const highExcluded = below !== undefined && (high === undefined || below <= high);
  const bounds = {
    low: lowExcluded ? above : low,
    high: highExcluded ? below : high,
    lowExcluded,
    highExcluded,
  };
  const rule = type === "integer" ? integersWithin(bounds) : numbersWithin(bounds);
  if (rule !== null) return context.regular(readRegex(rule, "plain", context.field));
  const isEmpty = (bounds.low ?? -Infinity) > (bounds.high ?? Infinity) || type === "integer";
  if (isEmpty) throw invalid(context.field, path, "allows no number of up to 15 digits");
  context.refuse(path, "bounds with more than 6 decimals or 15 digits, or with nothing between them");
  return type;
}

/** A JSON string around what is between its quotes. */
function quoted(inner: Expression): Expression {
  return { kind: "sequence", parts: [textOf('"'), inner, textOf('"')] };
}
