/** What a body may say of functions and calls: every refusal by the client's own name of the field. */
import { expect, test } from "bun:test";
import { chatBody, type Expected, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const CHAT = "/v1/chat/completions";
const stack = createSimulatedStack();
const f = { name: "f", parameters: { type: "object" } };
const tool = (more: object = {}) => ({ type: "function", function: { ...f, ...more } });
const offer = (...tools: object[]) => ({ tools });
const asked = { role: "user", content: "x" };
const calls = (more: object) => ({
  role: "assistant",
  tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}", ...more } }],
});
const deep = (depth: number): object => (depth === 1 ? {} : { properties: deep(depth - 1) });
const INVALID = "invalid_argument";
const RANGE = "field_out_of_range";
const NAME = "tools[0].function.name";
const SCHEMA = "tools[0].function.parameters";
const ARGUMENTS = "messages[1].tool_calls[0].function.arguments";

const bodies: readonly (readonly [string, object, Expected])[] = [
  ["no function", offer({ type: "function" }), [400, "field_required", "tools[0].function"]],
  ["another type", offer({ type: "retrieval" }), [400, INVALID, "tools[0].type"]],
  ["an unknown field", offer(tool({ returns: {} })), [400, "unknown_field", "tools[0].function.returns"]],
  ["a name with a dot", offer(tool({ name: "a.b" })), [400, INVALID, NAME]],
  ["an empty name", offer(tool({ name: "" })), [400, INVALID, NAME]],
  ["a name of 65", offer(tool({ name: "n".repeat(65) })), [400, INVALID, NAME]],
  ["a name twice", offer(tool(), tool()), [400, INVALID, "tools[1].function.name"]],
  ["a schema as text", offer(tool({ parameters: "{}" })), [400, INVALID, SCHEMA]],
  ["a deep schema", offer(tool({ parameters: deep(33) })), [400, INVALID, SCHEMA]],
  ["a large schema", offer(tool({ parameters: { title: "x".repeat(65_536) } })), [400, RANGE, SCHEMA]],
  [
    "129 functions",
    offer(...Array.from({ length: 129 }, (_, index) => tool({ name: `f${index}` }))),
    [400, RANGE, "tools"],
  ],
  ["a choice without functions", { tool_choice: "required" }, [400, INVALID, "tool_choice"]],
  ["an unknown choice", { ...offer(tool()), tool_choice: "any" }, [400, INVALID, "tool_choice"]],
  [
    "a choice of none of them",
    { ...offer(tool()), tool_choice: { type: "function", function: { name: "g" } } },
    [400, INVALID, "tool_choice"],
  ],
  [
    "another form of the answer",
    { ...offer(tool()), response_format: { type: "json_object" } },
    [400, "unsupported", "response_format"],
  ],
  [
    "speculation on a call that must be made",
    { ...offer(tool()), tool_choice: "required", speculation: { prompt_lookup: {} } },
    [400, "unsupported", "speculation"],
  ],
  ["arguments that are no JSON", { messages: [asked, calls({ arguments: "x" })] }, [400, INVALID, ARGUMENTS]],
  ["arguments as a list", { messages: [asked, calls({ arguments: "[]" })] }, [400, INVALID, ARGUMENTS]],
  ["a key twice", { messages: [asked, calls({ arguments: '{"a":1,"a":2}' })] }, [400, INVALID, ARGUMENTS]],
  ["arguments as an object", { messages: [asked, calls({ arguments: {} })] }, [400, INVALID, ARGUMENTS]],
  [
    "a user who calls",
    { messages: [{ ...calls({}), role: "user" }] },
    [400, INVALID, "messages[0].tool_calls"],
  ],
  [
    "an answer to no call",
    { messages: [asked, calls({}), { role: "tool", tool_call_id: "2", content: "" }] },
    [400, INVALID, "messages[2].tool_call_id"],
  ],
  [
    "an answer before its call",
    { messages: [asked, { role: "tool", tool_call_id: "1", content: "" }, calls({})] },
    [400, INVALID, "messages[1].tool_call_id"],
  ],
  [
    "nothing said",
    { messages: [asked, { role: "assistant", tool_calls: [] }] },
    [400, "field_required", "messages[1].content"],
  ],
];

test.each(bodies)("%s", async (_, more, expected) => {
  expect(await outcome(await stack.post(CHAT, chatBody("hello", more)))).toEqual(expected);
});

test("what is just within the limits, and a conversation with calls in it, is answered", async () => {
  const names = Array.from({ length: 128 }, (_, index) => `${index}`.padStart(64, "n"));
  const most = offer(...names.map((name) => ({ type: "function", function: { name } })));
  const wide = createSimulatedStack();
  wide.forward.script = () => encode("Done.");
  const messages = [
    asked,
    calls({}),
    { role: "tool", tool_call_id: "1", content: [{ type: "text", text: "r" }] },
  ];
  for (const more of [offer(tool({ parameters: deep(32) })), { ...offer(tool()), messages }]) {
    const response = await wide.post(CHAT, chatBody("hello", more));
    expect([response.status, ((await response.json()) as any).choices?.[0].message.content]).toEqual([
      200,
      "Done.",
    ]);
  }
  // 128 functions of long names are more than the simulated model's context, not too many.
  expect(await outcome(await wide.post(CHAT, chatBody("hello", most)))).toEqual([
    400,
    "context_length_exceeded",
    "prompt",
  ]);
});

test("a call that must be made is begun for the model and kept to the schemas of the functions it may call", async () => {
  const forced = createSimulatedStack();
  const seen: any[] = [];
  forced.forward.script = ({ prompt, command }) => {
    seen.push([prompt, command.constraint?.kind.value]);
    return encode('{"name": "g", "arguments": {"a": "</tool_call>"}}');
  };
  const properties = { default: { $ref: "#/$defs/a" } };
  const parameters = {
    $ref: "#/$defs/a",
    $defs: { a: { type: "object", const: { $ref: "#/x" }, properties } },
  };
  const tools = [tool({ strict: true }), tool({ name: "g", parameters })];
  const choice = { type: "function", function: { name: "g" } };
  for (const tool_choice of ["required", choice]) {
    const response = await forced.post(CHAT, chatBody("hello", { tools, tool_choice }));
    const { message, finish_reason } = ((await response.json()) as any).choices[0];
    expect(message.content).toBeNull();
    expect(message.tool_calls[0].function).toEqual({ name: "g", arguments: '{"a":"</tool_call>"}' });
    expect(finish_reason).toBe("tool_calls");
  }
  const [[prompt, any], [, one]] = seen;
  expect(prompt).toEndWith("assistant\n<tool_call>\n");
  expect([any.strict, one.strict]).toEqual([true, false]);
  const schemas = JSON.parse(any.schema).anyOf;
  expect(schemas.map((schema: any) => schema.properties.name.const)).toEqual(["f", "g"]);
  expect(schemas[1].properties.arguments.$ref).toBe("#/anyOf/1/properties/arguments/$defs/a");
  expect(schemas[1].properties.arguments.$defs.a.const).toEqual({ $ref: "#/x" });
  expect(schemas[1].properties.arguments.$defs.a.properties.default.$ref).toEndWith("/arguments/$defs/a");
  expect(JSON.parse(one.schema).anyOf).toHaveLength(1);
});
