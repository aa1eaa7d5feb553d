/** The flow of a steered answer over simulated services. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { chat, refusal, text } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const BASE = "Sure, I help.";
const STEERED = "I cannot help with that.";

test("an unsteered request answers with the model's text and never asks steering", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello!"));
  expect(answer.choices.map((choice) => choice.text)).toEqual([BASE]);
  expect(answer.choices[0]?.finished?.steered).toBe(false);
  expect(answer.plan).toBeUndefined();
  expect(stack.steering.calls).toEqual([]);
});

test("a steered request is planned on its prompt and generated under the program", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello!", refusal({ proof: true })));
  expect(answer.choices[0]?.text).toBe(STEERED);
  expect(answer.choices[0]?.finished?.steered).toBe(true);
  expect(answer.choices[0]?.finished?.proof.map((layer) => layer.layer)).toEqual([2]);
  expect(answer.plan?.gate).toBeCloseTo(0.9);
  expect(answer.usage?.replayedTokens).toBe(1);
});

test("a prompt the controller lets pass is answered as without steering", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello", refusal()));
  expect(answer.choices[0]?.text).toBe(BASE);
  expect(answer.choices[0]?.finished?.steered).toBe(false);
  expect(answer.plan?.gate).toBe(0);
});

test("scale 0 generates without any program", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello!", refusal({}, { scale: 0 })));
  expect(answer.choices[0]?.text).toBe(BASE);
  const bound = stack.forward.commands.filter(
    ({ command }) => command.case === "generate" && command.value.program !== undefined,
  );
  expect(bound).toEqual([]);
});

test("compare answers pairs from one prefix: 2i base, 2i + 1 steered, with the same noise and the proof", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello!", { choices: 2, ...refusal({ compare: true }) }));
  expect(answer.choices.map((choice) => choice.text)).toEqual([BASE, STEERED, BASE, STEERED]);
  expect(answer.choices.map((choice) => choice.finished?.steered)).toEqual([false, true, false, true]);
  expect(answer.choices.map((choice) => choice.finished?.proof.length)).toEqual([0, 1, 0, 1]);
  const opens = stack.forward.commands.filter(({ command }) => command.case === "open");
  expect(opens).toHaveLength(1);
  const streams = stack.forward.commands.flatMap(({ command }) =>
    command.case === "generate" ? [command.value.streamId] : [],
  );
  expect(streams).toEqual([0n, 0n, 1n, 1n]);
});

test("the choices of one prompt draw noise streams 0, 1, 2 and share its prefill", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello", { choices: 3, sampling: { seed: 7n } }));
  expect(answer.started?.seed).toBe(7n);
  expect(answer.usage?.prefilledTokens).toBe(answer.started?.promptTokens ?? -1);
  const generates = stack.forward.commands.flatMap(({ command }) =>
    command.case === "generate" ? [command.value] : [],
  );
  expect(generates.map((command) => command.streamId)).toEqual([0n, 1n, 2n]);
  expect(generates.map((command) => command.sampling?.seed)).toEqual([7n, 7n, 7n]);
});

test("a program that acts on the prompt costs a second prefill, and it is billed", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello!", refusal({}, { scope: 1 })));
  const tokens = answer.started?.promptTokens ?? 0;
  expect(answer.choices[0]?.text).toBe(STEERED);
  expect(answer.usage?.prefilledTokens).toBe(2 * tokens + 1);
  expect(answer.usage?.replayedTokens).toBe(tokens + 1);
});

test("requirements and programs are asked for once, plans every time", async () => {
  const stack = createSimulatedStack();
  for (let i = 0; i < 3; i++) await stack.client.complete(chat(`hello! ${i}`, refusal()));
  const times = (name: string): number => stack.steering.calls.filter((call) => call === name).length;
  expect([times("GetRequirements"), times("GetProgram"), times("Plan")]).toEqual([1, 1, 3]);
});

test("events come in order: started, planned, deltas, finished, verdicts, completed", async () => {
  const stack = createSimulatedStack();
  const names: string[] = [];
  for await (const { event } of stack.client.generate(
    chat("hello!", { verifiers: [{ name: "words" }], ...refusal() }),
  )) {
    if (event.case !== undefined && names.at(-1) !== event.case) names.push(event.case);
  }
  expect(names).toEqual(["started", "planned", "delta", "finished", "verdicts", "completed"]);
});

test("an answer leaves no sequence behind", async () => {
  const stack = createSimulatedStack();
  await stack.client.complete(chat("hello!", { choices: 4, ...refusal({ compare: true }) }));
  expect([...stack.forward.alive]).toEqual([]);
  expect(stack.gateway.running()).toBe(0);
});

test("echo repeats a text prompt and is refused for a conversation", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(text("Once", { echo: true }));
  expect(answer.choices[0]?.text).toBe(`Once${BASE}`);
  await expect(stack.client.complete(chat("Once", { echo: true }))).rejects.toThrow(
    "echo needs a text prompt",
  );
});

test("verdicts come with each choice and count their tokens", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello", { choices: 2, verifiers: [{ name: "words" }] }));
  expect(answer.choices.map((choice) => choice.verdicts[0]?.label)).toEqual(["Sure", "Sure"]);
  expect(answer.usage?.verifiedTokens).toBe(14);
});

test("a verifier of activations is refused before anything is computed", async () => {
  const stack = createSimulatedStack();
  const failure = await stack.client
    .complete(chat("hello", { verifiers: [{ name: "words" }, { name: "probe" }] }))
    .catch(fromConnectError);
  expect(failure).toMatchObject({ reason: "UNSUPPORTED", field: "verifiers[1].name" });
  expect(stack.forward.sessions).toBe(0);
});
