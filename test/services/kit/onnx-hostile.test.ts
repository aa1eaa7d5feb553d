/** Hostile ONNX models: refused before the runtime sees them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { onnx } from "onnx-proto";
import { inspectOnnx, writeMlp } from "#kit/onnx.ts";
import { refusedFor } from "../../support/refusal.ts";

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
  ...["data.bin", "/etc/passwd", "a/../../b", "link-to-elsewhere", ""].map((value): [string, Change] => [
    `external data at "${value}"`,
    (_, g) => Object.assign(firstTensor(g), { dataLocation: 1, externalData: [{ key: "location", value }] }),
  ]),
  ["external location", (_, g) => Object.assign(firstTensor(g), { dataLocation: 1 })],
  ["a custom domain", (_, g) => Object.assign(firstNode(g), { domain: "com.evil" })],
  ["a loop", (_, g) => Object.assign(firstNode(g), { opType: "Loop" })],
  ["a loop of 2^62 trips", (_, g) => g.node?.unshift(loopOf(2n ** 62n))],
  ["an If", (_, g) => Object.assign(firstNode(g), { opType: "If" })],
  ["a Scan", (_, g) => Object.assign(firstNode(g), { opType: "Scan" })],
  ["a sub-graph", (_, g) => firstNode(g).attribute?.push({ name: "body", type: 5, g: { name: "x" } })],
  ["opset 999", (m) => Object.assign(m.opsetImport?.[0] ?? {}, { version: 999 })],
  ["opset 12", (m) => Object.assign(m.opsetImport?.[0] ?? {}, { version: 12 })],
  ["no opset", (m) => Object.assign(m, { opsetImport: [] })],
  ["no graph", (m) => Object.assign(m, { graph: null })],
  ["functions of its own", (m) => Object.assign(m, { functions: [{ name: "f" }] })],
  ["an input of f64", (_, g) => Object.assign(g.input?.[0]?.type?.tensorType ?? {}, { elemType: 11 })],
  ["an input without a name", (_, g) => Object.assign(g.input?.[0] ?? {}, { name: "" })],
  ["no input", (_, g) => Object.assign(g, { input: [] })],
  ["no output", (_, g) => Object.assign(g, { output: [] })],
  ["an output of i64", (_, g) => Object.assign(g.output?.[0]?.type?.tensorType ?? {}, { elemType: 7 })],
  [
    "a tensor of 2^40 dims, each 1",
    (_, g) => Object.assign(firstTensor(g), { dims: new Array(1_000).fill(1) }),
  ],
  ["a dim of -1", (_, g) => Object.assign(firstTensor(g), { dims: [-1, 2] })],
  [
    "an infinite weight",
    (_, g) => Object.assign(firstTensor(g), { rawData: new Uint8Array(Float32Array.of(1, 1 / 0).buffer) }),
  ],
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

/** A loop with a body that does nothing. */
function loopOf(trips: bigint): onnx.INodeProto {
  const body = { name: "body", input: [], output: [], node: [] };
  const attribute = [
    { name: "body", type: 5, g: body },
    { name: "trips", type: 2, i: Number(trips) },
  ];
  return { opType: "Loop", input: [], output: ["looped"], attribute };
}

test.each<[string, Uint8Array]>([
  ["empty", new Uint8Array(0)],
  ["text", new TextEncoder().encode("<html>not found</html>")],
  ["a GGUF header", new TextEncoder().encode("GGUF\u0003\u0000\u0000\u0000")],
  ["a length of 4 GiB", Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2)],
])("A11 what is no model (%s) is refused", (_name, bytes) => {
  expect(refusedFor(() => inspectOnnx(bytes))).toBe("ARTIFACT_INVALID");
});

test("A11 a million nodes are refused by their number, in a moment and without the runtime", () => {
  const model = onnx.ModelProto.decode(writeMlp(small));
  const node = onnx.NodeProto.encode({ opType: "Relu", input: ["a"], output: ["b"] }).finish();
  const graph = onnx.GraphProto.encode(model.graph ?? {}).finish();
  // A field of the graph a million times: tag 1, length, node.
  const one = Uint8Array.of(0x0a, node.length, ...node);
  const nodes = new Uint8Array(one.length * 1_000_000);
  for (let at = 0; at < nodes.length; at += one.length) nodes.set(one, at);
  const { graph: _, ...rest } = model;
  const head = onnx.ModelProto.encode({ ...rest, graph: null } as onnx.IModelProto).finish();
  const size = graph.length + nodes.length;
  const varint = Uint8Array.of(
    ...[0, 7, 14, 21, 28].map((bits, i) => ((size >>> bits) & 0x7f) | (i < 4 ? 0x80 : 0)),
  );
  const file = Buffer.concat([head, Uint8Array.of(0x3a), varint, graph, nodes]);
  expect(refusedFor(() => inspectOnnx(file))).toBe("ARTIFACT_INVALID");
});

test.each(HOSTILE)("A11 %s is refused before the runtime sees it", (_name, change) => {
  const model = onnx.ModelProto.decode(writeMlp(small));
  change(model, model.graph ?? {});
  expect(refusedFor(() => inspectOnnx(onnx.ModelProto.encode(model).finish()))).toBe("ARTIFACT_INVALID");
});

test("A15 mutated models are described or refused, never anything else", () => {
  const bytes = writeMlp(small);
  const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(bytes.length), (edits, cut) => {
      const file = bytes.slice(0, bytes.length - (cut % 7 === 0 ? cut : 0));
      for (const [at, value] of edits) if (at < file.length) file[at] = value;
      expect(["none", "ARTIFACT_INVALID"]).toContain(refusedFor(() => inspectOnnx(file)));
    }),
    { numRuns: 3_000, seed: SEED },
  );
});
