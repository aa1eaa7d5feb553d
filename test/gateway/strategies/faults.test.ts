/** Searches that end badly: clients that leave, verifiers that fail. Nothing is left behind, nothing goes unsaid. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { createMetrics } from "#kit/metrics.ts";
import { SCALING_LIMITS } from "../../../gateway/src/limits.ts";
import { answering } from "../support/answering.ts";
import { chat, until } from "../support/asks.ts";

import { createSimulatedStack } from "../support/simulated-services.ts";
import { encode } from "../support/simulated-tokenizer.ts";

const words = { name: "words" };

test("a client that leaves in mid-search frees every sequence", async () => {
  const stack = answering(["long ".repeat(60)]);
  stack.forward.beforeToken = () => Bun.sleep(2);
  const scaling = { strategy: "best-of-n", budget: { candidates: 8 }, verifier: words, trace: true };
  const left = new AbortController();
  const stream = stack.client.generate(chat("hello", { scaling }), { signal: left.signal });
  const reading = (async () => {
    for await (const { event } of stream) if (event.case === "delta") left.abort();
  })();
  expect((await reading.catch(fromConnectError))?.reason).toBe("CANCELLED");
  await until(() => stack.forward.alive.size === 0);
  await until(() => stack.gateway.running() === 0);
});

test("a verifier that fails, or whose score is no number, fails a strict search and only flags the other", async () => {
  const stack = answering(["one", "one two"]);
  stack.verifier.before = () => Promise.reject(new Error("down"));
  const scaling = { strategy: "best-of-n", budget: { candidates: 2 }, verifier: words };
  const failure = await stack.client.complete(chat("hello", { scaling })).catch(fromConnectError);
  expect(failure).toMatchObject({ reason: "SERVICE_UNAVAILABLE", field: "scaling.verifier" });
  expect([...stack.forward.alive]).toEqual([]);
  const lenient = { ...scaling, degraded: 2 };
  const { search, choices } = await stack.client.complete(chat("hello", { scaling: lenient }));
  expect(search?.degraded).toBe(true);
  expect(search?.candidates.map(({ score }) => score)).toEqual([0.5, 0.5]);
  expect(choices[0]?.text).toContain("one");
});

test.each([
  ["gives no number", () => Number.NaN, "NON_FINITE"],
  ["gives a number out of range", () => 7, "NON_FINITE"],
  ["is too slow", () => "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"],
  // It says that it judges steps.
  ["lies about its kind", (text: string) => (text.length < 7 ? "FIELD_REQUIRED" : 0.5), "FIELD_REQUIRED"],
])(
  "a verifier that %s ends a strict search, flags the other, and frees everything",
  async (_, judge, reason) => {
    const stack = answering(["one two three", "one two"]);
    stack.verifier.judge = judge;
    const step = { rule: { case: "tokens" as const, value: 4 } };
    const scaling = {
      strategy: "particle-filtering",
      budget: { candidates: 2 },
      verifier: { name: "steps" },
      step,
    };
    const failure = await stack.client.complete(chat("hello", { scaling })).catch(fromConnectError);
    expect(failure).toMatchObject({ field: "scaling.verifier" });
    expect((failure as Error).message).toContain(reason);
    expect([...stack.forward.alive]).toEqual([]);
    const lenient = { ...scaling, degraded: 2 };
    const { search, choices } = await stack.client.complete(chat("hello", { scaling: lenient }));
    expect(search?.degraded).toBe(true);
    expect(choices[0]?.text).toStartWith("one two");
    expect([...stack.forward.alive]).toEqual([]);
  },
);

test("a verifier that never answers ends with the call's deadline, and everything is freed", async () => {
  const stack = answering(["one"]);
  stack.verifier.before = () => new Promise(() => undefined);
  const scaling = { strategy: "best-of-n", budget: { candidates: 2 }, verifier: words };
  const asked = stack.client.complete(chat("hello", { scaling }), { timeoutMs: 200 });
  expect((await asked.catch(fromConnectError)) as object).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  await until(() => stack.forward.alive.size === 0 && stack.gateway.running() === 0);
});

test("a verdict that is still to come when the time is up has a second, then it has failed", async () => {
  const stack = answering(["one"]);
  stack.verifier.before = () => new Promise(() => undefined);
  // Enough for two words, on a machine that is taken too.
  const milliseconds = 400;
  const budget = { candidates: 2, milliseconds };
  const scaling = { strategy: "best-of-n", budget, verifier: words, degraded: 2 };
  const { search, usage } = await stack.client.complete(chat("hello", { scaling }));
  expect(search?.degraded).toBe(true);
  expect(usage?.scaling?.wallMs).toBeGreaterThan(milliseconds + SCALING_LIMITS.lateVerdictMs - 100);
  expect(usage?.scaling?.wallMs).toBeLessThan(SCALING_LIMITS.verdictMs / 2);
  const strict = await stack.client
    .complete(chat("hello", { scaling: { ...scaling, degraded: 1 } }))
    .catch(fromConnectError);
  expect(strict).toMatchObject({ reason: "SERVICE_UNAVAILABLE", field: "scaling.verifier" });
  expect([...stack.forward.alive]).toEqual([]);
});

test.each([
  ["texts", "steps", 0],
  // The state of the last token takes one more to be drawn.
  ["states", "probe", 1],
])(
  "a search under a verifier of %s that fills the context ends its candidates by length, and frees everything",
  async (_, name, spare) => {
    const stack = answering(["never ends ".repeat(60), "nor does this ".repeat(60)]);
    const [{ contextTokens = 0 } = {}] = (await stack.client.listModels({})).models;
    const step = { rule: { case: "tokens" as const, value: 100 } };
    const scaling = { strategy: "particle-filtering", budget: { candidates: 2 }, verifier: { name }, step };
    const { search, usage } = await stack.client.complete(chat("hello", { scaling }));
    const whole = search?.candidates.filter(({ reason }) => reason !== FinishReason.CANCELLED) ?? [];
    expect(whole.map(({ reason }) => reason)).toEqual([FinishReason.LENGTH, FinishReason.LENGTH]);
    const room = contextTokens - (usage?.promptTokens ?? 0) - spare;
    expect(whole.map(({ tokens }) => tokens)).toEqual([room, room]);
    expect(search?.degraded).toBe(false);
    expect([...stack.forward.alive]).toEqual([]);
  },
);

test("searches are counted by strategy and end, and so are the tokens they discard", async () => {
  const metrics = createMetrics("gateway");
  const stack = createSimulatedStack({ metrics });
  stack.forward.script = ({ command }) => encode(command.streamId === 0n ? "7" : "8 or 9");
  const scaling = { strategy: "best-of-n", budget: { candidates: 2 }, verifier: words };
  await stack.client.complete(chat("hello", { scaling }));
  const text = await metrics.registry.metrics();
  expect(text).toMatch(/trimtab_searches_total\{[^}]*strategy="best-of-n",end="complete"[^}]*\} 1/);
  expect(text).toMatch(/trimtab_search_discarded_tokens_total(\{[^}]*\})? 1\n/);
});
