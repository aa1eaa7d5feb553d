/** Regular expressions, JSON schemas and grammars as forward reads them. Most are well-formed; some are then damaged. */
import { grammarText, schemaGrammar } from "../../support/grammar-text.ts";
import { mutateJson } from "../../services/kit/fuzz/mutate.ts";
import { mutateText, pick, type Random, type Target } from "./target.ts";

const ATOMS = [
  "a",
  "b",
  "é",
  ".",
  "\\d",
  "\\w",
  "\\S",
  "[a-z]",
  "[^x]",
  "[0-9é]",
  "\\n",
  "\\x41",
  "\\u0041",
  "\\.",
];
const ODD_ATOMS = [
  "\\b",
  "\\1",
  "(?=a)",
  "(?!b)",
  "^",
  "$",
  "\\p{L}",
  "[]",
  "[^é]",
  "[a-\\d]",
  "(?i:a)",
  "\\cA",
];
const COUNTS = ["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0,40}"];
const TEXT_LIMIT = 70_000;

function expression(random: Random, depth: number): string {
  const kind = random.below(depth > 3 ? 2 : 5);
  if (kind < 2) return random.below(24) === 0 ? pick(random, ODD_ATOMS) : pick(random, ATOMS);
  const inner = () => expression(random, depth + 1);
  if (kind === 2) return `(?:${inner()})${pick(random, COUNTS)}`;
  if (kind === 3) return `(${inner()}|${inner()})`;
  return inner() + inner();
}

const readAs = (kind: "regex" | "ebnf") => (value: string) => grammarText({ case: kind, value });

/** Regular expressions. */
export const regexTarget: Target<string> = {
  name: "regular expressions",
  cases: [1_500, 12_000],
  make(random) {
    const text = expression(random, 0);
    return random.below(3) === 0 ? mutateText(text, random) : text;
  },
  read: readAs("regex"),
  isFirstCheck: (error) => /is empty|regular expression/i.test(error.message),
  reasons: ["INVALID_ARGUMENT", "UNSUPPORTED", "FIELD_OUT_OF_RANGE", "FIELD_REQUIRED", "TOO_LARGE"],
  corpus: [
    "",
    "(",
    "(a+)+$",
    "(".repeat(60_000),
    `${"(?:".repeat(100)}a${")".repeat(100)}`,
    "a".repeat(TEXT_LIMIT),
    "a{9999}",
  ],
};

const TYPES = ["string", "integer", "number", "boolean", "null", "array", "object"];

function schema(random: Random, depth: number): unknown {
  const type = pick(random, depth > 2 ? TYPES.slice(0, 5) : TYPES);
  const inner = () => schema(random, depth + 1);
  const some = <T extends object>(value: T): Partial<T> => (random.below(2) === 0 ? value : {});
  if (random.below(8) === 0) return { anyOf: [inner(), inner()] };
  if (random.below(12) === 0) return { enum: [1, "a", null, { a: [1] }].slice(random.below(3)) };
  if (type === "string")
    return {
      type,
      ...pick(random, [
        {},
        { minLength: 1, maxLength: 9 },
        { pattern: expression(random, 2) },
        { format: "date" },
      ]),
    };
  if (type === "integer")
    return { type, ...some({ minimum: random.below(9) }), ...some({ maximum: 5 + random.below(90) }) };
  if (type === "number") return { type, ...some({ exclusiveMinimum: 0.5 }) };
  if (type === "array") return { type, items: inner(), ...some({ minItems: 1 }), ...some({ maxItems: 4 }) };
  if (type !== "object") return { type };
  const properties = Object.fromEntries(
    Array.from({ length: random.below(4) }, (_, i) => [`k${i}`, inner()]),
  );
  return {
    type,
    properties,
    ...some({ required: Object.keys(properties) }),
    ...some({ additionalProperties: false }),
  };
}

/** JSON schemas. */
export const schemaTarget: Target<string> = {
  name: "JSON schemas",
  cases: [800, 8_000],
  make(random) {
    const made = schema(random, 0);
    const kind = random.below(4);
    if (kind === 0) return mutateText(JSON.stringify(made), random);
    return JSON.stringify(kind === 1 ? mutateJson(made, random) : made) ?? "";
  },
  read: (value) => schemaGrammar(value),
  isFirstCheck: (error) =>
    /is empty|schema (is|has|repeats|contains|nests|ends)|: #/.test(error.message) ||
    error.limit !== undefined,
  reasons: ["INVALID_ARGUMENT", "UNSUPPORTED", "FIELD_REQUIRED", "TOO_LARGE"],
  corpus: [
    "",
    "{",
    "[".repeat(50_000),
    '{"$ref":"#"}',
    '{"type":"object","patternProperties":{}}',
    `{"title":"${"a".repeat(TEXT_LIMIT)}"}`,
    "false",
    // Once a TypeError.
    "null",
    "5",
    '"x"',
    "[]",
  ],
};

const RULES = ['"a"', "[a-z]+", "root", "item", '("x" | "y")', "[^\\n]*", '"\\u0041"', "item?"];

/** Grammars in EBNF, as far as they are checked before another thread parses them. */
export const grammarTarget: Target<string> = {
  name: "grammars",
  cases: [300, 3_000],
  make(random) {
    const body = () =>
      Array.from({ length: 1 + random.below(4) }, () => pick(random, RULES)).join(pick(random, [" ", " | "]));
    const text = `root ::= ${body()}\nitem ::= ${body()}\n`;
    return random.below(3) === 0 ? mutateText(text, random) : text;
  },
  read: readAs("ebnf"),
  isFirstCheck: (error) => /is empty|bytes, at most/.test(error.message),
  reasons: ["UNSUPPORTED", "FIELD_REQUIRED", "TOO_LARGE"],
  corpus: ["", `root ::= ${"(".repeat(500)}`, "a".repeat(TEXT_LIMIT), "root ::= [é]"],
};
