/** Networks written as ONNX and run by onnxruntime-web, against their definition in double precision. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { createOnnxSession, inspectOnnx, type Mlp, type MlpActivation, writeMlp } from "#kit/onnx.ts";

const SEED = 20_261_123;
const arbitraryValue = fc.double({ min: -3, max: 3, noNaN: true, noDefaultInfinity: true });
const vector = (length: number, value = arbitraryValue) =>
  fc.array(value, { minLength: length, maxLength: length }).map((values) => Float32Array.from(values));
const activation = fc.constantFrom<MlpActivation>("none", "relu", "sigmoid", "tanh", "clip01");

const network = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 2, max: 6 }))
  .chain(([inputs, hidden, outputs]) =>
    fc.record({
      x: vector(inputs),
      mlp: fc.record({
        inputs: fc.constant(inputs),
        standardize: fc.record({
          mean: vector(inputs),
          std: vector(inputs, fc.double({ min: 0.1, max: 4, noNaN: true })),
        }),
        layers: fc.tuple(
          fc.record({ weights: vector(hidden * inputs), bias: vector(hidden), activation }),
          fc.record({ weights: vector(outputs * hidden), bias: vector(outputs), activation }),
        ),
        outputs: fc.constant([
          { name: "gate", size: 1 },
          { name: "layer_weights", size: outputs - 1 },
        ]),
        metadata: fc.constant({ "trimtab.model": "ä" }),
      }),
    }),
  );

const APPLY: Record<MlpActivation, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(0, x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  clip01: (x) => Math.min(1, Math.max(0, x)),
};

/** The network in double precision, straight from its definition. */
function evaluate(mlp: Mlp, x: Float32Array): number[] {
  const { mean, std } = mlp.standardize ?? {
    mean: new Float32Array(x.length),
    std: new Float32Array(x.length).fill(1),
  };
  let values = [...x].map((value, i) => (value - Number(mean[i])) / Number(std[i]));
  for (const layer of mlp.layers) {
    values = [...layer.bias].map((bias, o) =>
      APPLY[layer.activation](
        values.reduce((sum, v, i) => sum + v * Number(layer.weights[o * values.length + i]), bias),
      ),
    );
  }
  return values;
}

test("onnxruntime-web computes what the definition says, within 1e-5", async () => {
  await fc.assert(
    fc.asyncProperty(network, async ({ mlp, x }) => {
      const outputs = { gate: 1, layer_weights: mlp.outputs[1]?.size ?? 0 };
      const session = await createOnnxSession(writeMlp(mlp), { inputs: mlp.inputs, outputs });
      const got = await session.run(x);
      await session.close();
      expect(session.summary.metadata).toEqual(mlp.metadata);
      const expected = evaluate(mlp, x);
      const actual = [...(got.gate ?? []), ...(got.layer_weights ?? [])];
      expect(actual).toHaveLength(expected.length);
      for (const [i, value] of expected.entries()) {
        const error = Math.abs((actual[i] ?? Number.NaN) - value) / Math.max(1, Math.abs(value));
        expect(error).toBeLessThanOrEqual(1e-5);
      }
    }),
    { numRuns: 40, seed: SEED },
  );
});

const small: Mlp = {
  inputs: 2,
  layers: [{ weights: Float32Array.of(1, -1), bias: Float32Array.of(0.5), activation: "relu" }],
};

test("A11 a caller learns that a model does not fit, that features are wrong, and that outputs overflow", async () => {
  expect(() => inspectOnnx(writeMlp(small), { inputs: 3 })).toThrow("features has 2 values, needed are 3");
  expect(() => inspectOnnx(writeMlp(small), { outputs: { gate: 1 } })).toThrow("gate has 0 values");
  const session = await createOnnxSession(
    writeMlp({ ...small, layers: [{ ...layer(), weights: Float32Array.of(3e38, 3e38) }] }),
  );
  await expect(session.run(new Float32Array(3))).rejects.toThrow("takes 2");
  await expect(session.run(Float32Array.of(1, Number.NaN))).rejects.toThrow("not finite");
  await expect(session.run(Float32Array.of(9, 9))).rejects.toThrow("not 1 finite values");
});

test.each([
  ["weights of the wrong size", { ...small, inputs: 3 }, "layers[0].weights"],
  [
    "a weight that is NaN",
    { ...small, layers: [{ ...layer(), bias: Float32Array.of(Number.NaN) }] },
    "layers[0].bias",
  ],
  [
    "a standard deviation of 0",
    { ...small, standardize: { mean: new Float32Array(2), std: new Float32Array(2) } },
    "std",
  ],
  ["outputs that do not cover the last layer", { ...small, outputs: [{ name: "a", size: 2 }] }, "last layer"],
])("%s is not written", (_name, mlp, message) => {
  expect(() => writeMlp(mlp)).toThrow(message);
});

function layer() {
  return { weights: Float32Array.of(1, -1), bias: Float32Array.of(0.5), activation: "relu" as const };
}

test("loading the runtime leaves the Worker of the process alone, and workers made during and after it answer", async () => {
  // In a process of its own: the runtime loads once a process, and other tests of this one have loaded it.
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "onnx-beside-workers.ts")], {
    stdout: "pipe",
    stderr: "inherit",
  });
  expect(await new Response(child.stdout).text()).toBe("the same class; during: pong; after: pong\n");
  expect(await child.exited).toBe(0);
});
