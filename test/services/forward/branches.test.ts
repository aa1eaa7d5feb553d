/** Branches of one prefix: its keys and values are read once a step for all of them, and nothing of them stays. */
import { expect, test } from "bun:test";
import { CALLER, generate, GREEDY, open, prompt, startEngineForFile } from "../../support/forward-engine.ts";

const engine = await startEngineForFile({ synthetic: { seed: 5, layers: 2 }, contextTokens: 4096 });

const release = (...sequences: number[]) => engine.call({ type: "release", sequences });
const pagesRead = async () => (await engine.call({ type: "stats" })).readPages;

/** Pages read by `count` branches of a prefix that generate 32 tokens each, in as many steps as one would need. */
async function readBy(count: number, tokens: number): Promise<{ pages: number; answers: number[][] }> {
  const { sequence } = await open(engine, prompt(tokens, 1));
  const children = Array.from({ length: count }, () => engine.newSequence());
  await engine.call({ type: "fork", sequence, children });
  const before = await pagesRead();
  const answers = await Promise.all(
    children.map((child, index) =>
      generate(engine, child, {
        maxTokens: 32,
        stream: BigInt(index),
        topLogprobs: 0,
        sampling: {
          ...{ temperature: 1, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1, frequencyPenalty: 0 },
          ...{ presencePenalty: 0, logitBias: [], seed: 3n },
        },
      }),
    ),
  );
  const pages = (await pagesRead()) - before;
  await release(sequence, ...children);
  return { pages, answers: answers.map((one) => one.tokens.map(({ id }) => id)) };
}

test("16 branches of a prefix read at most 1.3 times the keys and values of one", async () => {
  const one = await readBy(1, 2048);
  const sixteen = await readBy(16, 2048);
  expect(new Set(sixteen.answers.map(String)).size).toBe(16);
  expect(sixteen.answers[0]).toEqual(one.answers[0] ?? []);
  expect(sixteen.pages / one.pages).toBeLessThanOrEqual(1.3);
}, 120_000);

test("branches that have said the same are one row, and each says what it says alone", async () => {
  const ids = prompt(45, 9);
  const biased = { ...GREEDY, temperature: 0.05, logitBias: [[3, 2] as const], seed: 11n };
  const branch = (sequence: number, stream: number) =>
    generate(engine, sequence, { maxTokens: 24, stream: BigInt(stream), topLogprobs: 3, sampling: biased });
  const alone = [];
  for (let stream = 0; stream < 6; stream++) {
    const { sequence } = await open(engine, ids, { caller: { ...CALLER, bypassCache: true } });
    alone.push((await branch(sequence, stream)).tokens);
    await release(sequence);
  }
  const { sequence } = await open(engine, ids);
  const children = Array.from({ length: 6 }, () => engine.newSequence());
  await engine.call({ type: "fork", sequence, children });
  const before = await engine.call({ type: "stats" });
  const together = await Promise.all(children.map(branch));
  const after = await engine.call({ type: "stats" });
  expect(together.map(({ tokens }) => tokens)).toEqual(alone);
  // One row for every different beginning of an answer, the empty one among them.
  const beginnings = alone.flatMap((tokens) =>
    tokens.map((_, end) => String(tokens.slice(0, end).map(({ id }) => id))),
  );
  const distinct = new Set(beginnings).size;
  expect(distinct).toBeLessThan(beginnings.length - 12);
  expect(distinct).toBeGreaterThan(24);
  expect(after.rows - before.rows).toBe(distinct);
  expect(after.copiedPages - before.copiedPages).toBeLessThanOrEqual(6);
  await release(sequence, ...children);
  expect((await engine.call({ type: "stats" })).sharedPages).toBe(0);
}, 120_000);

test("F8 10,000 forks and drops leak no page", async () => {
  const { sequence } = await open(engine, prompt(300, 2));
  const before = await engine.call({ type: "stats" });
  for (let cycle = 0; cycle < 100; cycle++) {
    const children = Array.from({ length: 100 }, () => engine.newSequence());
    const forked = engine.call({ type: "fork", sequence, children });
    const written = generate(engine, children[0] ?? 0, { maxTokens: 1 });
    await Promise.all([forked, written]);
    await release(...children);
  }
  const after = await engine.call({ type: "stats" });
  expect(after).toMatchObject({ freePages: before.freePages, sharedPages: 0, sequences: 1 });
  await release(sequence);
  const { freePages, pages } = await engine.call({ type: "stats" });
  expect(freePages).toBe(pages);
}, 120_000);
