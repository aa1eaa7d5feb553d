/** Hostile ONNX models: refused before the runtime sees them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { onnx } from "onnx-proto";
import { TrimtabError } from "#kit/errors.ts";
import { inspectOnnx, writeMlp } from "#kit/onnx.ts";

const SEED = 20_261_123;
const small = {
  inputs: 2,
  layers: [{ weights: Float32Array.of(1, -1), bias: Float32Array.of(0.5), activation: "relu" as const }],
};

type Change = (model: onnx.IModelProto, graph: onnx.IGraphProto) => void;
const firstTensor = (graph: onnx.IGraphProto) => graph.initializer?.[0] as onnx.ITensorProto;
const firstNode = (graph: onnx.IGraphProto) => graph.node?.[0] as onnx.INodeProto;
const dimsOf = (graph: onnx.IGraphProto) => graph.input?.[0]?.type?.tensorType?.shape?.dim ?? [];
const HOSTILE: [string, Change][] = [
  [
    "external data",
    (_, g) => Object.assign(firstTensor(g), { externalData: [{ key: "location", value: "../x" }] }),
  ],
  ["external location", (_, g) => Object.assign(firstTensor(g), { dataLocation: 1 })],
  ["a custom domain", (_, g) => Object.assign(firstNode(g), { domain: "com.evil" })],
  ["a loop", (_, g) => Object.assign(firstNode(g), { opType: "Loop" })],
  ["a sub-graph", (_, g) => firstNode(g).attribute?.push({ name: "body", type: 5, g: { name: "x" } })],
  ["opset 999", (m) => Object.assign(m.opsetImport?.[0] ?? {}, { version: 999 })],
  ["a second domain", (m) => m.opsetImport?.push({ domain: "x", version: 1 })],
  ["a tensor that claims 2^40 elements", (_, g) => Object.assign(firstTensor(g), { dims: [2 ** 40] })],
  ["a tensor of strings", (_, g) => Object.assign(firstTensor(g), { dataType: 8 })],
  ["a tensor with NaN", (_, g) => Object.assign(firstTensor(g), { rawData: new Uint8Array(8).fill(255) })],
  ["two tensors of one name", (_, g) => g.initializer?.push(firstTensor(g))],
  ["a dynamic input", (_, g) => Object.assign(dimsOf(g)[1] ?? {}, { dimParam: "n" })],
  ["a batch of 2", (_, g) => Object.assign(dimsOf(g)[0] ?? {}, { dimValue: 2 })],
  ["a second input", (_, g) => g.input?.push({ ...g.input[0], name: "more" })],
  ["an output nothing makes", (_, g) => Object.assign(g.output?.[0] ?? {}, { name: "none" })],
  ["a cycle", (_, g) => Object.assign(firstNode(g), { input: ["output", "weights_0", "bias_0"] })],
  ["too many nodes", (_, g) => Object.assign(g, { node: Array.from({ length: 300 }, () => firstNode(g)) })],
];

test.each(HOSTILE)("A11 %s is refused before the runtime sees it", (_name, change) => {
  const model = onnx.ModelProto.decode(writeMlp(small));
  change(model, model.graph ?? {});
  expect(reasonOf(onnx.ModelProto.encode(model).finish())).toBe("ARTIFACT_INVALID");
});

test("A15 mutated models are described or refused, never anything else", () => {
  const bytes = writeMlp(small);
  const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(bytes.length), (edits, cut) => {
      const file = bytes.slice(0, bytes.length - (cut % 7 === 0 ? cut : 0));
      for (const [at, value] of edits) if (at < file.length) file[at] = value;
      expect([undefined, "ARTIFACT_INVALID"]).toContain(reasonOf(file));
    }),
    { numRuns: 3_000, seed: SEED },
  );
});

function reasonOf(file: Uint8Array): string | undefined {
  try {
    inspectOnnx(file);
    return undefined;
  } catch (error) {
    if (error instanceof TrimtabError) return error.reason;
    throw error;
  }
}
