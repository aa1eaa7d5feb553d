/** Faults of the services behind the gateway, and clients that leave. A steered request never gets an unsteered token. */
import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import { chat, refusal, until } from "./support/asks.ts";
import { Scope } from "./support/proto.ts";
import { createSimulatedStack, type SimulatedStack } from "./support/simulated-services.ts";

/** The reason a call fails with, and the text that was streamed before. */
async function failureOf(stack: SimulatedStack, request: object, signal?: AbortSignal) {
  let streamed = "";
  try {
    for await (const { event } of stack.client.generate(request, signal ? { signal } : {})) {
      if (event.case === "delta") streamed += event.value.text;
    }
    return { reason: "none", streamed };
  } catch (error) {
    return { reason: fromConnectError(error).reason, streamed };
  }
}

const down = (): never => {
  throw new ConnectError("gone", Code.Unavailable);
};

test.each(["GetRequirements", "Plan", "GetProgram"])(
  "steering that dies at %s fails the request before any token",
  async (rpc) => {
    const stack = createSimulatedStack();
    stack.steering.before = (name) => (name === rpc ? down() : undefined);
    const { reason, streamed } = await failureOf(stack, chat("hello!", refusal({ compare: true })));
    expect({ reason, streamed }).toEqual({ reason: "STEERING_UNAVAILABLE", streamed: "" });
    await until(() => stack.forward.alive.size === 0);
  },
);

test.each([
  ["an unexpected error", () => new Error("boom")],
  ["an internal error", () => new TrimtabError("INTERNAL", "boom")],
  ["a deadline of its own", () => new ConnectError("late", Code.DeadlineExceeded)],
])("C6 a plan that fails with %s is STEERING_UNAVAILABLE", async (_name, make) => {
  const stack = createSimulatedStack();
  stack.steering.before = (name) => (name === "Plan" ? Promise.reject(make()) : undefined);
  expect((await failureOf(stack, chat("hello!", refusal()))).reason).toBe("STEERING_UNAVAILABLE");
});

test("X28 a forward that takes the program and does not carry it out is found out by its proof", async () => {
  const stack = createSimulatedStack();
  stack.forward.obeys = false;
  expect((await failureOf(stack, chat("hello!", refusal()))).reason).toBe("STEERING_UNAVAILABLE");
  expect((await failureOf(stack, chat("hello", refusal()))).reason).toBe("none");
});

test("a program on generated tokens alone must leave proof as soon as two were generated", async () => {
  const stack = createSimulatedStack();
  stack.forward.obeys = false;
  const reasonOf = async (maxTokens: number, use: object = { scope: Scope.DECODE }) =>
    (await failureOf(stack, chat("hello!", { maxTokens, ...refusal({}, use) }))).reason;
  expect(await reasonOf(1)).toBe("none");
  expect(await reasonOf(2)).toBe("STEERING_UNAVAILABLE");
  expect(await reasonOf(2, { scope: Scope.DECODE, scale: 0 })).toBe("none");
  stack.forward.obeys = true;
  expect(await reasonOf(2)).toBe("none");
});

test("a failure is not remembered: the next request is served", async () => {
  const stack = createSimulatedStack();
  stack.steering.before = down;
  expect((await failureOf(stack, chat("hello!", refusal()))).reason).toBe("STEERING_UNAVAILABLE");
  stack.steering.before = () => undefined;
  expect((await failureOf(stack, chat("hello!", refusal()))).reason).toBe("none");
});

test("a forward that lost its programs gets them again", async () => {
  const stack = createSimulatedStack();
  await stack.client.complete(chat("hello!", refusal()));
  stack.forward.programs.clear();
  const answer = await stack.client.complete(chat("hello!", refusal()));
  expect(answer.choices[0]?.text).toBe("I cannot help with that.");
  stack.forward.programs.clear();
  const again = await stack.client.complete(chat("hello!", refusal({}, { scope: 1 })));
  expect(again.choices[0]?.finished?.steered).toBe(true);
});

test("X1 a forward that dies in mid-answer fails the stream with SERVICE_UNAVAILABLE, text so far kept", async () => {
  const stack = createSimulatedStack();
  stack.forward.beforeToken = (_id, index) => (index === 4 ? down() : undefined);
  expect(await failureOf(stack, chat("hello"))).toEqual({ reason: "SERVICE_UNAVAILABLE", streamed: "Sure" });
});

test("closing the gateway ends what runs with SERVICE_UNAVAILABLE", async () => {
  const stack = createSimulatedStack();
  stack.forward.beforeToken = () => new Promise(() => undefined);
  const running = failureOf(stack, chat("hello"));
  await until(() => stack.forward.alive.size === 1);
  stack.gateway.close();
  expect((await running).reason).toBe("SERVICE_UNAVAILABLE");
  await until(() => stack.forward.alive.size === 0);
});

test("a session that fails on open gives the typed error of forward", async () => {
  const stack = createSimulatedStack();
  stack.forward.onCommand = () => {
    throw new TrimtabError("OUT_OF_MEMORY", "no page is free");
  };
  expect((await failureOf(stack, chat("hello"))).reason).toBe("OUT_OF_MEMORY");
});

test("C7 a verifier that fails gives a verdict without a score, never a score of 0, and the answer stands", async () => {
  const stack = createSimulatedStack();
  stack.verifier.before = down;
  const answer = await stack.client.complete(chat("hello", { verifiers: [{ name: "words" }] }));
  expect(answer.choices[0]?.text).toBe("Sure, I help.");
  expect(answer.choices[0]?.verdicts).toMatchObject([{ verifier: "words", failure: "SERVICE_UNAVAILABLE" }]);
  expect(answer.choices[0]?.verdicts[0]?.score).toBeUndefined();
});

test("C1 an unknown verifier, or a wrong parameter of one, is refused", async () => {
  const stack = createSimulatedStack();
  const unknown = await failureOf(stack, chat("hello", { verifiers: [{ name: "oracle" }] }));
  expect(unknown).toEqual({ reason: "VERIFIER_NOT_FOUND", streamed: "" });
  const wrong = chat("hello", { verifiers: [{ name: "words", parameters: { x: 1 } }] });
  expect((await failureOf(stack, wrong)).reason).toBe("UNKNOWN_FIELD");
});

test("G23 a client that leaves frees its sequences within 100 ms", async () => {
  const stack = createSimulatedStack();
  stack.forward.script = () => new Array<number>(400).fill(65);
  stack.forward.beforeToken = (_id, index) => (index < 3 ? undefined : new Promise(() => undefined));
  const leave = new AbortController();
  const running = failureOf(stack, chat("hello!", { choices: 4, ...refusal() }), leave.signal);
  await until(() => stack.forward.alive.size === 4);
  leave.abort();
  expect(await until(() => stack.forward.alive.size === 0)).toBeLessThan(100);
  expect((await running).reason).toBe("CANCELLED");
  await until(() => stack.gateway.running() === 0);
});

test("F11 a deadline ends the call with DEADLINE_EXCEEDED and frees its sequences", async () => {
  const stack = createSimulatedStack();
  stack.forward.beforeToken = () => new Promise(() => undefined);
  const failure = await stack.client.complete(chat("hello"), { timeoutMs: 60 }).catch(fromConnectError);
  expect(failure).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  await until(() => stack.forward.alive.size === 0);
});
