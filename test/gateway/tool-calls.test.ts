/** Calls in answers: whatever the tokens, the same calls and the same text, whole and streamed; what is no call stays text. */
import { expect, test } from "bun:test";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { chatBody } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const CHAT = "/v1/chat/completions";
const tools = ["f", "g"].map((name) => ({ type: "function", function: { name, parameters: {} } }));

/** A stack that answers with a text. */
function saying(text: string) {
  const stack = createSimulatedStack();
  let seen = "";
  stack.forward.script = ({ prompt }) => ((seen = prompt), encode(text));
  return { ...stack, prompt: () => seen };
}

/** What a client makes of an answer: of the whole one, and of its stream. */
async function answers(text: string, more: object = {}) {
  const { post } = saying(text);
  const body = chatBody("hello", { tools, ...more });
  const whole = (await (await post(CHAT, body)).json()) as any;
  const { message, finish_reason } = whole.choices[0];
  const lines = (await (await post(CHAT, { ...body, stream: true })).text()).split("\n\n");
  const deltas = lines
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)).choices[0]);
  const streamed = deltas.flatMap(({ delta }) => delta.tool_calls ?? []);
  const calls = (message.tool_calls ?? []).map((call: any) => [call.function.name, call.function.arguments]);
  const said = deltas.map(({ delta }) => delta.content ?? "").join("");
  expect(streamed.map((call) => [call.function.name, call.function.arguments])).toEqual(calls);
  expect(streamed.map(({ index }) => index)).toEqual(calls.map((_: unknown, index: number) => index));
  const ids = [...streamed, ...(message.tool_calls ?? [])].map(({ id }) => id);
  expect(new Set(ids).size).toBe(2 * calls.length);
  expect(calls.length > 0 ? said.trim() : said).toBe(
    (message.content ?? "").trim() && (message.content ?? ""),
  );
  expect(deltas.at(-1).finish_reason).toBe(finish_reason);
  return { content: message.content, calls, finish_reason };
}

const call = (body: string) => `<tool_call>\n${body}\n</tool_call>`;
const F = call('{"name": "f", "arguments": {"a": 1}}');
const called = [["f", '{"a":1}']];

test.each([
  ["one call", F, null, called],
  [
    "a text, then two calls",
    `Let me see.${F}\n${call('{"name": "g"}')}`,
    "Let me see.",
    [...called, ["g", "{}"]],
  ],
  ["a text after a call", `${F}\n\nDone.`, "Done.", called],
  ["a missing closing mark", F.replace("\n</tool_call>", ""), null, called],
  ["a part of a closing mark", F.slice(0, -5), null, called],
  [
    "numbers that no number holds",
    call('{"name":"f","arguments":{"id":12345678901234567890,"x":1.0}}'),
    null,
    [["f", '{"id":12345678901234567890,"x":1.0}']],
  ],
  ["a function nobody offered", call('{"name": "h", "arguments": {}}'), null, [["h", "{}"]]],
])("%s", async (_, text, content, calls) => {
  expect(await answers(text)).toEqual({ content, calls, finish_reason: "tool_calls" });
});

test.each([
  "Sure, I help <tool_ca",
  "a < b <tool_call",
  call("{}"),
  call('{"name": "f", "arguments": [1]}'),
  call('{"name": "f", "arguments": 5}'),
  call('{"name": "no name", "arguments": {}}'),
  call('{"name": "f", "arguments": {"a": "\\ud800"}}'),
  call('{"name": "f", "name": "g", "arguments": {}}'),
  `${call("nothing")} and ${call("again")}`,
  '<tool_call>\n{"name": "f", "arguments": {"a": ',
  "</tool_call>",
])("%j is text", async (text) => {
  expect(await answers(text)).toEqual({ content: text, calls: [], finish_reason: "stop" });
});

const bare = '{"name": "f", "arguments": {"a": 1}}';
const named = '{\n  "name" : "g",\n  "arguments": {}\n}';

test.each([
  ["an object alone", bare, called],
  ["one in a fence", `\n\`\`\`json\n${named}\n\`\`\``, [["g", "{}"]]],
  ["one in a fence without an end", `\`\`\`\n${bare}`, called],
  ["one a line", `${bare}\n\n{"name":"g"}`, [...called, ["g", "{}"]]],
])("a model that forgets the marks: %s", async (_, text, calls) => {
  expect(await answers(text)).toEqual({ content: null, calls, finish_reason: "tool_calls" });
});

test.each([
  bare.replace('"f"', '"h"'),
  bare.replace('"f"', '"ff"'),
  bare.replace("{", '{"b": 2, '),
  `${bare} is how you call it.`,
  `${bare}\n{"name": "h"}`,
  '{"name": "f',
  `${" ".repeat(300)}${bare}`,
  "``` {",
])("without marks %j is text", async (text) => {
  expect(await answers(text)).toEqual({ content: text, calls: [], finish_reason: "stop" });
});

test("an answer that is cut ends for length, with the calls it made", async () => {
  const cut = await answers(`${F}${F}`, { max_tokens: encode(F).length + 20 });
  expect(cut).toEqual({ content: `${F.slice(0, 20)}`, calls: called, finish_reason: "length" });
});

test("without parallel calls the first one ends the answer", async () => {
  const { calls, finish_reason } = await answers(`${F}${F} and more`, { parallel_tool_calls: false });
  expect([calls, finish_reason]).toEqual([called, "tool_calls"]);
});

test("tool_choice none shows the model no functions, and its text is what it is", async () => {
  const { post, prompt } = saying(F);
  const ask = async (tool_choice: string) =>
    (await post(CHAT, chatBody("hello", { tools, tool_choice }))).json();
  expect(((await ask("none")) as any).choices[0].message).toEqual({
    role: "assistant",
    content: F,
    refusal: null,
  });
  expect(prompt()).toStartWith("user\nhello");
  await ask("auto");
  expect(prompt()).toStartWith("tools\nf g\nuser\nhello");
});

test("log-probabilities are those of all tokens, calls are billed like text, and a search's answer calls, too", async () => {
  const { post, client } = saying(F);
  const body = (await (await post(CHAT, chatBody("hello", { tools, logprobs: true }))).json()) as any;
  expect(body.choices[0].logprobs.content.map(({ token }: any) => token).join("")).toBe(F);
  expect(body.usage.completion_tokens).toBe(encode(F).length + 1);
  const searched = chatBody("hello", {
    tools,
    scaling: { strategy: "best-of-n", budget: 2, verifier: "words" },
  });
  const found = (await (await post(CHAT, searched)).json()) as any;
  expect(found.choices[0].message.tool_calls[0].function.name).toBe("f");
  const value = { messages: [{ role: "user", content: "x" }], tools: [{ name: "f" }] };
  const { choices } = await client.complete({ spec: { prompt: { case: "conversation", value } } });
  expect(choices[0]?.finished?.reason).toBe(FinishReason.TOOL_CALLS);
  expect(choices[0]?.toolCalls.map(({ name, arguments: given }) => [name, given])).toEqual(called);
  expect(choices[0]?.text).toBe("");
});
