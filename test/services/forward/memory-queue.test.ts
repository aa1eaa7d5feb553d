/** Full KV memory: requests wait for it in order, as long as they may; then they are refused, typed. */
import { expect, test } from "bun:test";
import {
  failure,
  generate,
  open,
  prompt,
  UNCACHED,
  startEngineForFile,
} from "../../support/forward-engine.ts";
import { reasonOf, startForward } from "../../support/forward-service.ts";
import { PAGE_BYTES } from "../../support/synthetic-model.ts";

const PAGES = 40;
const PAGE = 32;

const engine = await startEngineForFile({ contextTokens: 4096, kvBytes: PAGES * PAGE_BYTES });

const release = (...sequences: number[]) => engine.call({ type: "release", sequences });
const impatient = { ...UNCACHED, waitMs: 50 };
const freePages = async () => (await engine.call({ type: "stats" })).freePages;

test("a newcomer waits until memory is given back, then gets the bits it would have had alone", async () => {
  const ids = prompt(20 * PAGE, 1);
  const alone = await open(engine, ids, { caller: UNCACHED });
  const { tokens } = await generate(engine, alone.sequence);
  await release(alone.sequence);
  const holder = await open(engine, prompt(30 * PAGE, 2), { caller: UNCACHED });
  const opening = open(engine, ids, { caller: UNCACHED });
  expect(await engine.call({ type: "stats" })).toMatchObject({ waiting: 1, freePages: 10 });
  // The others go on meanwhile.
  expect((await generate(engine, holder.sequence)).generatedTokens).toBe(8);
  await release(holder.sequence);
  const opened = await opening;
  expect((await generate(engine, opened.sequence)).tokens).toEqual(tokens);
  await release(opened.sequence);
  expect(await freePages()).toBe(PAGES);
});

test("F6 who has waited as long as it may is refused, typed and retryable, and the others go on", async () => {
  const holder = await open(engine, prompt(30 * PAGE, 3), { caller: UNCACHED });
  const refused = await failure(open(engine, prompt(20 * PAGE, 4), { caller: impatient }));
  expect(refused).toMatchObject({ reason: "OUT_OF_MEMORY", retryAfterMs: 1000, limit: "50 ms of waiting" });
  expect((await generate(engine, holder.sequence, { maxTokens: 3 })).generatedTokens).toBe(3);
  await release(holder.sequence);
  expect(await freePages()).toBe(PAGES);
});

test("F6 what can never fit is refused at once, and the limit is named", async () => {
  const refused = await failure(open(engine, prompt(PAGES * PAGE + 2, 5), { caller: UNCACHED }));
  expect(refused).toMatchObject({ reason: "OUT_OF_MEMORY", field: "ids", limit: `${PAGES * PAGE} tokens` });
  expect(await freePages()).toBe(PAGES);
});

test("opens are let in by order of arrival: a short one does not overtake a long one", async () => {
  const holder = await open(engine, prompt(30 * PAGE, 6), { caller: UNCACHED });
  const order: string[] = [];
  const enter = async (name: string, pages: number) => {
    const { sequence } = await open(engine, prompt(pages * PAGE, 7), { caller: UNCACHED });
    order.push(name);
    return sequence;
  };
  const entering = [enter("long", 20), enter("short", 2)];
  await generate(engine, holder.sequence);
  expect(order).toEqual([]);
  await release(holder.sequence);
  await release(...(await Promise.all(entering)));
  expect(order).toEqual(["long", "short"]);
});

test("generations that need more than there is: the newest is refused, the older ones finish", async () => {
  const openings = [8, 9, 10].map((seed) => open(engine, prompt(13 * PAGE - 4, seed), { caller: UNCACHED }));
  const sequences = (await Promise.all(openings)).map(({ sequence }) => sequence);
  const running = sequences.map((sequence) => generate(engine, sequence, { maxTokens: 3 * PAGE }));
  const settled = running.map((one) =>
    one.then(
      ({ reason }) => reason,
      async (error: { reason: string }) => error.reason,
    ),
  );
  const last = await settled[2];
  expect(last).toBe("OUT_OF_MEMORY");
  await release(sequences[2] ?? 0);
  expect(await Promise.all(settled)).toEqual(["length", "length", "OUT_OF_MEMORY"]);
  await release(...sequences.slice(0, 2));
  expect(await freePages()).toBe(PAGES);
});

test("a sequence that is released while it waits waits no longer, and the engine goes on", async () => {
  const holder = await open(engine, prompt(30 * PAGE, 11), { caller: UNCACHED });
  const sequence = engine.newSequence();
  const opening = failure(open(engine, prompt(20 * PAGE, 12), { sequence, caller: UNCACHED }));
  // A generation takes steps, so the newcomer has asked for its pages and stands in line.
  await generate(engine, holder.sequence, { maxTokens: 3 });
  await release(sequence);
  expect(await opening).toMatchObject({ reason: "CANCELLED" });
  const next = await open(engine, prompt(8 * PAGE, 13), { caller: UNCACHED });
  await release(holder.sequence, next.sequence);
  expect(await freePages()).toBe(PAGES);
});

test("a request waits up to its own deadline and leaves nothing behind", async () => {
  const forward = await startForward({ kvBytes: PAGES * PAGE_BYTES, contextTokens: 2048 });
  const { client, modelDigest } = forward;
  const holder = await client.open({ modelDigest, open: { ids: prompt(30 * PAGE, 14) } });
  const late = client.open({ modelDigest, open: { ids: prompt(20 * PAGE, 15) } }, { timeoutMs: 150 });
  expect(["DEADLINE_EXCEEDED", "OUT_OF_MEMORY"]).toContain(await reasonOf(late));
  const opening = client.open({ modelDigest, open: { ids: prompt(20 * PAGE, 15) } }, { timeoutMs: 20_000 });
  await client.release({ modelDigest, sequences: [holder.sequence] });
  await client.release({ modelDigest, sequences: [(await opening).sequence] });
  expect(await forward.usedPages()).toBe(0);
  await forward.service.close();
});
