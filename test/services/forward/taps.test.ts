/** What taps make of rows: pooling, final norm, projection and early-layer logits against plain arithmetic on the raw rows. */
import { expect, test } from "bun:test";
import type { Activation, TapSpec } from "../../../services/forward/src/engine/taps.ts";
import {
  failure,
  generate,
  LAST_RESIDUALS,
  open,
  prompt,
  startEngineForFile,
} from "../../support/forward-engine.ts";
import { createRandom, VOCABULARY } from "../../support/synthetic-model.ts";

const WIDTH = 64;
const LAST_LAYER = 3;
const SEED = 31;
const IDS = prompt(45, SEED);
const RANGE: TapSpec = { ...LAST_RESIDUALS, positions: "range", first: 3, end: 40 };
const EVERY_ID = Array.from({ length: VOCABULARY }, (_, id) => id);

const engine = await startEngineForFile({
  ...{ synthetic: { seed: SEED }, contextTokens: 512, rowBudget: 16, prefillRows: 16 },
});

/** Rows of a layer in order, joined over steps. */
function rowsOf(activations: readonly Activation[], tap: number, layer: number): Float32Array[] {
  const mine = activations.filter((one) => one.tap === tap && one.layer === layer);
  return mine.flatMap(({ rows, values }) => {
    const dim = values.length / rows;
    return Array.from({ length: rows }, (_, row) => values.slice(row * dim, (row + 1) * dim));
  });
}

async function read(...taps: TapSpec[]): Promise<Activation[]> {
  const { activations, sequence } = await open(engine, IDS, { taps });
  await engine.call({ type: "release", sequences: [sequence] });
  return activations;
}

/** Stores random f32 [rank, dim] and answers it with its digest. */
async function project(rank: number, dim: number) {
  const random = createRandom(rank);
  const values = Float32Array.from({ length: rank * dim }, random);
  const digest = crypto.randomUUID();
  await engine.call({ type: "projection", digest, projection: { values, rank, dim } });
  return { digest, values };
}

test("pooling folds exactly the rows of its range, however they were cut into steps", async () => {
  const kinds = ["none", "mean", "max_norm", "last"] as const;
  const activations = await read(...kinds.map((pooling) => ({ ...RANGE, pooling })));
  for (const layer of RANGE.layers) {
    const raw = rowsOf(activations, 0, layer);
    const [mean, largest, last] = [1, 2, 3].map((tap) => rowsOf(activations, tap, layer)[0]);
    expect(raw).toHaveLength(37);
    for (let i = 0; i < WIDTH; i++) {
      const column = raw.map((row) => row[i] ?? Number.NaN);
      expect(mean?.[i]).toBe(Math.fround(column.reduce((sum, value) => sum + value, 0) / 37));
      expect(Math.abs(largest?.[i] ?? 0)).toBe(Math.max(...column.map(Math.abs)));
    }
    expect(last).toEqual(raw.at(-1));
  }
});

for (const rank of [1, 3, 8, 20]) {
  test(`a projection of rank ${rank} gives P·h, in any batch the same bits, pooled after projecting`, async () => {
    const { digest: projection, values } = await project(rank, WIDTH);
    const mean = { ...RANGE, projection, pooling: "mean" as const };
    const single = { ...RANGE, projection, first: 39 };
    const activations = await read(RANGE, { ...RANGE, projection }, mean, single);
    const projected = rowsOf(activations, 1, 2);
    expect(projected).toHaveLength(37);
    for (const [index, row] of rowsOf(activations, 0, 2).entries()) {
      for (let r = 0; r < rank; r++) {
        const exact = row.reduce((sum, value, i) => sum + value * (values[r * WIDTH + i] ?? 0), 0);
        expect(projected[index]?.[r]).toBeCloseTo(exact, 3);
      }
    }
    expect(rowsOf(activations, 3, 2)).toEqual(projected.slice(-1));
    const sums = projected.reduce((sum, row) => sum + (row[0] ?? 0), 0);
    expect(rowsOf(activations, 2, 2)[0]?.[0]).toBe(Math.fround(sums / 37));
  });
}

