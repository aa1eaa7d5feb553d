/** JSON objects by a schema: required fields, types, bounds. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Random } from "../src/random.ts";
import type { Task, Turn } from "../src/task.ts";

/** Fields by name: a schema and a value that fits it. */
const FIELDS: readonly (readonly [string, JsonObject, string | number | boolean | string[]])[] = [
  ["name", { type: "string", minLength: 1 }, "Ada"],
  ["age", { type: "integer", minimum: 0, maximum: 120 }, 36],
  ["email", { type: "string", pattern: "@" }, "ada@example.org"],
  ["city", { type: "string", enum: ["Paris", "Rome", "Oslo"] }, "Rome"],
  ["active", { type: "boolean" }, true],
  ["score", { type: "number", minimum: 0, maximum: 1 }, 0.5],
  ["tags", { type: "array", items: { type: "string" }, minItems: 2, maxItems: 4 }, ["new", "blue"]],
  ["size", { type: "string", enum: ["small", "large"] }, "small"],
  ["year", { type: "integer", minimum: 1900, maximum: 2100 }, 1990],
];
const LEVELS = [2, 4, 6] as const;

/** JSON by schema. */
export const jsonSchema: Task = {
  name: "json-schema",
  description: "a JSON object that fits a schema",
  levels: LEVELS.map((fields) => `${fields} fields`),
  answer: "text",
  separators: ["\n"],
  maxTokens: 128,
  draw(level, random) {
    const fields = drawFields(LEVELS[level]!, random);
    return {
      key: fields
        .map(([name]) => name)
        .toSorted()
        .join(","),
      messages: [...EXAMPLES, { role: "user", content: questionOf(schemaOf(fields)) }],
      outcome: { name: "json_schema", parameters: { schema: schemaOf(fields), extract: "block" } },
      solution: solutionOf(fields),
    };
  },
};

type Field = (typeof FIELDS)[number];

const drawFields = (count: number, random: Random): Field[] => random.shuffle(FIELDS).slice(0, count);

function schemaOf(fields: readonly Field[]): JsonObject {
  return {
    type: "object",
    properties: Object.fromEntries(fields.map(([name, schema]) => [name, schema])),
    required: fields.map(([name]) => name),
    additionalProperties: false,
  };
}

const solutionOf = (fields: readonly Field[]): string =>
  JSON.stringify(Object.fromEntries(fields.map(([name, , value]) => [name, value])));
const questionOf = (schema: JsonObject): string =>
  `Write one JSON object that fits this schema, and nothing else:\n${JSON.stringify(schema)}`;

const EXAMPLES: readonly Turn[] = [[FIELDS[7]!, FIELDS[8]!]].flatMap((fields) => [
  { role: "user" as const, content: questionOf(schemaOf(fields)) },
  { role: "assistant" as const, content: solutionOf(fields) },
]);
