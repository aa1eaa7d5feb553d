/** Functions called by a real model (Qwen2.5-Coder-0.5B), as the official OpenAI client sees them. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI, { BadRequestError } from "openai";
import { startRealOpenAi } from "./support/real-openai.ts";

setDefaultTimeout(240_000);
const model = "qwen2.5-coder-0.5b-instruct-q4_k_m";
const { client, stack } = await startRealOpenAi();
afterAll(() => stack.close());

const weather = {
  type: "function" as const,
  function: {
    ...{ name: "get_weather", description: "Current weather of a city" },
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const clock = {
  type: "function" as const,
  function: {
    ...{ name: "get_time", description: "Current time in a zone" },
    parameters: {
      $ref: "#/$defs/place",
      $defs: {
        place: {
          type: "object",
          properties: { zone: { enum: ["Europe/Paris", "Asia/Tokyo"] } },
          required: ["zone"],
        },
      },
    },
  },
};
const tools = [weather, clock];
const asked = { role: "user" as const, content: "What is the weather in Paris right now?" };
const greedy = { model, messages: [asked], tools, temperature: 0, max_tokens: 64 };
const forced = { ...greedy, tool_choice: { type: "function" as const, function: { name: "get_weather" } } };

/** The calls of a message, parsed. */
const callsOf = ({ tool_calls: calls = [] }: OpenAI.ChatCompletionMessage) =>
  calls.map((call) =>
    call.type === "function" ? [call.function.name, JSON.parse(call.function.arguments)] : [],
  );

test("a function that is called and answered takes the conversation on, whole and streamed", async () => {
  const { choices } = await client.chat.completions.create(greedy);
  const [{ message, finish_reason } = {}] = choices as OpenAI.ChatCompletion.Choice[];
  expect([message?.content, finish_reason]).toEqual([null, "tool_calls"]);
  expect(callsOf(message!)).toEqual([["get_weather", { city: "Paris" }]]);
  const final = await client.chat.completions.stream(greedy).finalChatCompletion();
  expect(callsOf(final.choices[0]!.message)).toEqual(callsOf(message!));
  expect(final.choices[0]?.finish_reason).toBe("tool_calls");
  const [call] = message?.tool_calls ?? [];
  const answered = { role: "tool" as const, tool_call_id: call!.id, content: "17 degrees and rain" };
  const next = { ...greedy, messages: [asked, message!, answered], tool_choice: "none" as const };
  const { choices: said, usage } = await client.chat.completions.create({ ...next, stop: "\n" });
  expect(said[0]?.message.tool_calls).toBeUndefined();
  expect(usage?.prompt_tokens).toBeGreaterThan(60);
});

test("the SDK's own runner calls the function and gives its answer back", async () => {
  const cities: unknown[] = [];
  const run = (given: { city: string }) => (cities.push(given.city), "17 degrees and rain");
  const runnable = {
    type: "function" as const,
    function: { ...weather.function, function: run, parse: JSON.parse },
  };
  const runner = client.chat.completions.runTools({ ...greedy, tools: [runnable] } as never, {
    maxChatCompletions: 1,
  });
  await runner.done();
  expect(cities).toEqual(["Paris"]);
  expect(runner.messages.at(-1)).toMatchObject({ role: "tool", content: "17 degrees and rain" });
});

test("a call that must be made is one of its schema, whatever is drawn; a choice, and a search for one", async () => {
  const wild = { ...greedy, temperature: 1.5, seed: 3, n: 2 };
  const named = { ...wild, tool_choice: { type: "function" as const, function: { name: "get_time" } } };
  for (const { message } of (await client.chat.completions.create(named)).choices)
    expect(callsOf(message)).toEqual([
      ["get_time", { zone: expect.stringMatching(/^(Europe\/Paris|Asia\/Tokyo)$/) }],
    ]);
  const { choices } = await client.chat.completions.create({ ...wild, tool_choice: "required" });
  expect(choices.map(({ message }) => callsOf(message).length)).toEqual([1, 1]);
  const scaling = { strategy: "self-consistency", budget: 2, answer: { form: "text" } };
  const searched = await client.chat.completions.create({
    ...forced,
    temperature: 0.7,
    ...({ scaling } as object),
  });
  expect(callsOf(searched.choices[0]!.message)).toEqual([["get_weather", { city: expect.any(String) }]]);
  const badly = {
    ...weather,
    function: {
      ...weather.function,
      strict: true,
      parameters: { type: "object", properties: { a: { type: "array", uniqueItems: true } } },
    },
  };
  const refused = await client.chat.completions
    .create({ ...forced, tools: [badly] })
    .catch((thrown: unknown) => thrown);
  expect(refused).toBeInstanceOf(BadRequestError);
  expect((refused as BadRequestError).param).toBe("tools[0].function.parameters");
});

test("steering that is masked to text leaves every token of a call alone; masked to calls, it acts on them", async () => {
  await stack.client.extractVector({
    name: "mood",
    positive: ["I love this wonderful day!", "What a joy, how happy I am!"],
    negative: ["I hate this awful day.", "What a misery, how sad I am."],
  });
  const ask = async (phases?: string[]) => {
    const steering = { direction: "mood", dose: { relative: 0.8 }, scope: "decode", phases };
    const body = { ...forced, logprobs: true, ...((phases ? { steering } : {}) as object) };
    const [choice] = (await client.chat.completions.create(body)).choices;
    return {
      logprobs: choice?.logprobs,
      trimtab: (choice as unknown as { trimtab: { steered: boolean; proof?: object[] } }).trimtab,
    };
  };
  const [base, text, calls] = [await ask(), await ask(["text"]), await ask(["tool_call"])];
  expect(text.logprobs).toEqual(base.logprobs!);
  expect([text.trimtab.steered, text.trimtab.proof]).toEqual([false, undefined]);
  expect(calls.trimtab.steered).toBe(true);
  expect(calls.logprobs).not.toEqual(base.logprobs!);
});