test("logits of the last layer are the model's own, to the bit, generated or scored", async () => {
  const logits = { top: 5, ids: EVERY_ID };
  const tap: TapSpec = { ...LAST_RESIDUALS, logits };
  const { sequence } = await open(engine, IDS);
  const { tokens, activations } = await generate(engine, sequence, { taps: [tap], maxTokens: 6 });
  const lens = activations.filter(({ layer }) => layer === LAST_LAYER).flatMap((one) => one.logits);
  expect(lens.map(({ top }) => top)).toEqual(tokens.map(({ top }) => [...top]));
  expect(lens.map(({ logprobs }, i) => logprobs[tokens[i]?.id ?? 0])).toEqual(
    tokens.map(({ logprob }) => logprob),
  );
  const early = activations.filter(({ layer }) => layer === 0).flatMap((one) => one.logits);
  expect(early[0]?.top).not.toEqual(lens[0]?.top);
  const score = { first: 1, topLogprobs: 3, candidates: [] };
  const range: TapSpec = { ...RANGE, first: 0, end: 0, layers: [LAST_LAYER], logits: { top: 3, ids: [] } };
  const scored = await open(engine, IDS, { taps: [range], score, promptTokens: 1 });
  const tops = scored.activations.flatMap((one) => one.logits.map(({ top }) => top));
  expect(tops.slice(0, -1)).toEqual(scored.scored.map(({ top }) => [...top]));
});

test("the final norm divides by the root mean square and multiplies by fixed weights; probabilities add up to 1", async () => {
  const logits = { top: 0, ids: EVERY_ID };
  const activations = await read(RANGE, { ...RANGE, finalNorm: true }, { ...RANGE, logits });
  const [raw, normed] = [rowsOf(activations, 0, 1), rowsOf(activations, 1, 1)];
  const weights = raw.map((row, index) => {
    const rms = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / WIDTH + 1e-5);
    return row.map((value, i) => ((normed[index]?.[i] ?? 0) * rms) / value);
  });
  for (const row of weights) for (const i of [0, 5, 63]) expect(row[i]).toBeCloseTo(weights[0]?.[i] ?? 0, 3);
  const read1 = activations.filter(({ tap, layer }) => tap === 2 && layer === 1).flatMap((one) => one.logits);
  expect(read1.map(({ position }) => position)).toEqual(Array.from({ length: 37 }, (_, i) => 3 + i));
  for (const { logprobs } of read1) {
    expect(logprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 4);
  }
});

test("taps of every kind change no bit of the answer", async () => {
  const { digest: projection } = await project(4, WIDTH);
  const run = async (taps: TapSpec[]) => {
    const { sequence } = await open(engine, IDS);
    return (await generate(engine, sequence, { taps })).tokens;
  };
  const logits = { top: 2, ids: [7] };
  const kinds = [{ finalNorm: true }, { projection }, { logits }, { finalNorm: true, projection }];
  const taps = kinds.map((kind) => ({ ...LAST_RESIDUALS, ...kind }));
  expect(await run(taps)).toEqual(await run([]));
});

test("a projection must exist and fit the site", async () => {
  const { digest: projection } = await project(2, 128);
  const unknown = await failure(open(engine, IDS, { taps: [{ ...RANGE, projection: "sha256:0" }] }));
  expect(unknown).toMatchObject({ reason: "ARTIFACT_NOT_FOUND", field: "taps[0].projection_digest" });
  const misfit = await failure(open(engine, IDS, { taps: [{ ...RANGE, projection }] }));
  expect(misfit).toMatchObject({ reason: "SHAPE_MISMATCH", limit: String(WIDTH) });
  expect((await failure(project(257, WIDTH))).reason).toBe("SHAPE_MISMATCH");
  expect((await failure(project(2, 32))).reason).toBe("SHAPE_MISMATCH");
});
