/** The prefix cache: what is found again, what never is, and that no bit tells the difference. */
import { expect, test } from "bun:test";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import type { Binding } from "../../../services/forward/src/engine/protocol.ts";
import type { TapSpec } from "../../../services/forward/src/engine/taps.ts";
import {
  CALLER,
  generate,
  type Generated,
  LAST_RESIDUALS,
  open,
  prompt,
  startEngineForFile,
  UNCACHED,
} from "../../support/forward-engine.ts";
import { operation } from "../../support/program-reference.ts";
import { PAGE_BYTES, writeSyntheticModel } from "../../support/synthetic-model.ts";

const engine = await startEngineForFile({ contextTokens: 1024, kvBytes: 64 * PAGE_BYTES });
const vectors = new Float32Array(64);
vectors[5] = 1;
for (const kind of ["prompt", "answer"] as const) {
  const operations = [operation({ vectors, scope: { kind } })];
  await engine.call({ type: "program", digest: kind, program: { operations, conflict: "sum" } });
}

const release = (...sequences: number[]) => engine.call({ type: "release", sequences });

/** Opens, generates and releases; what it cost and every bit it gave. */
async function answer(ids: readonly number[], options: Parameters<typeof open>[2] = {}) {
  const opened = await open(engine, ids, { taps: [LAST_RESIDUALS], ...options });
  const generated: Generated = await generate(engine, opened.sequence, { maxTokens: 6 });
  await release(opened.sequence);
  const { prefilledTokens, reusedTokens } = opened;
  const residuals = opened.activations.map(({ values }) => [...values]);
  return { prefilledTokens, reusedTokens, bits: { residuals, tokens: generated.tokens } };
}

test("a prefix hit computes the suffix alone, with the bits of a miss", async () => {
  const shared = prompt(96, 1);
  const ids = [...shared, ...prompt(40, 2)];
  const miss = await answer(ids, { caller: UNCACHED });
  expect(miss.prefilledTokens).toBe(136);
  await answer([...shared, 7, 8, 9]);
  const hit = await answer(ids);
  expect(hit).toEqual({ prefilledTokens: 40, reusedTokens: 96, bits: miss.bits });
});

test("a page that goes on differently is shared up to there, if it was steered alike, with the bits of a miss", async () => {
  const binding: Binding = { digest: "prompt", coefficients: [0.5] };
  const [before, own] = [prompt(50, 40), prompt(30, 41)];
  const ids = [...before, ...own];
  const miss = await answer(ids, { caller: UNCACHED });
  await answer([...before, ...prompt(30, 42)]);
  expect((await answer(ids, { binding })).reusedTokens).toBe(0);
  const hit = await answer(ids);
  expect(hit).toEqual({ prefilledTokens: 30, reusedTokens: 50, bits: miss.bits });
  // What was copied is a text of its own now, and the page it came from is as it was.
  expect((await answer([...before, ...prompt(30, 42)])).reusedTokens).toBe(64);
  expect((await answer([...ids.slice(0, 60), ...prompt(20, 43)])).reusedTokens).toBe(60);
});

test("a full hit computes the last token again, with the bits of a miss", async () => {
  const ids = prompt(128, 3);
  const miss = await answer(ids);
  const hit = await answer(ids);
  expect(miss.prefilledTokens).toBe(128);
  expect(hit).toEqual({ prefilledTokens: 1, reusedTokens: 127, bits: miss.bits });
});

test("a later turn finds the pages of the answer before it", async () => {
  const ids = prompt(60, 4);
  const { sequence } = await open(engine, ids);
  const { tokens } = await generate(engine, sequence, { maxTokens: 40, topLogprobs: 0 });
  await release(sequence);
  const next = [...ids, ...tokens.map(({ id }) => id), ...prompt(20, 5)];
  const hit = await answer(next);
  expect(hit.reusedTokens).toBe(96);
  expect(hit.bits).toEqual((await answer(next, { caller: UNCACHED })).bits);
});

test("F16 a steered page is reused under the same program and coefficients and never otherwise", async () => {
  const ids = prompt(100, 6);
  const steered = (digest: string, coefficient: number): Binding => ({ digest, coefficients: [coefficient] });
  const cost = async (binding: Binding | null) => (await answer(ids, { binding })).reusedTokens;
  expect(await cost(steered("prompt", 0.5))).toBe(0);
  expect(await cost(null)).toBe(0);
  expect(await cost(steered("prompt", 0.25))).toBe(0);
  expect(await cost(steered("prompt", 0.5))).toBe(96);
  // Where no operation acts the prefix is everybody's: a program for the answer, and one of coefficient 0.
  expect(await cost(steered("answer", 0.5))).toBe(96);
  expect(await cost(steered("prompt", 0))).toBe(96);
  const alone = await answer(ids, { binding: steered("prompt", 0.5), caller: UNCACHED });
  const hit = await answer(ids, { binding: steered("prompt", 0.5) });
  expect(hit.bits).toEqual(alone.bits);
  expect(hit.bits).not.toEqual((await answer(ids)).bits);
});

test("tapped positions are computed again, the same bits, and billed; those around them are not", async () => {
  const ids = prompt(200, 7);
  const tap: TapSpec = { ...LAST_RESIDUALS, positions: "range", first: 70, end: 90 };
  const rows = async (caller = CALLER) => {
    const { sequence, activations, prefilledTokens } = await open(engine, ids, { taps: [tap], caller });
    await release(sequence);
    return { prefilledTokens, values: activations.map(({ values }) => [...values]) };
  };
  const miss = await rows(UNCACHED);
  await rows();
  const hit = await rows();
  expect(miss.prefilledTokens).toBe(199);
  // 20 tapped tokens, and the 7 after the last full page.
  expect(hit).toEqual({ prefilledTokens: 20 + 7, values: miss.values });
});

test("F16 callers with different salts never find each other's prefixes", async () => {
  const ids = prompt(70, 8);
  const asked = async (cacheSalt: string) =>
    (await answer(ids, { caller: { ...CALLER, cacheSalt } })).reusedTokens;
  expect([await asked("a"), await asked("b"), await asked(""), await asked("a")]).toEqual([0, 0, 0, 64]);
});

test("requests beyond the memory evict what nobody uses, and no page is lost", async () => {
  const before = await engine.call({ type: "stats" });
  for (let seed = 20; seed < 30; seed++) await answer(prompt(500, seed));
  const after = await engine.call({ type: "stats" });
  expect(after.evictedPages).toBeGreaterThan(before.evictedPages);
  expect(after.freePages).toBe(after.pages);
  expect((await answer(prompt(500, 29))).reusedTokens).toBe(480);
  expect(after.queriedTokens - before.queriedTokens).toBe(10 * 500);
});

test("without the cache nothing is found and nothing stays", async () => {
  const modelPath = await writeSyntheticModel();
  const off = await createEngine({ modelPath, threads: 1, contextTokens: 256, prefixCache: false });
  for (const _ of [1, 2]) {
    const { sequence, reusedTokens } = await open(off, prompt(100, 9));
    expect(reusedTokens).toBe(0);
    await off.call({ type: "release", sequences: [sequence] });
  }
  expect(await off.call({ type: "stats" })).toMatchObject({ cachedPages: 0, queriedTokens: 0 });
  await off.close();
});
