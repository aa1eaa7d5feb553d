/** What functions and calls in conversations may be: each limit at its edge, each refusal by the name of its field. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { ensureTestModel } from "../../../scripts/lib/test-models.mjs";
import { startTokenizer } from "../../support/tokenizer-service.ts";

setDefaultTimeout(120_000);
const { room, client } = await startTokenizer(await ensureTestModel("qwen"));
afterAll(() => room.close());

const weather = { name: "get_weather", description: "Weather of a city", parameters: '{"type":"object"}' };
const asked = { role: "user", content: "Weather in Paris?" };
const call = { id: "call_1", name: "get_weather", arguments: '{"city": "Paris"}' };
const called = { role: "assistant", toolCalls: [call] };
const answered = { role: "tool", toolCallId: "call_1", content: "18 degrees" };
const tool = (change: object) => ({ messages: [asked], tools: [{ ...weather, ...change }] });
const calling = (change: object) => ({
  messages: [asked, { role: "assistant", toolCalls: [{ ...call, ...change }] }],
});
const schema = (bytes: number) => JSON.stringify({ title: "x".repeat(bytes) });

test.each([
  ["a name with a blank", tool({ name: "get weather" }), "INVALID_ARGUMENT", "tools[0].name"],
  ["a long name", tool({ name: "x".repeat(65) }), "INVALID_ARGUMENT", "tools[0].name"],
  ["a schema that is no JSON", tool({ parameters: "{" }), "INVALID_ARGUMENT", "tools[0].parameters"],
  ["a schema that is a list", tool({ parameters: "[]" }), "INVALID_ARGUMENT", "tools[0].parameters"],
  ["a large schema", tool({ parameters: schema(65_536) }), "FIELD_OUT_OF_RANGE", "tools[0].parameters"],
  [
    "a deep schema",
    tool({ parameters: `${'{"a":'.repeat(33)}1${"}".repeat(33)}` }),
    "INVALID_ARGUMENT",
    "tools[0].parameters",
  ],
  ["a name twice", { messages: [asked], tools: [weather, weather] }, "INVALID_ARGUMENT", "tools[1].name"],
  [
    "too many",
    {
      messages: [asked],
      tools: Array.from({ length: 129 }, (_, i) => ({ ...weather, name: `f${i}` })),
    },
    "FIELD_OUT_OF_RANGE",
    "tools",
  ],
  ["no id", calling({ id: "" }), "FIELD_REQUIRED", "messages[1].tool_calls[0].id"],
  ["no JSON", calling({ arguments: "Paris" }), "INVALID_ARGUMENT", "messages[1].tool_calls[0].arguments"],
  [
    "half a character",
    calling({ arguments: '{"a":"\\ud800"}' }),
    "INVALID_ARGUMENT",
    "messages[1].tool_calls[0].arguments",
  ],
  [
    "a user who calls",
    { messages: [{ ...called, role: "user" }] },
    "INVALID_ARGUMENT",
    "messages[0].tool_calls",
  ],
  ["an answer to nothing", { messages: [asked, answered] }, "INVALID_ARGUMENT", "messages[1].tool_call_id"],
  ["nobody's answer", { messages: [{ role: "tool" }] }, "FIELD_REQUIRED", "messages[0].tool_call_id"],
])("%s is refused by name", async (_, request, reason, field) => {
  const error = fromConnectError(await client.renderChat(request).catch((thrown: unknown) => thrown));
  expect([error.reason, error.field]).toEqual([reason as never, field]);
});

test("what is just within the limits is rendered", async () => {
  const parameters = `${'{"a":'.repeat(32)}1${"}".repeat(32)}`;
  const named = "x".repeat(64);
  const tools = [{ ...weather, name: named, parameters }, { name: "bare" }];
  const { text } = await client.renderChat({ messages: [asked], tools });
  expect(text).toContain(`"name": "${named}"`);
  expect(text).toContain('{"type": "function", "function": {"name": "bare"}}');
});
