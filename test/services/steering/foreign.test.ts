/** Files of other programs: .svec, SAELens decoder rows, fc1/fc2 controllers; broken and hostile ones are refused. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeSafetensors } from "#kit/safetensors.ts";
import { DirectionFormat } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { readDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { loadController } from "../../../services/steering/src/controller/artifact.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

const { SVEC, SAELENS, FC_CONTROLLER } = DirectionFormat;
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
});
afterAll(() => stack.close());

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const ramp = (length: number, step = 0.01) =>
  Float32Array.from({ length }, (_, i) => step * (i - length / 2));
const bring = (name: string, format: DirectionFormat, data: Uint8Array, more: object = {}) =>
  stack.client.importArtifact({ name, format, data, modelDigest: stack.modelDigest, ...more });
const vectorsOf = (name: string) => readDirectionSafetensors(stack.store.get(name).bytes);

test("an .svec file comes in by layer, and steers at a relative dose", async () => {
  const { width } = stack.model;
  await bring(
    "cast-vector",
    SVEC,
    json({
      model_type: "llama",
      directions: { 1: [...ramp(width)], 3: [...ramp(width, 1)] },
      explained_variances: { 1: 0.5 },
    }),
  );
  const { raw } = vectorsOf("cast-vector");
  expect([...raw.keys()].sort()).toEqual([1, 3]);
  expect(raw.get(1)).toEqual(ramp(width));
  const { report } = await stack.plan("do bad thing", {
    direction: "cast-vector",
    dose: { dose: { case: "relative", value: 0.25 } },
  });
  expect(report?.relativeDoses.map((dose) => Math.round(100 * dose) / 100)).toEqual([0, 0.25, 0, 0.25]);
});

test("a decoder row becomes the direction of its feature in its block", async () => {
  const { width } = stack.model;
  const data = Float32Array.from({ length: 5 * width }, (_, i) => Math.floor(i / width) + (i % 3));
  const file = writeSafetensors({ W_dec: { shape: [5, width], data }, W_enc: { shape: [width, 5], data } });
  await bring("feature", SAELENS, file, { feature: 3, layer: 2 });
  const { raw, facts } = vectorsOf("feature");
  expect(raw.get(2)).toEqual(data.slice(3 * width, 4 * width));
  expect(facts).toEqual({ sae_feature: "3" });
  expect(await reasonOf(bring("beyond", SAELENS, file, { feature: 5, layer: 2 }))).toBe("FIELD_OUT_OF_RANGE");
  expect(await reasonOf(bring("beyond", SAELENS, file, { feature: 0, layer: 4 }))).toBe(
    "ARTIFACT_INCOMPATIBLE",
  );
});

test("a row or a block to choose, of a file that has none to choose, is refused and not left aside", async () => {
  const file = json({ directions: { 1: [...ramp(stack.model.width)] } });
  for (const more of [{ feature: 3 }, { layer: 2 }])
    expect(await reasonOf(bring("idle", SVEC, file, more))).toBe("INVALID_ARGUMENT");
});

/** A controller of two hidden units over the last two blocks. */
function controllerFile(change: Record<string, { shape: number[]; data: Float32Array }> = {}): Uint8Array {
  const { width, layers } = stack.model;
  const tensors = {
    "fc1.weight": { shape: [2, 2 * width], data: ramp(4 * width) },
    "fc1.bias": { shape: [2], data: Float32Array.of(0.5, -0.5) },
    "fc2.weight": { shape: [1 + layers, 2], data: ramp(2 * (1 + layers), 0.1) },
    "fc2.bias": { shape: [1 + layers], data: ramp(1 + layers, 1) },
    ...change,
  };
  return writeSafetensors(tensors);
}

test("an fc1/fc2 controller gives the gate and weights of its two layers", async () => {
  const { width, layers } = stack.model;
  await bring("released", FC_CONTROLLER, controllerFile());
  const runner = await loadController(stack.store.get("released").bytes);
  expect(runner.featureLayers).toEqual([layers - 2, layers - 1]);
  const x = ramp(2 * width, 0.3);
  const [w1, b1] = [ramp(4 * width), [0.5, -0.5]];
  const [w2, b2] = [ramp(2 * (1 + layers), 0.1), ramp(1 + layers, 1)];
  const hidden = b1.map((bias, h) =>
    Math.max(
      0,
      x.reduce((sum, v, i) => sum + v * (w1[h * 2 * width + i] as number), bias),
    ),
  );
  const expected = Array.from(
    b2,
    (bias, o) => 1 / (1 + Math.exp(-hidden.reduce((sum, v, h) => sum + v * (w2[2 * o + h] as number), bias))),
  );
  const { gate, layerWeights } = await runner.run(x);
  [gate, ...layerWeights].forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 5));
  await runner.close();
});

test("broken and hostile files are refused, and nothing is stored", async () => {
  const { width } = stack.model;
  const wide = Float32Array.from({ length: width }, () => 1);
  const bad: [DirectionFormat, Uint8Array, string][] = [
    [SVEC, new TextEncoder().encode("{"), "ARTIFACT_INVALID"],
    [SVEC, json({ directions: {} }), "ARTIFACT_INVALID"],
    [SVEC, json({ directions: { __proto__: 1, "-1": [...wide] } }), "ARTIFACT_INVALID"],
    [SVEC, json({ directions: { 1: "0".repeat(100) } }), "ARTIFACT_INVALID"],
    [SVEC, json({ directions: { 1: [1, 2, 3] } }), "SHAPE_MISMATCH"],
    [SVEC, json({ directions: { 99: [...wide] } }), "ARTIFACT_INCOMPATIBLE"],
    [SVEC, json({ directions: { 1: Array.from(wide, () => 0) } }), "ARTIFACT_INVALID"],
    [SVEC, json({ directions: { 1: Array.from(wide, () => 1e300) } }), "NON_FINITE"],
    [SAELENS, writeSafetensors({ other: { shape: [width], data: wide } }), "ARTIFACT_INVALID"],
    [SAELENS, writeSafetensors({ W_dec: { shape: [width], data: wide } }), "ARTIFACT_INVALID"],
    [
      FC_CONTROLLER,
      writeSafetensors({ "fc1.weight": { shape: [1, width], data: wide } }),
      "ARTIFACT_INVALID",
    ],
    [
      FC_CONTROLLER,
      controllerFile({ "fc1.weight": { shape: [2, 3], data: new Float32Array(6) } }),
      "SHAPE_MISMATCH",
    ],
    [
      FC_CONTROLLER,
      controllerFile({ "fc2.bias": { shape: [2], data: new Float32Array(2) } }),
      "SHAPE_MISMATCH",
    ],
    [
      FC_CONTROLLER,
      controllerFile({ "fc1.bias": { shape: [2], data: Float32Array.of(Number.NaN, 1) } }),
      "NON_FINITE",
    ],
  ];
  for (const [format, data, expected] of bad)
    expect(await reasonOf(bring("bad", format, data))).toBe(expected);
  expect(await reasonOf(Promise.resolve().then(() => stack.store.get("bad")))).toBe("ARTIFACT_NOT_FOUND");
});
