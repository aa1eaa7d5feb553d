/** Programs in the running engine: nothing is nothing to the bit, what acts is proven, every row has its own. */
import { expect, test } from "bun:test";
import type { Operation } from "../../../services/forward/src/programs/program.ts";
import {
  failure,
  generate,
  LAST_RESIDUALS,
  open,
  prompt,
  SITES,
  startEngineForFile,
} from "../../support/forward-engine.ts";
import { putProgram } from "../../support/put-program.ts";
import { createRandom } from "../../support/synthetic-model.ts";

const WIDTH = 64;
const DIMS: Record<string, number> = { heads: 128, neurons: 128 };
const random = createRandom(5);
const IDS = prompt(45, 20);

const engine = await startEngineForFile({ synthetic: { seed: 9 }, contextTokens: 1024 });

function add(fields: Partial<Operation> = {}): Operation {
  const dim = DIMS[fields.site ?? ""] ?? WIDTH;
  const raw = Float32Array.from({ length: dim }, random);
  const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0));
  return {
    ...{ site: "residual", layer: 1, kind: "add", vectors: raw.map((value) => value / length), parameter: 0 },
    ...{ condition: "none", conditionVector: null, threshold: 0, normPolicy: "none", cap: 0, priority: 0 },
    scope: { kind: "answer" },
    ...fields,
  } as Operation;
}

const put = (...operations: Operation[]): Promise<string> => putProgram(engine, ...operations);

/** Opens, generates and releases; what a caller would see. */
async function run(options: Parameters<typeof generate>[2] = {}, ids = IDS) {
  const { sequence } = await open(engine, ids);
  try {
    return await generate(engine, sequence, { replayLast: true, ...options });
  } finally {
    await engine.call({ type: "release", sequences: [sequence] });
  }
}

test("an empty program and coefficients of zero are bit-identical to no program", async () => {
  const plain = await run();
  const empty = await run({ binding: { digest: await put(), coefficients: [] } });
  const all = SITES.map((site) => add({ site, scope: { kind: "prompt" } }));
  const zero = await run({ binding: { digest: await put(...all), coefficients: all.map(() => 0) } });
  expect(empty.tokens).toEqual(plain.tokens);
  expect(zero.tokens).toEqual(plain.tokens);
  expect(zero.proof).toEqual([]);
});

test("taps at every site change no bit", async () => {
  const plain = await run();
  const taps = SITES.map((site) => ({ ...LAST_RESIDUALS, site }));
  const tapped = await run({ taps });
  expect(tapped.tokens).toEqual(plain.tokens);
  expect(tapped.activations).toHaveLength(SITES.length * 4 * 8);
});

for (const site of SITES) {
  test(`an addition at ${site} acts, is proven on every row, and moves the tapped row by its vector`, async () => {
    const operation = add({ site, layer: 2 });
    const binding = { digest: await put(operation), coefficients: [1.5] };
    const tap = { ...LAST_RESIDUALS, site, layers: [2] };
    const plain = await run({ taps: [tap], maxTokens: 1 });
    const steered = await run({ taps: [tap], maxTokens: 1, binding });
    const [before, after] = [plain.activations[0]?.values ?? [], steered.activations[0]?.values ?? []];
    const norm = Math.sqrt([...before].reduce((sum, value) => sum + value * value, 0));
    for (const [i, value] of [...after].entries()) {
      expect(value - (before[i] ?? 0)).toBeCloseTo(1.5 * (operation.vectors[i] ?? 0), 4);
    }
    expect(steered.proof).toHaveLength(1);
    expect(steered.proof[0]).toMatchObject({ site, layer: 2, rows: 1 });
    expect(steered.proof[0]?.max).toBeCloseTo(1.5 / norm, 4);
    expect(steered.tokens[0]?.logprob).not.toBe(plain.tokens[0]?.logprob);
  });
}

test("the proof of an operation is gone when the operation is off", async () => {
  const digest = await put(add({ layer: 1 }), add({ layer: 3 }));
  const layers = async (coefficients: number[]) =>
    (await run({ binding: { digest, coefficients } })).proof.map(({ layer }) => layer);
  expect(await layers([1, 1])).toEqual([1, 3]);
  expect(await layers([1, 0])).toEqual([1]);
});

test("scopes: last acts on one row, decode on the others, prompt on all of the prompt by a second prefill", async () => {
  const rows = async (kind: "last" | "decode" | "answer" | "prompt") => {
    const binding = { digest: await put(add({ scope: { kind } })), coefficients: [1] };
    const { proof, replayedTokens } = await run({ binding, maxTokens: 6 });
    return [proof[0]?.rows, replayedTokens];
  };
  expect(await rows("last")).toEqual([1, 0]);
  expect(await rows("decode")).toEqual([5, 0]);
  expect(await rows("answer")).toEqual([6, 0]);
  expect(await rows("prompt")).toEqual([45, 44]);
});

test("a program given at open acts as one given at generate", async () => {
  const binding = { digest: await put(add({ scope: { kind: "prompt" } })), coefficients: [2] };
  const late = await run({ binding, maxTokens: 4 });
  const { sequence } = await open(engine, IDS, { binding });
  const early = await generate(engine, sequence, { maxTokens: 4, binding, replayLast: true });
  expect(early.tokens).toEqual(late.tokens);
});

test("F10 neighbours with other programs, or poisoned ones, change no bit of a row", async () => {
  const digest = await put(add({ layer: 0 }));
  const alone = await run({ binding: { digest, coefficients: [2] } });
  const vectors = new Float32Array(WIDTH);
  vectors[0] = 1;
  const infinite = await put(...[0, 1].map((layer) => add({ layer, vectors, scope: { kind: "decode" } })));
  const poison = failure(
    run({ binding: { digest: infinite, coefficients: [3.4e38, 3.4e38] }, maxTokens: 9 }),
  );
  const others = [-3, 7].map((c) => run({ binding: { digest, coefficients: [c] }, maxTokens: 12 }));
  const among = await run({ binding: { digest, coefficients: [2] } });
  expect(among.tokens).toEqual(alone.tokens);
  expect(await poison).toMatchObject({ reason: "NON_FINITE" });
  await Promise.all(others);
});

test("a parked sequence goes on under new coefficients, and times out without", async () => {
  const digest = await put(add());
  const { sequence } = await open(engine, IDS);
  const parked: number[] = [];
  const binding = { digest, coefficients: [0] };
  const park = { maxTokens: 6, binding, replayLast: true, parkEvery: 2 };
  const { proof } = await generate(engine, sequence, park, (event) => {
    if (event.type !== "parked") return;
    parked.push(event.generatedTokens);
    void engine.call({ type: "coefficients", sequence, coefficients: [parked.length] });
  });
  expect(parked).toEqual([2, 4]);
  expect(proof[0]?.rows).toBe(4);
  const late = failure(generate(engine, sequence, { ...park, parkTimeoutMs: 20 }));
  expect(await late).toMatchObject({ reason: "DEADLINE_EXCEEDED", limit: "20 ms" });
});
