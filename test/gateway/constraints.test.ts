/** Constraints and speculation of HTTP bodies, under every name, as forward gets them. */
import { expect, test } from "bun:test";
import { chatBody } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const SCHEMA = { type: "object", properties: { a: { type: "integer" } } };

/** What forward is asked to generate for a body. */
async function commandOf(more: object) {
  const { post, forward } = createSimulatedStack();
  const response = await post("/v1/chat/completions", chatBody("hello", more));
  expect(response.status).toBe(200);
  const generate = forward.commands.find(({ command }) => command.case === "generate")?.command;
  if (generate?.case !== "generate") throw new Error("nothing was generated");
  return generate.value;
}

test("a schema reaches forward under each of its names", async () => {
  const json_schema = { name: "x", schema: SCHEMA };
  const bodies = [
    { response_format: { type: "json_schema", json_schema } },
    { guided_json: SCHEMA },
    { guided_json: JSON.stringify(SCHEMA) },
    { json_schema: SCHEMA },
    { structured_outputs: { json: SCHEMA } },
    { response_format: { type: "json_object", schema: SCHEMA } },
    { response_format: { type: "json_schema", schema: SCHEMA } },
    { response_format: { type: "json_schema", json_schema: { ...json_schema, description: null } } },
  ];
  for (const body of bodies) {
    const { kind } = (await commandOf(body)).constraint ?? {};
    expect(kind).toMatchObject({ case: "jsonSchema", value: { schema: JSON.stringify(SCHEMA) } });
  }
  const loose = { response_format: { type: "json_schema", json_schema: { ...json_schema, strict: false } } };
  expect((await commandOf(loose)).constraint?.kind).toMatchObject({ value: { strict: false } });
});

test("other constraints do, and text is none", async () => {
  const regex = { case: "regex", value: "a+" };
  const choice = { case: "choice", value: { values: ["a", "b"] } };
  expect((await commandOf({ guided_regex: "a+" })).constraint?.kind).toMatchObject(regex);
  expect(
    (await commandOf({ structured_outputs: { regex: "a+", json: null } })).constraint?.kind,
  ).toMatchObject(regex);
  expect((await commandOf({ guided_choice: ["a", "b"] })).constraint?.kind).toMatchObject(choice);
  const object = { response_format: { type: "json_object" } };
  expect((await commandOf(object)).constraint?.kind.case).toBe("jsonObject");
  expect((await commandOf({ structured_outputs: { json_object: true } })).constraint?.kind.case).toBe(
    "jsonObject",
  );
  expect((await commandOf({ response_format: { type: "text" } })).constraint).toBeUndefined();
});

test("speculation does, in our words and in vLLM's", async () => {
  const lookup = { case: "promptLookup", value: { ngram: 2, maxDraft: 5 } };
  const ours = { speculation: { prompt_lookup: { ngram: 2, max_draft: 5 } } };
  const theirs = { speculative_config: { method: "ngram", num_speculative_tokens: 5, prompt_lookup_max: 2 } };
  expect((await commandOf(ours)).speculation?.source).toMatchObject(lookup);
  expect((await commandOf(theirs)).speculation?.source).toMatchObject(lookup);
  expect((await commandOf({})).speculation).toBeUndefined();
});
