/**
 * Checks an untrusted ONNX model before a runtime sees it: self-contained, known operators of the default domain
 * only, no sub-graphs, one f32 input and f32 outputs of fixed shape [1, n], constants that are what they claim.
 * Rules: reliability notes on external data, custom domains and loops. Cost: one protobuf decode.
 */
import { onnx } from "onnx-proto";
import { TrimtabError } from "./errors.ts";
import { ONNX_LIMITS } from "./limits.ts";
import { printable } from "./printable.ts";

/** A named vector of a model. */
export interface OnnxValue {
  readonly name: string;
  readonly size: number;
}

/** What an accepted model says about itself. */
export interface OnnxSummary {
  readonly input: OnnxValue;
  readonly outputs: readonly OnnxValue[];
  /** `metadata_props` */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the caller needs; sizes that differ are ARTIFACT_INCOMPATIBLE. */
export interface OnnxExpectation {
  readonly inputs?: number;
  /** Sizes by output name; all must be there. */
  readonly outputs?: Readonly<Record<string, number>>;
}

const OPERATORS = new Set([
  "Add",
  "Clip",
  "Concat",
  "Div",
  "Gemm",
  "Identity",
  "MatMul",
  "Mul",
  "Relu",
  "Sigmoid",
  "Softmax",
  "Split",
  "Sub",
  "Tanh",
]);
const { FLOAT, INT64 } = onnx.TensorProto.DataType;
const ELEMENT_BYTES: Readonly<Record<number, number>> = { [FLOAT]: 4, [INT64]: 8 };
const Attribute = onnx.AttributeProto.AttributeType;
/** Of what is wrong with a graph. */
const SHOWN_CHARS = 200;
const PLAIN_ATTRIBUTES = new Set<number>([Attribute.FLOAT, Attribute.INT, Attribute.FLOATS, Attribute.INTS]);

/**
 * Checks `bytes` and describes the model.
 * @throws TrimtabError TOO_LARGE, ARTIFACT_INVALID (what is wrong, where), ARTIFACT_INCOMPATIBLE (not as expected).
 */
export function inspectOnnx(bytes: Uint8Array, expected: OnnxExpectation = {}): OnnxSummary {
  if (bytes.length > ONNX_LIMITS.fileBytes) {
    const message = `ONNX: ${bytes.length} bytes, the limit is ${ONNX_LIMITS.fileBytes}`;
    throw new TrimtabError("TOO_LARGE", message, { limit: ONNX_LIMITS.fileBytes });
  }
  const model = decode(bytes);
  checkModel(model);
  const graph = model.graph ?? refuse("graph", "is missing");
  const constants = checkConstants(graph);
  const inputs = (graph.input ?? []).filter((input) => !constants.has(input.name ?? ""));
  if (inputs.length !== 1) refuse("graph.input", `has ${inputs.length} entries, must have 1`);
  const input = vectorOf("graph.input", inputs[0] as onnx.IValueInfoProto);
  const outputs = (graph.output ?? []).map((output) => vectorOf("graph.output", output));
  if (outputs.length === 0) refuse("graph.output", "is empty");
  checkNodes(graph, new Set([...constants, input.name]), outputs);
  const summary = { input, outputs, metadata: metadataOf(model) };
  checkExpectation(summary, expected);
  return summary;
}

function decode(bytes: Uint8Array): onnx.ModelProto {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "ONNX: not a protobuf model", { field: "model", cause });
  }
}

function checkModel(model: onnx.ModelProto): void {
  if (model.functions.length > 0 || model.trainingInfo.length > 0) refuse("functions", "are not allowed");
  if (model.opsetImport.length !== 1) refuse("opset_import", "must name the default domain only");
  const opset = model.opsetImport[0];
  const version = numberOf(opset?.version);
  if (opset?.domain) refuse("opset_import", "names a custom domain");
  if (!(version >= ONNX_LIMITS.minOpset && version <= ONNX_LIMITS.maxOpset)) {
    refuse("opset_import", `is ${version}, must be ${ONNX_LIMITS.minOpset} to ${ONNX_LIMITS.maxOpset}`);
  }
}

function checkConstants(graph: onnx.IGraphProto): Set<string> {
  const tensors = graph.initializer ?? [];
  if ((graph.sparseInitializer ?? []).length > 0) refuse("sparse_initializer", "is not allowed");
  if (tensors.length > ONNX_LIMITS.tensors)
    refuse("initializer", `has more than ${ONNX_LIMITS.tensors} tensors`);
  const names = new Set<string>();
  for (const [i, tensor] of tensors.entries()) {
    const field = `initializer[${i}]`;
    if (!tensor.name || names.has(tensor.name)) refuse(field, "has no name of its own");
    names.add(tensor.name);
    checkTensor(field, tensor);
  }
  return names;
}

