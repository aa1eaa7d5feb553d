// One row of logits with ties and a steep head, and a sampler over it.

import type { Operators, SampleRequest } from "#kernels";
import { createCompute, PLAIN_SAMPLE } from "#kernels";
import { type Bench, createBench, createRandom, kernelModule } from "./support.ts";

const SEED = 31;
/** No multiple of 4. */
export const VOCABULARY = 1_003;

/** A sampler, its row, and the request that changes start from. */
export interface Setting {
  readonly bench: Bench;
  readonly operators: Operators;
  readonly logits: Float32Array;
  readonly request: SampleRequest;
  sample(change: Partial<SampleRequest>): ReturnType<Operators["sample"]>;
}

/** Creates the row; `sample` restores it first. */
export async function createSetting(
  vocabulary = VOCABULARY,
  simd: "plain" | "relaxed" = "relaxed",
): Promise<Setting> {
  const random = createRandom(SEED);
  const bench = createBench(8 * 2 ** 20);
  const { pointer, view } = bench.floats(vocabulary);
  const logits = Float32Array.from(view, () => Math.round((random() + random() + random()) * 40) / 8);
  const { operators } = await createCompute({ module: kernelModule, memory: bench.memory, threads: 1, simd });
  const request = { ...PLAIN_SAMPLE, logits: pointer, vocabulary, temperature: 1, seed: 1n };
  const sample = (change: Partial<SampleRequest>) => {
    view.set(logits);
    return operators.sample({ ...request, ...change });
  };
  return { bench, operators, logits, request, sample };
}
