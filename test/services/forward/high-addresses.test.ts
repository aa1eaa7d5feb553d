/** Everything behind 2.5 GiB of KV memory lies above 2^31: the same bits come out of an arena that large. */
import { expect, test } from "bun:test";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { generate, LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";
import { operation } from "../../support/program-reference.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

async function observe(kvBytes: number | null, threads: number): Promise<unknown> {
  const modelPath = await writeSyntheticModel({ seed: 6 });
  const engine = await createEngine({ modelPath, kvBytes, threads, contextTokens: 512 });
  const vectors = new Float32Array(64);
  vectors[9] = 1;
  const program = { operations: [operation({ vectors })], conflict: "sum" as const };
  await engine.call({ type: "program", digest: "high", program });
  const { sequence, activations } = await open(engine, prompt(300), { taps: [LAST_RESIDUALS] });
  const binding = { digest: "high", coefficients: [1] };
  const { tokens, proof } = await generate(engine, sequence, { maxTokens: 4, binding, replayLast: true });
  await engine.close();
  return { tokens, proof, residuals: activations.map(({ values }) => [...values]) };
}

test("an arena above 2 GiB gives the bits of a small one", async () => {
  const small = await observe(null, 1);
  expect(await observe(2.5 * 2 ** 30, 2)).toEqual(small);
}, 120_000);
