/** Candidates that the engine fails: they are out, and the others go on. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";

const words = { name: "words" };

test("a candidate that the engine fails is out; when all fail the search fails with the engine's reason", async () => {
  const stack = answering(["one two three", "one", "one two"]);
  const scaling = { strategy: "best-of-n", budget: { candidates: 3 }, verifier: words, trace: true };
  let failed = 0;
  stack.forward.fails = () => (failed++ === 0 ? "OUT_OF_MEMORY" : undefined);
  const { choices, search } = await stack.client.complete(chat("hello", { scaling }));
  expect(choices[0]?.text).toBe("one two");
  expect(search?.candidates.map(({ reason }) => reason)).toEqual([
    FinishReason.ERROR,
    FinishReason.STOP,
    FinishReason.STOP,
  ]);
  stack.forward.fails = () => "OUT_OF_MEMORY";
  const failure = await stack.client.complete(chat("hello", { scaling })).catch(fromConnectError);
  expect(failure).toMatchObject({ reason: "OUT_OF_MEMORY" });
  expect([...stack.forward.alive]).toEqual([]);
});

test("the only answers are those that the engine did not fail, however they are judged", async () => {
  // Nobody scores: the failed one has no tokens, whose mean log-probability is the best there is.
  for (const strategy of ["best-of-n", "weighted-majority", "feature-vote", "particle-filtering"]) {
    const stack = answering(["one", "two", "three"]);
    stack.verifier.judge = () => 0;
    let failed = 0;
    stack.forward.fails = () => (failed++ === 0 ? "OUT_OF_MEMORY" : undefined);
    const scaling = { strategy, budget: { candidates: 3 }, verifier: { name: "steps" } };
    const { choices } = await stack.client.complete(chat("hello", { scaling }));
    expect(["two", "three"]).toContain(choices[0]?.text ?? "");
  }
});

test("a last candidate that the engine fails does not take the finished ones with it", async () => {
  const stack = answering(["a", "b\n\nmore"]);
  stack.forward.fails = (id) => (id === 1_026n && ++generations === 2 ? "OUT_OF_MEMORY" : undefined);
  let generations = 0;
  const parameters = { ess_threshold: 0 };
  const budget = { candidates: 2 };
  const scaling = { strategy: "particle-filtering", parameters, budget, verifier: { name: "steps" } };
  const { choices } = await stack.client.complete(chat("hello", { scaling }));
  expect(choices[0]?.text).toBe("a");
});

test("a hidden state that the engine cannot compute is a failed verdict, and ends nobody else's search", async () => {
  const stack = answering(["a\n\nb", "b\n\nmore", "c\n\nd"]);
  let generations = 0;
  stack.forward.fails = () => (++generations === 5 ? "OUT_OF_MEMORY" : undefined);
  const verifier = { name: "probe" };
  const scaling = {
    strategy: "particle-filtering",
    budget: { candidates: 3 },
    verifier,
    degraded: 2,
    trace: true,
  };
  const { search, choices } = await stack.client.complete(chat("hello", { scaling }));
  expect(choices[0]?.text).toContain("\n\n");
  expect(search?.degraded).toBe(true);
  stack.forward.fails = () => (++generations % 5 === 0 ? "OUT_OF_MEMORY" : undefined);
  generations = 0;
  const strict = stack.client.complete(chat("hello", { scaling: { ...scaling, degraded: 1 } }));
  expect(await strict.catch(fromConnectError)).toMatchObject({ field: "scaling.verifier" });
  expect([...stack.forward.alive]).toEqual([]);
});

test("a fork that the engine refuses fails its children with the engine's reason, and the parent goes on", async () => {
  const stack = answering(["a\n\nb\n\nc"]);
  const budget = { candidates: 4 };
  const scaling = { strategy: "particle-filtering", budget, verifier: { name: "steps" } };
  stack.forward.refusesFork = () => "QUEUE_FULL";
  const none = await stack.client.complete(chat("hello", { scaling })).catch(fromConnectError);
  expect(none).toMatchObject({ reason: "QUEUE_FULL" });
  // The prompt is forked, its children are not: of those drawn again the first goes on, and has what it had.
  let forks = 0;
  stack.forward.refusesFork = () => (forks++ === 0 ? undefined : "QUEUE_FULL");
  const { choices, search } = await stack.client.complete(chat("hello", { scaling }));
  expect(forks).toBeGreaterThan(1);
  expect(choices[0]?.text).toBe("a\n\nb\n\nc");
  expect(search?.candidates.some(({ reason }) => reason === FinishReason.ERROR)).toBe(true);
  expect([...stack.forward.alive]).toEqual([]);
});

test("self-consistency draws no more answers than its budget, however many of them the engine fails", async () => {
  const stack = answering(["7", "8", "9"]);
  let generations = 0;
  stack.forward.fails = () => (generations++ % 2 === 0 ? "OUT_OF_MEMORY" : undefined);
  const scaling = { strategy: "self-consistency", parameters: { round: 2 }, budget: { candidates: 6 } };
  const { usage } = await stack.client.complete(chat("hello", { scaling }));
  expect(usage?.scaling?.candidates).toBe(6);
});
