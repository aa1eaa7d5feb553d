/** What keeps an answer from ending: fewest tokens, an end that is ignored, no limit but the context. */
import { expect, test } from "bun:test";
import { chatBody, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";

/** What forward is asked to generate for a body. */
async function commandOf(path: string, body: object) {
  const { post, forward } = createSimulatedStack();
  expect((await post(path, body)).status).toBe(200);
  const generate = forward.commands.find(({ command }) => command.case === "generate")?.command;
  if (generate?.case !== "generate") throw new Error("nothing was generated");
  return generate.value;
}

test("min_tokens and ignore_eos reach forward", async () => {
  expect(await commandOf(CHAT, chatBody("hello", { min_tokens: 3, ignore_eos: true }))).toMatchObject({
    ...{ minTokens: 3, ignoreModelStop: true },
  });
  expect(await commandOf(CHAT, chatBody("hello", { min_tokens: 0, ignore_eos: false }))).toMatchObject({
    ...{ minTokens: 0, ignoreModelStop: false },
  });
});

test("a stop string does not end an answer within its fewest tokens, and does behind them", async () => {
  const ask = async (more: object) => {
    const stack = createSimulatedStack();
    stack.forward.script = () => encode("one STOP two STOP three");
    const response = await stack.post(CHAT, chatBody("hello", { stop: ["STOP"], ...more }));
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    return choices[0]?.message.content;
  };
  const within = encode("one STOP").length;
  expect(await ask({})).toBe("one ");
  expect(await ask({ min_tokens: within - "STOP".length })).toBe("one ");
  // What was said when it could not end is no part of a stop.
  for (const min_tokens of [within - 1, within]) expect(await ask({ min_tokens })).toBe("one STOP two ");
});

test("G13 -1 is as far as the context goes, under each name; other numbers below the least are refused", async () => {
  for (const name of ["max_tokens", "max_completion_tokens", "n_predict"])
    expect((await commandOf(CHAT, chatBody("hello", { [name]: -1 }))).maxTokens).toBe(0);
  const completion = { model: "simulated", prompt: "ab" };
  expect((await commandOf(COMPLETIONS, { ...completion, max_tokens: -1 })).maxTokens).toBe(0);
  const echo = { ...completion, echo: true, logprobs: 1, max_tokens: -1 };
  expect((await commandOf(COMPLETIONS, echo)).maxTokens).toBe(0);
  const { post } = createSimulatedStack();
  const refused = [400, "field_out_of_range", "max_tokens"];
  expect(await outcome(await post(CHAT, chatBody("hello", { max_tokens: -2 })))).toEqual(refused as never);
  expect(await outcome(await post(COMPLETIONS, { ...completion, max_tokens: -2 }))).toEqual(refused as never);
});

test("G13 what cannot be kept is refused by the name it was given under", async () => {
  const { post } = createSimulatedStack();
  const ask = async (path: string, body: object) => outcome(await post(path, body));
  const completion = { model: "simulated", prompt: "ab" };
  const RANGE = "field_out_of_range";
  expect(await ask(CHAT, chatBody("a", { max_tokens: 4, min_tokens: 5 }))).toEqual([
    400,
    RANGE,
    "min_tokens",
  ]);
  expect(await ask(CHAT, chatBody("a", { min_tokens: -1 }))).toEqual([400, RANGE, "min_tokens"]);
  expect(await ask(CHAT, chatBody("a", { min_tokens: 1.5 }))).toEqual([
    400,
    "invalid_argument",
    "min_tokens",
  ]);
  expect(await ask(CHAT, chatBody("a", { ignore_eos: "yes" }))).toEqual([
    ...[400, "invalid_argument", "ignore_eos"],
  ] as never);
  // Sixteen is what completions have where nothing is said.
  expect(await ask(COMPLETIONS, { ...completion, min_tokens: 17 })).toEqual([400, RANGE, "min_tokens"]);
  const nothing = { ...completion, echo: true, max_tokens: 0, min_tokens: 1 };
  expect(await ask(COMPLETIONS, nothing)).toEqual([400, "invalid_argument", "min_tokens"]);
  for (const more of [{ guided_regex: "a+" }, { scaling: { strategy: "best-of-n", budget: 2 } }]) {
    expect(await ask(CHAT, chatBody("a", { ...more, min_tokens: 1 }))).toEqual([
      ...[400, "unsupported", "min_tokens"],
    ] as never);
    expect(await ask(CHAT, chatBody("a", { ...more, ignore_eos: true }))).toEqual([
      ...[400, "unsupported", "ignore_eos"],
    ] as never);
  }
});
