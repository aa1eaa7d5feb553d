/** A direction exported as a control vector does in llama.cpp what our program and an exact addition do. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import type { Program } from "../../services/forward/src/programs/program.ts";
import { checkDirection, norm } from "../../services/steering/src/direction.ts";
import { writeControlVector } from "../../services/steering/src/formats/gguf-controlvector.ts";
import { createOracle, type Oracle } from "../oracle/llama.ts";
import { type Addition, createReference, type Reference } from "../oracle/reference.ts";
import { distributionAfter, divergence, logSoftmax } from "./distributions.ts";
import { createRandom } from "./strings.ts";

setDefaultTimeout(300_000);
const SEED = 21;
/** The first block a control vector can act on, two in the middle, the last one. */
const BLOCKS = [1, 12, 13, 29];
/** ‖Δ‖ over ‖h‖: strong enough to change what the model says. */
const DOSE = 0.5;
const PROMPT = "The old clockmaker never hurried; he said that time was the one thing";
const PATH = join(tmpdir(), `trimtab-control-vector-${process.pid}.gguf`);

let oracle: Oracle;
let reference: Reference;
let engine: Engine;
let ids: number[];
/** Raw vector of each block, as long as the dose asks for. */
let raw: Map<number, Float32Array>;

beforeAll(async () => {
  const modelPath = defaultModelPath();
  [oracle, reference, engine] = await Promise.all([
    createOracle({ modelPath }),
    createReference(modelPath),
    createEngine({ modelPath, contextTokens: 512, threads: 1 }),
  ]);
  ids = (await oracle.tokenize([PROMPT]))[0] as number[];
  const { data } = await reference.residuals(ids, BLOCKS);
  const { width } = reference;
  const random = createRandom(SEED);
  raw = new Map(
    BLOCKS.map((block, i) => {
      const end = (i + 1) * ids.length * width;
      const length = norm(data.subarray(end - width, end)) * DOSE;
      const noise = Float32Array.from({ length: width }, () => random.below(2_000) / 1_000 - 1);
      return [block, noise.map((value) => (value / norm(noise)) * length)];
    }),
  );
  const direction = checkDirection({
    modelDigest: engine.model.digest,
    method: "imported",
    layers: engine.model.layers,
    width,
    raw,
    medianResidualNorms: new Float32Array(engine.model.layers),
  });
  await Bun.write(PATH, writeControlVector(direction, "llama", { skipFirstBlock: false }));
});
afterAll(async () => {
  rmSync(PATH, { force: true });
  await Promise.all([oracle.close(), reference.close(), engine.close()]);
});

const last = async (rows: Promise<{ data: Float32Array }>) => logSoftmax((await rows).data);
const exactly = (add: readonly Addition[]) => last(reference.logits(ids, { add, first: ids.length - 1 }));

async function inLlama(scale: number): Promise<Float64Array> {
  await oracle.setControlVector(PATH, { scale });
  try {
    return await last(oracle.logits(ids, { first: ids.length - 1 }));
  } finally {
    await oracle.setControlVector(null);
  }
}

/** Our engine with one addition a block over the whole text: unit vectors, the length as coefficient. */
async function inOurs(scale: number): Promise<readonly number[]> {
  const nothing = { parameter: 0, condition: "none", conditionVector: null, threshold: 0, cap: 0 } as const;
  const program: Program = {
    operations: [...raw].map(([layer, vector]) => ({
      ...{ site: "residual", layer, kind: "add", normPolicy: "none", priority: 0, ...nothing },
      vectors: vector.map((value) => value / norm(vector)),
      scope: { kind: "window", first: 0, end: 512 },
    })),
    conflict: "sum",
  };
  const digest = "control-vector";
  await engine.call({ type: "program", digest, program });
  const coefficients = [...raw.values()].map((vector) => norm(vector) * scale);
  const { sequence, logprobs } = await distributionAfter(engine, ids, { binding: { digest, coefficients } });
  await engine.call({ type: "release", sequences: [sequence] });
  return logprobs;
}

test.each([1, -0.6])(
  `a vector exported by us has the same effect in llama.cpp, ours and f32 at scale %p (seed ${SEED})`,
  async (scale) => {
    const additions = [...raw].map(([layer, vector]) => ({
      layer,
      vector: vector.map((value) => value * scale),
    }));
    const exact = await exactly(additions);
    const effect = divergence(exact, await exactly([]));
    expect(effect).toBeGreaterThan(0.3);
    const [theirs, ours] = [await inLlama(scale), await inOurs(scale)];
    expect(divergence(exact, theirs)).toBeLessThan(effect / 20);
    expect(divergence(exact, ours)).toBeLessThan(effect / 20);
    // One block off would be seen.
    const shifted = additions.map(({ layer, vector }) => ({ layer: layer - 1, vector }));
    expect(divergence(await exactly(shifted), theirs)).toBeGreaterThan(effect / 10);
  },
);
