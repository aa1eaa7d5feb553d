/** The engine in its worker, on a small synthetic model: lifecycle, errors, isolation. */
import { expect, test } from "bun:test";
import {
  failure,
  GREEDY,
  generate,
  LAST_RESIDUALS,
  open,
  prompt,
  startEngineForFile,
} from "../../support/forward-engine.ts";
import { PAGE_BYTES } from "../../support/synthetic-model.ts";

const CONTEXT = 4352;

const engine = await startEngineForFile({ contextTokens: CONTEXT, kvBytes: 200 * PAGE_BYTES });

const usedPages = async (): Promise<number> => {
  const { pages, freePages } = await engine.call({ type: "stats" });
  return pages - freePages;
};
const release = (...sequences: number[]) => engine.call({ type: "release", sequences });

test("generation in pieces gives the tokens of one long generation", async () => {
  const ids = prompt(50);
  const whole = await open(engine, ids);
  const pieces = await open(engine, ids);
  const long = await generate(engine, whole.sequence, { maxTokens: 12 });
  const tokens = [];
  for (const maxTokens of [1, 4, 7]) {
    tokens.push(...(await generate(engine, pieces.sequence, { maxTokens })).tokens);
  }
  expect(tokens).toEqual([...long.tokens]);
  await release(whole.sequence, pieces.sequence);
});

test("truncating and generating again repeats the tokens", async () => {
  const { sequence } = await open(engine, prompt(40, 2));
  const first = await generate(engine, sequence);
  await engine.call({ type: "truncate", sequence, tokens: 40 });
  const second = await generate(engine, sequence);
  expect(second.tokens).toEqual(first.tokens);
  await release(sequence);
});

test("scores of given tokens are the log-probabilities generation reported", async () => {
  const ids = prompt(33, 3);
  const { sequence } = await open(engine, ids);
  const { tokens } = await generate(engine, sequence, { maxTokens: 6 });
  const all = [...ids, ...tokens.map(({ id }) => id)];
  const score = { first: ids.length, topLogprobs: 5, candidates: [tokens[0]?.id ?? 0, 5] };
  const scored = await open(engine, all, { score, promptTokens: ids.length, transient: true });
  expect(scored.scored).toEqual([...tokens]);
  expect(scored.candidateLogprobs[0]).toBe(tokens[0]?.logprob ?? 0);
  await release(sequence);
});

test("forking 4,096 tokens copies no page, and each child at most one when it generates", async () => {
  const { sequence } = await open(engine, prompt(4096, 4));
  const before = await engine.call({ type: "stats" });
  const children = [engine.newSequence(), engine.newSequence()];
  expect(await engine.call({ type: "fork", sequence, children })).toEqual({ copiedPages: 0 });
  expect((await engine.call({ type: "stats" })).copiedPages).toBe(before.copiedPages);
  const results = await Promise.all(children.map((child) => generate(engine, child, { maxTokens: 4 })));
  const copied = (await engine.call({ type: "stats" })).copiedPages - before.copiedPages;
  expect(copied).toBeGreaterThan(0);
  expect(copied).toBeLessThanOrEqual(children.length);
  expect(results[0]?.tokens).toEqual(results[1]?.tokens ?? []);
  await release(sequence, ...children);
  expect(await usedPages()).toBe(0);
}, 120_000);

test("F4 a stopped generation ends as cancelled, a released one frees its pages", async () => {
  const { sequence } = await open(engine, prompt(20, 5));
  const stopped = generate(engine, sequence, { maxTokens: 0 }, (event) => {
    if (event.type === "tokens") void engine.call({ type: "stop", sequences: [sequence] });
  });
  expect((await stopped).reason).toBe("cancelled");
  const released = generate(engine, sequence, { maxTokens: 0 }, (event) => {
    if (event.type === "tokens") void release(sequence);
  });
  expect((await released).reason).toBe("cancelled");
  expect(await usedPages()).toBe(0);
});

test("F12 a release during prefill fails the open as cancelled and frees its pages", async () => {
  const sequence = engine.newSequence();
  const opening = failure(open(engine, prompt(4000, 6), { sequence }));
  await release(sequence);
  expect(await opening).toMatchObject({ reason: "CANCELLED" });
  expect(await usedPages()).toBe(0);
});

test("F1 F2 F5 bad ids, unknown sequences and overflow are typed errors that name their limit", async () => {
  expect(await failure(open(engine, []))).toMatchObject({ reason: "FIELD_REQUIRED", field: "ids" });
  const range = { reason: "FIELD_OUT_OF_RANGE", field: "ids[1]", limit: "256" };
  expect(await failure(open(engine, [1, 256]))).toMatchObject(range);
  expect(await failure(generate(engine, 999_999))).toMatchObject({ reason: "SEQUENCE_NOT_FOUND" });
  const overflow = await failure(open(engine, prompt(CONTEXT + 1)));
  expect(overflow).toMatchObject({ reason: "CONTEXT_OVERFLOW", limit: String(CONTEXT) });
  expect(overflow.message).toContain(String(CONTEXT + 1));
});

test("taps give the same rows whether a token is computed at open, replayed or scored", async () => {
  const ids = prompt(70, 10);
  const opened = await open(engine, ids, { taps: [LAST_RESIDUALS] });
  const range = { ...LAST_RESIDUALS, positions: "range" as const, first: 69, end: 70 };
  const again = await open(engine, [...ids, 7], { taps: [range] });
  const replayed = await generate(engine, opened.sequence, {
    maxTokens: 1,
    taps: [LAST_RESIDUALS],
    sampling: GREEDY,
  });
  const rows = (activations: readonly { values: Float32Array }[]) =>
    activations.map(({ values }) => [...values]);
  expect(opened.activations).toHaveLength(4);
  expect(rows(again.activations)).toEqual(rows(opened.activations));
  expect(rows(replayed.activations)).toEqual(rows(opened.activations));
  await release(opened.sequence, again.sequence);
});
