// What JSON is compared with: enumerations, names, other items. Bounded, in linear time, and by own names alone.

import type { JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { errorOf, judge, judgeTexts } from "./service.ts";

/** A definition that is referred to so many times. */
const comparing = (definition: JsonObject, times: number): JsonObject => ({
  $defs: { d: definition },
  allOf: Array.from({ length: times }, () => ({ $ref: "#/$defs/d" })),
});

test("schemas that would compare every value with very many others are refused", async () => {
  const many = [...Array(5_000).keys()];
  const schemas = [
    comparing({ items: { enum: many } }, 4),
    comparing({ items: { required: many.map(String) } }, 4),
    comparing({ items: { properties: Object.fromEntries(many.map((name) => [`p${name}`, true])) } }, 4),
    comparing({ uniqueItems: true }, 300),
  ];
  for (const schema of schemas) {
    const { reason, field, limit } = await errorOf(judge("json_schema", { schema }, [{ text: "1" }]));
    expect([reason, field]).toEqual(["TOO_LARGE", "verifiers[0].parameters.schema"]);
    expect(limit).toContain("16384 values");
  }
  expect(await judgeTexts("json_schema", { schema: { enum: many } }, ["4999", "5000"])).toEqual([
    "1 valid",
    "0 invalid",
  ]);
});

test("items are told apart in linear time", async () => {
  const items = JSON.stringify(Array.from({ length: 9_000 }, (_, i) => i));
  const used = process.cpuUsage();
  const schema = comparing({ uniqueItems: true }, 20);
  expect(await judgeTexts("json_schema", { schema }, [items])).toEqual(["1 valid"]);
  // Comparing each with each: five seconds.
  expect(process.cpuUsage(used).user / 1_000).toBeLessThan(2_000);
  const unique = { uniqueItems: true };
  expect(
    await judgeTexts("json_schema", { schema: unique }, ['[{"a":1,"b":2},{"b":2,"a":1}]', '[1,"1"]']),
  ).toEqual(["0 invalid", "1 valid"]);
});

test("names of what all objects have are names like others", async () => {
  const named = { properties: { constructor: { type: "string" } } };
  expect(await judgeTexts("json_schema", { schema: named }, ["{}", '{"constructor":1}'])).toEqual([
    "1 valid",
    "0 invalid",
  ]);
  const required = { required: ["constructor"] };
  expect(await judgeTexts("json_schema", { schema: required }, ["{}", '{"constructor":1}'])).toEqual([
    "0 invalid",
    "1 valid",
  ]);
});
