/** Sequences used as they must not be: each misuse is refused, typed, and the next step computes what it would have (rows F1-F17). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createMemory } from "#kernels";
import { createEngine } from "../../../services/forward/index.ts";
import { failure, generate, open, prompt } from "../../support/forward-engine.ts";
import { reasonOf, startForward } from "../../support/forward-service.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

const CONTEXT_TOKENS = 128;
let forward: Awaited<ReturnType<typeof startForward>>;
beforeAll(async () => {
  forward = await startForward({ contextTokens: CONTEXT_TOKENS });
});
afterAll(() => forward.service.close());

const generation = { maxTokens: 6, sampling: { temperature: 0 }, ignoreModelStop: true };

async function run(sequence: string, more: object = {}): Promise<number[]> {
  const ids: number[] = [];
  const { client, modelDigest } = forward;
  for await (const { event } of client.generate({
    modelDigest,
    sequence,
    generate: { ...generation, ...more },
  })) {
    if (event.case === "tokens") ids.push(...event.value.tokens.map(({ id }) => id));
  }
  return ids;
}

const openLeased = async (length = 20): Promise<string> =>
  (await forward.client.open({ modelDigest: forward.modelDigest, open: { ids: prompt(length) } })).sequence;
const release = (sequence: string) =>
  forward.client.release({ modelDigest: forward.modelDigest, sequences: [sequence] });

test.each(["", "seq-unknown", "../x", `seq-${"0".repeat(36)}`, "x".repeat(1_000_000)])(
  "F2 the name %# is no sequence, whatever is asked of it",
  async (sequence) => {
    const { client, modelDigest } = forward;
    const refused = [
      run(sequence),
      client.truncate({ modelDigest, sequence, tokens: 0 }),
      client.fork({ modelDigest, sequence, children: 1 }),
      client.release({ modelDigest, sequences: [sequence] }),
      client.renew({ modelDigest, sequences: [sequence] }),
    ];
    for (const call of refused) expect(await reasonOf(call)).toBe("SEQUENCE_NOT_FOUND");
  },
);

test("F3 two generations on one sequence never mix: the second is refused or comes after", async () => {
  const [one, two] = [await openLeased(), await openLeased()];
  const serial = [...(await run(one)), ...(await run(one))];
  const both = await Promise.allSettled([run(two), run(two)]);
  const tokens = both.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  expect(tokens).toEqual(serial.slice(0, tokens.length));
  expect(tokens.length).toBeGreaterThan(0);
  await Promise.all([release(one), release(two)]);
});

test.each([21, 2 ** 31, 2 ** 32 - 1])(
  "F4 truncating to %p tokens of 20 is refused and changes nothing",
  async (tokens) => {
    const { client, modelDigest } = forward;
    const [one, two] = [await openLeased(), await openLeased()];
    expect(await reasonOf(client.truncate({ modelDigest, sequence: one, tokens }))).toBe(
      "FIELD_OUT_OF_RANGE",
    );
    expect(await run(one)).toEqual(await run(two));
    await Promise.all([release(one), release(two)]);
  },
);

test("F4 a fork of a released sequence is none", async () => {
  const sequence = await openLeased();
  await release(sequence);
  const { client, modelDigest } = forward;
  expect(await reasonOf(client.fork({ modelDigest, sequence, children: 2 }))).toBe("SEQUENCE_NOT_FOUND");
});

test("F5 what goes beyond the context is refused at the start, or ends there; the sequence next to it is usable", async () => {
  const { client, modelDigest } = forward;
  const long = { modelDigest, open: { ids: prompt(CONTEXT_TOKENS + 1) } };
  expect(await reasonOf(client.open(long))).toBe("CONTEXT_OVERFLOW");
  const [one, two] = [await openLeased(), await openLeased()];
  const tokens = await run(one, { maxTokens: CONTEXT_TOKENS });
  expect(tokens.length).toBeLessThanOrEqual(CONTEXT_TOKENS - 20 + 1);
  expect(await run(two)).toEqual(tokens.slice(0, 6));
  await Promise.all([release(one), release(two)]);
});

test("X13 an engine whose memory the system refuses says so", () => {
  const { Memory } = WebAssembly;
  // What the system does when there is no room for the whole plan.
  WebAssembly.Memory = function refuse() {
    throw new RangeError("Out of memory");
  } as never;
  try {
    expect(() => createMemory(64 * 1024)).toThrow("refused");
  } finally {
    WebAssembly.Memory = Memory;
  }
});

test("F15 the memory of an engine is planned whole: it cannot grow under the views on it", () => {
  const memory = createMemory(64 * 1024);
  expect(() => memory.grow(1)).toThrow(RangeError);
});

test("F17 logits that are not finite end a generation with an error, never with tokens", async () => {
  const { client, modelDigest } = forward;
  const vectors = {
    dataType: 1,
    shape: [1, 64],
    data: new Uint8Array(new Float32Array(64).fill(1e30).buffer),
  };
  const { programDigest } = await client.putProgram({
    program: { modelDigest, operations: [{ site: 1, layer: 3, kind: 1, vectors }] },
  });
  const sequence = await openLeased();
  const program = { programDigest, coefficients: [3e38] };
  expect(await reasonOf(run(sequence, { program }))).toBe("NON_FINITE");
  await release(sequence);
  expect(await forward.usedPages()).toBe(0);
});

test("F14 a command that throws inside the engine fails alone: its neighbours' tokens are those without it", async () => {
  const modelPath = await writeSyntheticModel();
  const engine = await createEngine({ modelPath, threads: 1, contextTokens: CONTEXT_TOKENS });
  const [one, two] = [await open(engine, prompt(8)), await open(engine, prompt(8))];
  const quiet = await generate(engine, one.sequence);
  const next = generate(engine, two.sequence);
  // A message no client of the schema can produce.
  const fault = failure(engine.call({ type: "generate", sequence: one.sequence } as never));
  expect((await fault).reason).toBe("INTERNAL");
  expect((await next).tokens).toEqual(quiet.tokens);
  await engine.close();
});
