// Answers that must be JSON of a given shape, and schemas that would cost too much or mean too much.

import type { JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { errorOf, judge, judgeTexts } from "./service.ts";

const person: JsonObject = {
  type: "object",
  properties: { name: { type: "string", pattern: "^[A-Z]" }, age: { type: "integer", minimum: 0 } },
  required: ["name"],
  additionalProperties: false,
};

test("an answer is valid, invalid, or no JSON at all", async () => {
  const texts = [
    '{"name":"Ann","age":3}',
    '{"name":"ann"}',
    '{"age":3}',
    '{"name":"Ann","x":1}',
    "Ann",
    "",
    "{",
  ];
  expect(await judgeTexts("json_schema", { schema: person }, texts)).toEqual([
    "1 valid",
    "0 invalid",
    "0 invalid",
    "0 invalid",
    "0 not_json",
    "0 not_json",
    "0 not_json",
  ]);
});

test("the first code block or bracketed part is taken on request only", async () => {
  const texts = ['Here:\n```json\n{"name":"Ann"}\n```\nBye', 'It is {"name":"Ann"}, I think.'];
  const whole = await judgeTexts("json_schema", { schema: person }, texts);
  expect(whole).toEqual(["0 not_json", "0 not_json"]);
  const block = await judgeTexts("json_schema", { schema: person, extract: "block" }, texts);
  expect(block).toEqual(["1 valid", "1 valid"]);
});

test("references inside the schema are followed", async () => {
  const schema = {
    $ref: "#/$defs/pair",
    $defs: { pair: { type: "array", items: { $ref: "#/$defs/n" }, maxItems: 2 }, n: { type: "number" } },
  };
  expect(await judgeTexts("json_schema", { schema }, ["[1,2]", "[1,2,3]", '["a"]'])).toEqual([
    "1 valid",
    "0 invalid",
    "0 invalid",
  ]);
});

/** Definitions that each use the next one twice: 2^count subschemas. */
function doubling(count: number): JsonObject {
  const twice = (index: number) => ({
    allOf: [{ $ref: `#/$defs/d${index}` }, { $ref: `#/$defs/d${index}` }],
  });
  const entries = Array.from({ length: count }, (_, index) => [`d${index}`, twice(index + 1)] as const);
  return { ...twice(0), $defs: { ...Object.fromEntries(entries), [`d${count}`]: { type: "number" } } };
}

function nested(depth: number): JsonObject {
  let schema: JsonObject = { type: "number" };
  for (let level = 0; level < depth; level++) schema = { not: schema };
  return schema;
}

test("G21 schemas that are recursive, remote, doubling, deep, unknown or slow are refused before they are compiled", async () => {
  const cases: [string, JsonObject, string][] = [
    ["recursion at the root", { $ref: "#" }, "INVALID_ARGUMENT"],
    [
      "a cycle",
      { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
      "INVALID_ARGUMENT",
    ],
    [
      "a cycle behind a property named default",
      { properties: { default: { $ref: "#" } } },
      "INVALID_ARGUMENT",
    ],
    ["a remote reference", { $ref: "http://localhost/schema.json" }, "INVALID_ARGUMENT"],
    ["a reference to nowhere", { $ref: "#/$defs/a" }, "INVALID_ARGUMENT"],
    ["a dynamic reference", { $dynamicRef: "#a" }, "INVALID_ARGUMENT"],
    ["a doubling chain", doubling(60), "TOO_LARGE"],
    ["depth", nested(40), "TOO_LARGE"],
    ["an unknown keyword", { tpye: "object" }, "INVALID_ARGUMENT"],
    ["an unknown format", { type: "string", format: "telephone" }, "INVALID_ARGUMENT"],
    ["a wrong type", { type: "objekt" }, "INVALID_ARGUMENT"],
    ["a back-reference", { type: "string", pattern: "(a)\\1" }, "INVALID_ARGUMENT"],
    [
      "many patterns",
      { anyOf: Array.from({ length: 9 }, (_, i) => ({ pattern: `a{120}${i}` })) },
      "TOO_LARGE",
    ],
    ["size", { type: "string", enum: ["x".repeat(70_000)] }, "TOO_LARGE"],
  ];
  await judge("json_schema", { schema: person }, [{ text: "1" }]);
  for (const [name, schema, reason] of cases) {
    const error = await errorOf(judge("json_schema", { schema }, [{ text: "1" }]));
    expect([name, error.reason]).toEqual([name, reason as never]);
    expect(error.field).toBe("verifiers[0].parameters.schema");
  }
});

test("a slow pattern of a schema runs on the linear engine", async () => {
  const schema = { type: "string", pattern: "^(a+)+$" };
  // 2^50,000 steps elsewhere: only a linear engine answers at all.
  const texts = [JSON.stringify(`${"a".repeat(50_000)}!`), JSON.stringify("aaa")];
  expect(await judgeTexts("json_schema", { schema }, texts)).toEqual(["0 invalid", "1 valid"]);
});

test("answers that are too deep, too large or too many are failed verdicts", async () => {
  const texts = [
    "[".repeat(65) + "]".repeat(65),
    `[${"1,".repeat(10_001)}1]`,
    JSON.stringify("x".repeat(65_536)),
    '{"__proto__": {"name": "Ann"}}',
  ];
  expect(await judgeTexts("json_schema", { schema: person }, texts)).toEqual([
    "TOO_LARGE",
    "TOO_LARGE",
    "TOO_LARGE",
    "0 invalid",
  ]);
});
