/** Strict functions that the model may choose to call: what forward is asked for, what that excludes, and what is no call without a mark. */
import { expect, test } from "bun:test";
import { chatBody, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode, simulatedTokenizer } from "./support/simulated-tokenizer.ts";

const CHAT = "/v1/chat/completions";
const parameters = { $ref: "#/$defs/a", $defs: { a: { type: "object" } } };
const tool = (name: string, more: object = {}) => ({
  type: "function",
  function: { name, parameters, ...more },
});
const tools = [tool("f"), tool("g", { strict: true }), tool("h", { strict: true, parameters: undefined })];

test("from the mark on a call is of a function that was offered, with the arguments of its schema if it is strict", async () => {
  const { post, forward } = createSimulatedStack();
  forward.script = ({ command }) => encode(command.constraint ? "held" : "free");
  const ask = async (more: object) => {
    const response = await post(CHAT, chatBody("hello", { tools, ...more }));
    return ((await response.json()) as any).choices[0].message.content;
  };
  expect(await ask({})).toBe("held");
  expect(await ask({ tool_choice: "none" })).toBe("free");
  expect(await ask({ tools: [tool("f"), tool("g", { strict: false })] })).toBe("free");
  const [first] = forward.commands
    .map(({ command }) => command)
    .filter(({ case: kind }) => kind === "generate");
  const { mark, forms } = (first?.value as any).constraint.kind.value;
  expect(mark).toBe("<tool_call>");
  const begin = (name: string) => `\n{"name": "${name}", "arguments": `;
  expect(forms).toMatchObject([
    { begin: begin("f"), end: "</tool_call>" },
    { begin: begin("g"), end: "}\n</tool_call>", jsonSchema: { schema: JSON.stringify(parameters) } },
    { begin: begin("h"), end: "}\n</tool_call>" },
  ]);
  expect(forms[0].jsonSchema).toBeUndefined();
  expect(JSON.parse(forms[2].jsonSchema.schema)).toEqual({ type: "object", additionalProperties: false });
});

test("without its mark a call of a strict function is text: nothing held it to its schema", async () => {
  const { post, forward } = createSimulatedStack();
  const say = async (name: string) => {
    forward.script = () => encode(`{"name": "${name}", "arguments": {}}`);
    const { choices } = (await (await post(CHAT, chatBody("hello", { tools }))).json()) as any;
    return choices[0].finish_reason;
  };
  expect([await say("f"), await say("g")]).toEqual(["tool_calls", "stop"]);
});

test("what does not go with a constraint is refused", async () => {
  const { post } = createSimulatedStack();
  const ask = async (more: object) => outcome(await post(CHAT, chatBody("hello", { tools, ...more })));
  expect(await ask({ speculation: { prompt_lookup: {} } })).toEqual([400, "unsupported", "speculation"]);
  expect(await ask({ ignore_eos: true })).toEqual([400, "unsupported", "ignore_eos"]);
  const scaling = { strategy: "steered-proposal", budget: 2, verifier: "words" };
  expect(await ask({ scaling })).toEqual([400, "unsupported", "tools"]);
});

test("a model whose marks are special tokens cannot hold what it chooses to call, and says so", async () => {
  const getVocabulary: typeof simulatedTokenizer.getVocabulary = async function* (request, context) {
    for await (const run of simulatedTokenizer.getVocabulary(request, context))
      yield { ...run, special: { ...run.special, 300: "<tool_call>" } };
  };
  const { post } = createSimulatedStack({ tokenizer: { ...simulatedTokenizer, getVocabulary } });
  expect(await outcome(await post(CHAT, chatBody("hello", { tools })))).toEqual([
    400,
    "unsupported",
    "tools[1].function.strict",
  ]);
});
