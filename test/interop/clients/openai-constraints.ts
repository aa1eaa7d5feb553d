/** Constrained answers of the default model through the official OpenAI SDK. */
import { beforeAll, expect, test } from "bun:test";
import OpenAI, { BadRequestError } from "openai";
import { served } from "../support/shared.ts";

const client = new OpenAI({ baseURL: `http://127.0.0.1:${served.httpPort}/v1`, apiKey: "none" });
const messages = [{ role: "user" as const, content: "Say hello!" }];
const steered = { steering: JSON.parse(served.steering) as object };
let model: string;

beforeAll(async () => {
  model = (await client.models.list()).data[0]?.id ?? "";
});

test("a response format is kept at high temperature, in the answer, in its stream and under steering", async () => {
  const schema = {
    type: "object",
    properties: { greeting: { enum: ["hello", "hi"] }, count: { type: "integer", minimum: 1, maximum: 9 } },
    required: ["greeting", "count"],
    additionalProperties: false,
  };
  const response_format = {
    type: "json_schema",
    json_schema: { name: "greeting", schema, strict: true },
  } as const;
  const sampled = { model, messages, response_format, temperature: 1.3, max_tokens: 120 };
  const right = { greeting: expect.stringMatching(/^(hello|hi)$/), count: expect.any(Number) };
  const { choices } = await client.chat.completions.create({ ...sampled, n: 3, seed: 5, ...steered });
  for (const { message, finish_reason } of choices) {
    expect(finish_reason).toBe("stop");
    expect(JSON.parse(message.content ?? "")).toEqual(right);
  }
  const final = await client.chat.completions.stream({ ...sampled, seed: 6 }).finalChatCompletion();
  expect(JSON.parse(final.choices[0]?.message.content ?? "")).toEqual(right);
  const phone = { structured_outputs: { regex: "\\d{3}-\\d{4}" } };
  const text = await client.completions.create({ model, prompt: "Call me at ", max_tokens: 20, ...phone });
  expect(text.choices[0]?.text).toMatch(/^\d{3}-\d{4}$/);
  const wrong = {
    response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "zzz" } } },
  };
  const refused = await client.chat.completions
    .create({ model, messages, stream: true, ...(wrong as object) } as never)
    .catch((thrown: unknown) => thrown);
  expect(refused).toBeInstanceOf(BadRequestError);
  expect((refused as BadRequestError).param).toBe("response_format.json_schema.schema");
}, 120_000);
