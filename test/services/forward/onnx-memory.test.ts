/** Keys and values of the onnx backend are bounded: who does not fit waits, is refused by name, and leaves nothing behind. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { createEngine, type StreamEvent } from "../../../services/forward/src/engine/client.ts";
import type { SequenceId } from "../../../services/forward/src/engine/protocol.ts";
import { CALLER, failure, generate, open, prompt } from "../../support/forward-engine.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";

setDefaultTimeout(120_000);
const TOKENS = 100;
/** Keys and values of 4 layers, 2 heads of 32 floats. */
const TOKEN_BYTES = 2 * 4 * 2 * 32 * 4;
const LONG = 60_000;
const made = await exportSynthetic();
const engine = await createEngine({ modelPath: made.graphPath, kvBytes: TOKENS * TOKEN_BYTES });
afterAll(async () => {
  await engine.close();
  rmSync(made.root, { recursive: true });
});
const patient = { caller: { ...CALLER, waitMs: LONG } };
const hasty = { caller: { ...CALLER, waitMs: 100 } };
const release = (...sequences: SequenceId[]) => engine.call({ type: "release", sequences });
const alive = async () => (await engine.call({ type: "stats" })).sequences;

test("what can never fit is refused at once; memory for less than a token is no configuration", async () => {
  // Of the last token nothing is held until something is generated.
  const { sequence } = await open(engine, prompt(TOKENS + 1), patient);
  await release(sequence);
  const refused = { reason: "OUT_OF_MEMORY", field: "ids", limit: `${TOKENS} tokens` };
  expect(await failure(open(engine, prompt(TOKENS + 2), patient))).toMatchObject(refused);
  expect(await alive()).toBe(0);
  const none = createEngine({ modelPath: made.graphPath, kvBytes: TOKEN_BYTES - 1 });
  expect(await failure(none)).toMatchObject({ reason: "FIELD_OUT_OF_RANGE", field: "kv_bytes" });
});

test("an open waits until there is room, as long as it may; others say what they say alone", async () => {
  const { sequence } = await open(engine, prompt(61), patient);
  const alone = await generate(engine, sequence, { maxTokens: 8 });
  await engine.call({ type: "truncate", sequence, tokens: 61 });
  const refused = await failure(open(engine, prompt(61, 2), hasty));
  expect(refused).toMatchObject({ reason: "OUT_OF_MEMORY", limit: "100 ms of waiting" });
  expect(refused.retryAfterMs).toBeGreaterThan(0);
  expect(await alive()).toBe(1);
  const waiting = open(engine, prompt(61, 2), patient);
  const behind = open(engine, prompt(5, 3), patient);
  expect((await generate(engine, sequence, { maxTokens: 8 })).tokens).toEqual(alone.tokens);
  await release(sequence);
  const [first, second] = await Promise.all([waiting, behind]);
  await release(first.sequence, second.sequence);
});

test("who waits and is released or stopped ends at once", async () => {
  const { sequence } = await open(engine, prompt(61), patient);
  const id = engine.newSequence();
  const waiting = failure(open(engine, prompt(61, 2), { ...patient, sequence: id }));
  await release(id);
  expect(await waiting).toMatchObject({ reason: "CANCELLED" });
  const other = await open(engine, prompt(39, 2), patient);
  const full = generate(engine, other.sequence, { maxTokens: 20 });
  await Bun.sleep(50);
  await engine.call({ type: "stop", sequences: [other.sequence] });
  expect((await full).reason).toBe("cancelled");
  await release(sequence, other.sequence);
});

test("forks hold what they share once; who finds no room has said what it says alone, and goes on when there is some", async () => {
  // Long enough for whoever has room to go on.
  const caller = { ...CALLER, waitMs: 2_000 };
  const { sequence } = await open(engine, prompt(31), { caller });
  const children = [engine.newSequence(), engine.newSequence(), engine.newSequence(), engine.newSequence()];
  await engine.call({ type: "fork", sequence, children });
  const alone = await generate(engine, sequence, { maxTokens: 12 });
  await release(sequence);
  const said: number[][] = children.map(() => []);
  const runs = children.map((child, index) =>
    generate(engine, child, { maxTokens: 12 }, (event: StreamEvent) => {
      if (event.type === "tokens") said[index]?.push(...event.tokens.map(({ id }) => id));
    }).catch((error: unknown) => error),
  );
  const ends = await Promise.all(runs);
  const failed = ends.flatMap((end, index) => (end instanceof Error ? [index] : []));
  expect(failed.length).toBeGreaterThan(0);
  for (const index of failed) expect(ends[index]).toMatchObject({ reason: "OUT_OF_MEMORY" });
  const ids = alone.tokens.map(({ id }) => id);
  for (const words of said) expect(words).toEqual(ids.slice(0, words.length));
  const last = failed.at(-1) ?? 0;
  await release(...children.filter((_, index) => index !== last));
  const rest = await generate(engine, children[last] ?? 0, { maxTokens: 12 - (said[last]?.length ?? 0) });
  expect([...(said[last] ?? []), ...rest.tokens.map(({ id }) => id)]).toEqual(ids);
  await release(children[last] ?? 0);
});

test("a fork into more children than there may be makes none", async () => {
  const { sequence } = await open(engine, prompt(5), patient);
  const children = Array.from({ length: 1_024 }, () => engine.newSequence());
  expect(await failure(engine.call({ type: "fork", sequence, children }))).toMatchObject({
    reason: "QUEUE_FULL",
  });
  expect(await alive()).toBe(1);
  await release(sequence);
});