function checkTensor(field: string, tensor: onnx.ITensorProto): void {
  const isExternal = tensor.dataLocation === onnx.TensorProto.DataLocation.EXTERNAL;
  if (isExternal || (tensor.externalData ?? []).length > 0) refuse(field, "refers to external data");
  const dims = (tensor.dims ?? []).map(numberOf);
  if (dims.length > ONNX_LIMITS.dims || dims.some((dim) => !Number.isSafeInteger(dim) || dim < 1)) {
    refuse(field, "has no valid dims");
  }
  const elementBytes = ELEMENT_BYTES[tensor.dataType ?? 0] ?? refuse(field, "is neither f32 nor i64");
  const count = dims.reduce((product, dim) => product * dim, 1);
  const raw = tensor.rawData ?? new Uint8Array(0);
  const listed = tensor.dataType === FLOAT ? (tensor.floatData ?? []) : (tensor.int64Data ?? []);
  const given = raw.length > 0 ? raw.length / elementBytes : listed.length;
  if (given !== count) refuse(field, `claims ${count} elements and holds ${given}`);
  if (tensor.dataType !== FLOAT) return;
  const values = raw.length > 0 ? new Float32Array(Uint8Array.from(raw).buffer) : listed.map(numberOf);
  if (!values.every((value) => Number.isFinite(value))) refuse(field, "holds values that are not finite");
}

function checkNodes(graph: onnx.IGraphProto, known: Set<string>, outputs: readonly OnnxValue[]): void {
  const nodes = graph.node ?? [];
  if (nodes.length > ONNX_LIMITS.nodes)
    refuse("node", `has ${nodes.length} entries, the limit is ${ONNX_LIMITS.nodes}`);
  for (const [i, node] of nodes.entries()) {
    const field = `node[${i}]`;
    if (node.domain || !OPERATORS.has(node.opType ?? "")) refuse(field, `uses the operator ${node.opType}`);
    for (const attribute of node.attribute ?? []) {
      if (!PLAIN_ATTRIBUTES.has(attribute.type ?? 0)) refuse(field, `has the attribute ${attribute.name}`);
    }
    for (const name of node.input ?? []) {
      if (name !== "" && !known.has(name)) refuse(field, `reads ${name}, which nothing before it makes`);
    }
    for (const name of node.output ?? []) {
      if (name === "" || known.has(name)) refuse(field, "makes a value that exists");
      known.add(name);
    }
  }
  const unmade = outputs.find((output) => !known.has(output.name));
  if (unmade) refuse("graph.output", `names ${unmade.name}, which nothing makes`);
}

/** A value of type f32 and shape [1, n] or [n]. */
function vectorOf(field: string, value: onnx.IValueInfoProto): OnnxValue {
  const type = value.type?.tensorType;
  if (!value.name || type?.elemType !== FLOAT) return refuse(field, "must be named and f32");
  const dims = (type.shape?.dim ?? []).map((dim) => (dim.dimParam ? Number.NaN : numberOf(dim.dimValue)));
  const size = dims.at(-1) ?? Number.NaN;
  const isVector = dims.length === 1 || (dims.length === 2 && dims[0] === 1);
  if (!isVector || !Number.isSafeInteger(size) || size < 1)
    return refuse(field, `${value.name} must have shape [1, n]`);
  return { name: value.name, size };
}

function metadataOf(model: onnx.ModelProto): Record<string, string> {
  const entries = model.metadataProps.map(({ key, value }): [string, string] => [key ?? "", value ?? ""]);
  const size = entries.flat().reduce((sum, text) => sum + text.length, 0);
  if (entries.length > ONNX_LIMITS.metadataEntries || size > ONNX_LIMITS.metadataBytes) {
    return refuse("metadata_props", "are too many or too long");
  }
  if (new Set(entries.map(([key]) => key)).size !== entries.length)
    return refuse("metadata_props", "repeat a key");
  return Object.fromEntries(entries);
}

function checkExpectation(summary: OnnxSummary, expected: OnnxExpectation): void {
  if (expected.inputs !== undefined && summary.input.size !== expected.inputs) {
    incompatible(summary.input.name, summary.input.size, expected.inputs);
  }
  for (const [name, size] of Object.entries(expected.outputs ?? {})) {
    const output = summary.outputs.find((candidate) => candidate.name === name);
    if (output?.size !== size) incompatible(name, output?.size ?? 0, size);
  }
}

function incompatible(name: string, size: number, wanted: number): never {
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", `ONNX: ${name} has ${size} values, needed are ${wanted}`, {
    field: name,
    limit: wanted,
  });
}

/** int64 values arrive as numbers or as Long objects. */
function numberOf(value: unknown): number {
  return value === null || value === undefined ? Number.NaN : Number(String(value));
}

function refuse(field: string, problem: string): never {
  const text = printable(problem, SHOWN_CHARS);
  throw new TrimtabError("ARTIFACT_INVALID", `ONNX: ${field} ${text}`, { field });
}
