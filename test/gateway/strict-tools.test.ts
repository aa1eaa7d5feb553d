/** Strict functions that the model may choose to call: what forward is asked for, what that excludes, and what is no call without a mark. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { ToolSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { withoutUnkept } from "../../gateway/src/flow/calls/unheld.ts";
import { chatBody, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

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
  const { forms, once } = (first?.value as any).constraint.kind.value;
  expect(once).toBe(false);
  const form = (name: string) => ({ mark: "<tool_call>", begin: `\n{"name": "${name}", "arguments": ` });
  expect(forms).toMatchObject([
    { ...form("f"), end: "</tool_call>" },
    { ...form("g"), end: "}\n</tool_call>", jsonSchema: { schema: JSON.stringify(parameters) } },
    { ...form("h"), end: "}\n</tool_call>" },
  ]);
  expect(forms[0].jsonSchema).toBeUndefined();
  expect(JSON.parse(forms[2].jsonSchema.schema)).toEqual({ type: "object", additionalProperties: false });
});

test("without its mark a call of a strict function is one only if it keeps to its schema, as a verifier says", async () => {
  const stack = createSimulatedStack();
  const asked: unknown[] = [];
  stack.verifier.before = ({ verifiers }) => void asked.push(verifiers[0]?.parameters);
  stack.verifier.judge = (text) => (text === '{"a":1}' ? 1 : 0);
  const say = async (...calls: [name: string, given: string][]) => {
    const text = calls.map(([name, given]) => `{"name": "${name}", "arguments": ${given}}`).join("\n");
    stack.forward.script = () => encode(text);
    const { choices } = (await (await stack.post(CHAT, chatBody("hello", { tools }))).json()) as any;
    const { message, finish_reason } = choices[0];
    expect(message.content).toBe(finish_reason === "stop" ? text : null);
    return finish_reason;
  };
  expect([await say(["f", "{}"]), asked]).toEqual(["tool_calls", []]);
  expect([await say(["g", '{"a": 1}']), asked]).toEqual(["tool_calls", [{ schema: parameters }]]);
  expect([await say(["g", '{"a": 1}'], ["g", "{}"]), asked.length]).toEqual(["stop", 2]);
  stack.verifier.before = () => Promise.reject(new TrimtabError("SERVICE_UNAVAILABLE", "down"));
  expect(await say(["g", '{"a": 1}'])).toBe("stop");
});

test("a verifier that does not say so in time has not said it", async () => {
  const { clients, verifier } = createSimulatedStack();
  verifier.before = () => new Promise(() => {});
  const unheld = '{"name": "g", "arguments": {}}';
  const read = { text: "", calls: [{ name: "g", arguments: "{}" }], unheld };
  const strict = create(ToolSchema, { name: "g", strict: true });
  const { signal } = new AbortController();
  expect(await withoutUnkept(read, [strict], clients, { signal }, 50)).toEqual({ text: unheld, calls: [] });
});

test("what does not go with a constraint is refused", async () => {
  const { post } = createSimulatedStack();
  const ask = async (more: object) => outcome(await post(CHAT, chatBody("hello", { tools, ...more })));
  expect(await ask({ speculation: { prompt_lookup: {} } })).toEqual([400, "unsupported", "speculation"]);
  expect(await ask({ ignore_eos: true })).toEqual([400, "unsupported", "ignore_eos"]);
  const scaling = { strategy: "steered-proposal", budget: 2, verifier: "words" };
  expect(await ask({ scaling })).toEqual([400, "unsupported", "tools"]);
});
