/** What a search tells while it runs and at its end: text, events, the options in effect, all of it again with the same seed. */
import { expect, test } from "bun:test";
import { AnswerForm, DegradedVerifier } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";
import { createSimulatedStack } from "../support/simulated-services.ts";

const words = { name: "words" };

test("text is streamed as soon as every live candidate shares it, and never taken back", async () => {
  const stack = answering(["same start, then A", "same start, then B and more"]);
  const scaling = { strategy: "best-of-n", budget: { candidates: 2 }, verifier: words, trace: true };
  let text = "";
  let committed = 0;
  const order: string[] = [];
  for await (const { event } of stack.client.generate(chat("hello", { scaling }))) {
    if (event.case === "delta") text += event.value.text;
    if (event.case !== "search" || event.value.event.case === undefined) continue;
    if (order.at(-1) !== event.value.event.case) order.push(event.value.event.case);
    if (event.value.event.case === "commit") committed = event.value.event.value.characters;
    if (event.value.event.case === "score") expect(text).toBe("same start, then ");
    expect(text.length).toBe(committed);
  }
  expect(text).toBe("same start, then B and more");
  expect(order).toEqual(["candidate", "commit", "step", "score", "commit", "final"]);
});

test("the event that a candidate began tells its steering", async () => {
  const stack = createSimulatedStack();
  const scaling = {
    ...{ strategy: "best-of-n", budget: { candidates: 4 }, verifier: words, trace: true },
    diversify: [{}, { recipe: "refusal" }],
  };
  const begun: [number, number][] = [];
  for await (const { event } of stack.client.generate(chat("hello!", { scaling }))) {
    if (event.case !== "search" || event.value.event.case !== "candidate") continue;
    const { candidate, steering } = event.value.event.value;
    begun.push([candidate, steering]);
  }
  expect(begun).toEqual([
    [1, 0],
    [2, 1],
    [3, 0],
    [4, 1],
  ]);
});

test("the options in effect have their defaults filled in, and give the same search again", async () => {
  const stack = answering(["a\n\nb", "cc\n\ndd", "e\n\nf"]);
  const asked = {
    strategy: "particle-filtering",
    budget: { candidates: 3 },
    verifier: { name: "steps" },
    trace: true,
  };
  const sampling = { seed: 5n };
  const first = await stack.client.complete(chat("hello", { scaling: asked, sampling }));
  const options = first.search?.options;
  expect(options).toMatchObject({
    parameters: { weights: "coded", resampler: "multinomial", max_steps: 40 },
    budget: { candidates: 3 },
    verifier: { name: "steps" },
    step: { rule: { case: "separators", value: { values: ["\n\n"] } }, maxTokens: 256 },
    answer: { form: AnswerForm.NUMBER, marker: "" },
    degraded: DegradedVerifier.STRICT,
  });
  if (!options) throw new Error("no options");
  const again = await stack.client.complete(chat("hello", { scaling: options, sampling }));
  expect(again.search).toEqual(first.search);
});

test("the same seed gives the same search, byte for byte, events and all", async () => {
  const runs = [];
  for (let run = 0; run < 2; run++) {
    const stack = answering(["it is 7", "8", "so 7", "9 or 8"]);
    const scaling = { strategy: "self-consistency", budget: { candidates: 8 }, trace: true };
    const events = [];
    for await (const { event } of stack.client.generate(chat("x", { scaling, sampling: { seed: 3n } }))) {
      if (event.case === "search") events.push(event.value);
    }
    runs.push(events);
  }
  expect(runs[0]).toEqual(runs[1] ?? []);
});
