/** The rest of the values of rows F6 to F8 and F11: memory that is full, every moment to leave, deadlines that have passed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createPushable } from "#kit/streams.ts";
import { type SessionRequest, SessionRequestSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { prompt } from "../../support/forward-engine.ts";
import {
  drain,
  generateCommand,
  openCommand,
  reasonOf,
  startForward,
  startForwardForFile,
} from "../../support/forward-service.ts";
import { PAGE_BYTES } from "../../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
const CYCLES = isFull ? 10_000 : 200;
const CONTEXT_TOKENS = 512;
const PAGE_TOKENS = 32;

const forward = await startForwardForFile({ contextTokens: CONTEXT_TOKENS });

test("F6 the sequence that does not fit is refused with a hint, those that do go on as before, and memory comes back", async () => {
  const small = await startForward({ contextTokens: CONTEXT_TOKENS, kvBytes: 8 * PAGE_BYTES });
  const { client, modelDigest } = small;
  const openOne = (seed: number, timeoutMs = 60_000) =>
    client.open({ modelDigest, open: { ids: prompt(2 * PAGE_TOKENS, seed) } }, { timeoutMs });
  const generated = async (sequence: string): Promise<number[]> => {
    const ids: number[] = [];
    const request = { maxTokens: 6, sampling: { temperature: 0 }, ignoreModelStop: true };
    for await (const { event } of client.generate({ modelDigest, sequence, generate: request }))
      if (event.case === "tokens") ids.push(...event.value.tokens.map(({ id }) => id));
    return ids;
  };
  const alone = await openOne(1);
  const expected = await generated(alone.sequence);
  await client.release({ modelDigest, sequences: [alone.sequence] });
  const held = [await openOne(1), await openOne(2), await openOne(3)].map(({ sequence }) => sequence);
  const last = [await openOne(4)].map(({ sequence }) => sequence);
  expect(["OUT_OF_MEMORY", "DEADLINE_EXCEEDED"]).toContain(await reasonOf(openOne(5, 300)));
  await client.release({ modelDigest, sequences: last });
  expect(await generated(held[0] ?? "")).toEqual(expected);
  await client.release({ modelDigest, sequences: held });
  const again = await openOne(1);
  expect(await generated(again.sequence)).toEqual(expected);
  await client.release({ modelDigest, sequences: [again.sequence] });
  expect(await small.usedPages()).toBe(0);
  await small.service.close();
});

const LEAVING: readonly (readonly [string, number])[] = [
  ["while its prompt is computed", 0],
  ["after the prompt", 1],
  ["between tokens", 3],
  ["after the last token", 6],
];
test.each(LEAVING)("F7 a client that leaves %s leaves nothing", async (_name, messages) => {
  const abort = new AbortController();
  const requests = createPushable<SessionRequest>();
  const commands = [openCommand(1n, prompt(400)), generateCommand(1n, { maxTokens: 5 })];
  requests.push(create(SessionRequestSchema, { modelDigest: forward.modelDigest, commands }));
  const reading = (async () => {
    let seen = 0;
    for await (const _ of forward.client.session(requests, { signal: abort.signal })) {
      if (++seen >= messages) abort.abort();
    }
  })().catch(() => undefined);
  if (messages === 0) abort.abort();
  await Promise.race([reading, Bun.sleep(5_000).then(() => abort.abort())]);
  await forward.emptied();
});

test("F7 a client that does not read and then leaves leaves nothing", async () => {
  const abort = new AbortController();
  const requests = createPushable<SessionRequest>();
  const commands = [openCommand(1n, prompt(40)), generateCommand(1n, { maxTokens: 400, topLogprobs: 20 })];
  requests.push(create(SessionRequestSchema, { modelDigest: forward.modelDigest, commands }));
  const unread = forward.client.session(requests, { signal: abort.signal })[Symbol.asyncIterator]();
  await unread.next();
  abort.abort();
  await unread.return?.().catch(() => undefined);
  await forward.emptied();
});

test("F7 a client that leaves while its fork waits for a generation leaves no children", async () => {
  const { client, modelDigest } = forward;
  const { sequence } = await client.open({ modelDigest, open: { ids: prompt(12) } });
  const [running, leaving] = [new AbortController(), new AbortController()];
  const generate = { maxTokens: 0, ignoreModelStop: true };
  let forking: Promise<unknown> | undefined;
  for await (const { event } of client.generate({ modelDigest, sequence, generate }, running)) {
    if (event.case !== "tokens") continue;
    forking ??= client.fork({ modelDigest, sequence, children: 5 }, leaving).catch(() => undefined);
    setTimeout(() => leaving.abort(), 5);
    if (leaving.signal.aborted) break;
  }
  running.abort();
  await forking;
  while (((await client.getModel({})).model?.kvMemory?.sequences ?? 0) > 1) await Bun.sleep(1);
  await client.release({ modelDigest, sequences: [sequence] });
  await forward.emptied();
});

test("F7 a client that leaves while texts are scored one after the other has the rest left alone", async () => {
  const { client, modelDigest } = forward;
  const items = Array.from({ length: 250 }, (_, at) => ({ ids: prompt(400, at), first: 1 }));
  const rows = async () => Number((await client.getModel({})).model?.load?.rows ?? 0n);
  const before = await rows();
  const leaving = new AbortController();
  const request = { modelDigest, items, maxTokens: 1_000_000, caller: { bypassCache: true } };
  client.score(request, leaving).catch(() => undefined);
  while ((await rows()) === before) await Bun.sleep(1);
  leaving.abort();
  let left = 0;
  while (left !== (left = await rows())) await Bun.sleep(300);
  expect(left - before).toBeLessThan((items.length * 400) / 2);
  await forward.emptied();
});

test(`F8 ${CYCLES} sequences opened, begun and left leave no page and no sequence`, async () => {
  const { client, modelDigest } = forward;
  for (let i = 0; i < CYCLES; i++) {
    const { sequence } = await client.open({ modelDigest, open: { ids: prompt(12, i % 7) } });
    const leaving = new AbortController();
    const call = drain(
      client.generate({ modelDigest, sequence, generate: { maxTokens: 0 } }, { signal: leaving.signal }),
    );
    leaving.abort();
    await call.catch(() => undefined);
    await client.release({ modelDigest, sequences: [sequence] });
  }
  await forward.emptied();
  const { model } = await client.getModel({});
  expect(model?.kvMemory?.sequences).toBe(0);
});

test.each([1, 5])(
  "F11 a deadline of %p ms ends an Open before or while it is computed, and leaves nothing",
  async (timeoutMs) => {
    const { client, modelDigest } = forward;
    const ids = prompt(CONTEXT_TOKENS - 8, 9);
    const reason = await reasonOf(
      client.open({ modelDigest, open: { ids }, caller: { bypassCache: true } }, { timeoutMs }),
    );
    expect(["DEADLINE_EXCEEDED", "CANCELLED"]).toContain(reason);
    await forward.emptied();
  },
);
