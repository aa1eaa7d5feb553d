/** Calls as Llama 3 and Mistral write them: read as calls, held where one must be made or is strict, with ids their templates take. */
import { expect, test } from "bun:test";
import { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { chatBody } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode, simulatedTokenizer, VOCABULARY_SIZE } from "./support/simulated-tokenizer.ts";

const CHAT = "/v1/chat/completions";
const { LLAMA, MISTRAL } = ToolSyntax;
const tool = (name: string, more: object = {}) => ({ type: "function", function: { name, ...more } });
const tools = [tool("f"), tool("g")];
/** A token that the vocabulary has as special. */
const MARK = VOCABULARY_SIZE - 1;
const MARKS: Readonly<Record<number, string>> = { [LLAMA]: "<|python_tag|>", [MISTRAL]: "[TOOL_CALLS]" };

/** The answer of a model of a syntax that writes ids, and what was asked of it. */
async function answer(
  toolSyntax: ToolSyntax,
  ids: readonly number[],
  more: object = {},
  judge: (text: string) => number = () => 0,
) {
  const getVocabulary: typeof simulatedTokenizer.getVocabulary = async function* (request, context) {
    for await (const run of simulatedTokenizer.getVocabulary(request, context)) {
      const special = { ...run.special, [MARK]: MARKS[toolSyntax] as string };
      yield { ...run, special, ...(run.toolSyntax && { toolSyntax }) };
    }
  };
  const tokenizer = { ...simulatedTokenizer, getVocabulary };
  const { post, forward, verifier } = createSimulatedStack({ tokenizer });
  verifier.judge = judge;
  const seen: any[] = [];
  forward.script = ({ prompt, command }) => (seen.push(prompt, command.constraint?.kind.value), [...ids]);
  const body = chatBody("hello", { tools, ...more });
  const { message, finish_reason } = ((await (await post(CHAT, body)).json()) as any).choices[0];
  const made = message.tool_calls ?? [];
  const calls = made.map((call: any) => [call.function.name, call.function.arguments]);
  const [prompt, constraint] = seen;
  return { calls, content: message.content, finish_reason, id: made[0]?.id, prompt, constraint };
}
const L = '{"name": "f", "parameters": {"a": 1}}';
const M = '[{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}, "id": "abcdefghi"}]';
const F = ["f", '{"a":1}'];

test.each([
  ["an object that is the answer", LLAMA, encode(L), [F]],
  ["one behind the tag", LLAMA, [MARK, ...encode(L)], [F]],
  ["one a message, as the template takes it back", LLAMA, encode(`${L}\n${L}`), [F]],
  ["a list behind the mark", MISTRAL, [MARK, ...encode(` ${M}`)], [F, ["g", "{}"]]],
  ["a list that lost its mark", MISTRAL, encode(M), [F, ["g", "{}"]]],
])("%s is called", async (_, syntax, ids, calls) => {
  expect(await answer(syntax, ids)).toMatchObject({ content: null, calls, finish_reason: "tool_calls" });
});

test("a text before the list is said", async () => {
  const said = await answer(MISTRAL, [...encode("So: "), MARK, ...encode(M)], { parallel_tool_calls: false });
  expect(said).toMatchObject({ content: "So: ", calls: [F] });
});

test.each([
  ["of a function nobody offered", LLAMA, false, L.replace('"f"', '"h"')],
  ["within a text", LLAMA, false, `Call ${L}`],
  ["of a program", LLAMA, true, "print(1)"],
  ["of nothing", MISTRAL, true, "[]"],
  ["before a text", MISTRAL, true, `${M} Done.`],
  ["beside what is none", MISTRAL, true, '[{"name": "f", "arguments": {}}, 5]'],
])("a call %s is text", async (_, syntax, isMarked, body) => {
  const content = isMarked ? `${MARKS[syntax]}${body}` : body;
  const said = await answer(syntax, [...(isMarked ? [MARK] : []), ...encode(body)]);
  expect(said).toMatchObject({ content, calls: [], finish_reason: "stop" });
});

test("a call that must be made is begun and kept in the form of the model, and its id is one its template takes", async () => {
  const more = { tool_choice: "required" };
  const llama = await answer(LLAMA, encode(L), more);
  expect(llama).toMatchObject({ calls: [F], id: expect.stringMatching(/^call_[0-9a-f]{32}$/) });
  expect(llama.prompt).toEndWith("assistant\n");
  expect(JSON.parse(llama.constraint.schema).anyOf[0].required).toEqual(["name", "parameters"]);
  const mistral = await answer(MISTRAL, encode('{"name": "f", "arguments": {"a": 1}}'), more);
  expect(mistral).toMatchObject({ calls: [F], id: expect.stringMatching(/^[0-9a-f]{9}$/) });
  expect(mistral.prompt).toEndWith("assistant\n[TOOL_CALLS] [");
  expect(JSON.parse(mistral.constraint.schema).anyOf[1].required).toEqual(["name", "arguments"]);
});

test("a strict call behind the tag of Llama, where it need not have the mark that is held, is one only if it keeps to its schema", async () => {
  const strict = { tools: [tool("f", { strict: true })] };
  const say = (score: number) => answer(LLAMA, [MARK, ...encode(L.replaceAll(" ", ""))], strict, () => score);
  expect(await say(1)).toMatchObject({ content: null, calls: [F], finish_reason: "tool_calls" });
  const content = `<|python_tag|>${L.replaceAll(" ", "")}`;
  expect(await say(0)).toMatchObject({ content, calls: [], finish_reason: "stop" });
});

test("beside a strict function one that is not strict has any object for arguments, to its end", async () => {
  for (const syntax of [LLAMA, MISTRAL]) {
    const { constraint } = await answer(syntax, encode(L), {
      tools: [tool("f", { strict: true }), tool("g")],
    });
    expect(constraint.forms[1].jsonSchema.schema).toBe('{"type":"object"}');
  }
});

test("a strict call is held from where it shows", async () => {
  const strict = { tools: [tool("f", { strict: true })] };
  const llama = await answer(LLAMA, encode(L), strict);
  expect(llama.constraint.forms[0]).toMatchObject({
    mark: '{"name": "f"',
    begin: ', "parameters": ',
    end: "}",
  });
  const mistral = await answer(MISTRAL, [MARK, ...encode(` ${M}`)], strict);
  const begin = ' [{"name": "f", "arguments": ';
  expect([llama.constraint.once, mistral.constraint.once]).toEqual([true, true]);
  expect(mistral.constraint.forms[0]).toMatchObject({ mark: "[TOOL_CALLS]", begin, end: "}]" });
});
