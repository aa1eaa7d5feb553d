/** Where the time of a generation went: the parts have vLLM's meanings, and those of one generation add up. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createMetrics } from "#kit/metrics.ts";
import {
  type GenerateResponse,
  GenerateResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { createRequestTimes } from "../../gateway/src/request-times.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

type Init = Parameters<typeof create<typeof GenerateResponseSchema>>[1];
const eventOf = (event: Init): GenerateResponse => create(GenerateResponseSchema, event);

/** Reads a sample: `trimtab_request_queue_time_seconds_sum`. */
const sample = (text: string, name: string): number =>
  Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1]);

const PARTS = ["queue_time", "prefill_time", "decode_time", "inference_time"].map(
  (part) => `trimtab_request_${part}_seconds`,
);
const LATENCY = "trimtab_e2e_request_latency_seconds";
const FIRST = "gen_ai_server_time_to_first_token_seconds";
const PER_TOKEN = "gen_ai_server_time_per_output_token_seconds";

test("queue, prefill, decoding and their sums are told apart to the millisecond", async () => {
  const metrics = createMetrics("test");
  let nowMs = 1_000;
  const clock = createRequestTimes(metrics.registry, () => nowMs).begin();
  nowMs += 300;
  clock.admitted(300);
  nowMs += 500;
  clock.event(eventOf({ event: { case: "finished", value: { choice: 0, generatedTokens: 5 } } }));
  nowMs += 200;
  clock.event(eventOf({ event: { case: "finished", value: { choice: 1, generatedTokens: 1 } } }));
  // Verifiers judge.
  nowMs += 1_000;
  const timings = { tokenizeMs: 10, queueMs: 20, planMs: 7, prefillMs: 40, timeToFirstTokenMs: 100 };
  const usage = { promptTokens: 12, completionTokens: 6, draftedTokens: 4, acceptedTokens: 3 };
  clock.event(eventOf({ event: { case: "completed", value: { timings, usage } } }));
  const { body } = await metrics.expose();
  const sums = PARTS.map((name) => sample(body, `${name}_sum`));
  expect(sums.map((value) => Math.round(value * 1_000))).toEqual([320, 70, 600, 670]);
  expect(sample(body, `${LATENCY}_sum`)).toBeCloseTo(2, 9);
  expect(sample(body, `${FIRST}_sum`)).toBeCloseTo(0.4, 9);
  // Of the choice with five tokens: four pauses in 400 ms. One token has none.
  expect([sample(body, `${PER_TOKEN}_sum`), sample(body, `${PER_TOKEN}_count`)]).toEqual([0.1, 1]);
  const tokens = ["prompt", "generation"].map((kind) => sample(body, `trimtab_request_${kind}_tokens_sum`));
  expect(tokens).toEqual([12, 6]);
});

test("a queue that another clock saw end after the first token leaves no prefill, and parts that add up", async () => {
  const metrics = createMetrics("test");
  let nowMs = 0;
  const clock = createRequestTimes(metrics.registry, () => nowMs).begin();
  clock.admitted(0);
  nowMs = 3;
  clock.event(eventOf({ event: { case: "finished", value: { choice: 0, generatedTokens: 2 } } }));
  const timings = { tokenizeMs: 0.5, queueMs: 0.7, planMs: 0, prefillMs: 1, timeToFirstTokenMs: 1 };
  clock.event(eventOf({ event: { case: "completed", value: { timings } } }));
  const { body } = await metrics.expose();
  const sums = PARTS.map((name) => sample(body, `${name}_sum`));
  expect(sums.map((value) => Math.round(value * 1e5) / 100)).toEqual([0.7, 0, 2, 2]);
});

test("every answered generation is counted once in each part, a refused one in none", async () => {
  const metrics = createMetrics("test");
  const { post } = createSimulatedStack({ metrics });
  const ask = (more: object) =>
    post("/v1/chat/completions", {
      model: "simulated",
      messages: [{ role: "user", content: "a b c" }],
      ...more,
    });
  for (const more of [{}, { n: 2 }, { stream: true }]) await (await ask(more)).text();
  expect((await ask({ temperature: 9 })).status).toBe(400);
  const { body } = await metrics.expose();
  for (const name of [...PARTS, LATENCY, FIRST])
    expect([name, sample(body, `${name}_count`)]).toEqual([name, 3]);
  const [queue = 0, prefill = 0, decode = 0, inference = 0] = PARTS.map((name) =>
    sample(body, `${name}_sum`),
  );
  expect(prefill + decode).toBeCloseTo(inference, 9);
  expect(queue + inference).toBeLessThanOrEqual(sample(body, `${LATENCY}_sum`));
});
