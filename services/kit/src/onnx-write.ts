/**
 * Writer of small multi-layer networks as ONNX models, through the published schema (npm `onnx-proto`).
 * Graph: features [1, n] → (x − mean) / std → Gemm + activation … → outputs (slices of the last layer), opset 17.
 */
import { onnx } from "onnx-proto";
import { TrimtabError } from "./errors.ts";
import { allFinite } from "./finite.ts";
import { ONNX_LIMITS } from "./limits.ts";

/** What is applied to the sums of a layer; `clip01` cuts to 0 … 1. */
export type MlpActivation = "none" | "relu" | "sigmoid" | "tanh" | "clip01";

/** One dense layer: y = activation(weights · x + bias). */
export interface MlpLayer {
  /** Row-major [outputs, inputs]; inputs is the size of what comes before. */
  readonly weights: Float32Array;
  /** [outputs] */
  readonly bias: Float32Array;
  readonly activation: MlpActivation;
}

/** A network. */
export interface Mlp {
  readonly inputs: number;
  /** First step: (x − mean) / std, element by element; std > 0. */
  readonly standardize?: { readonly mean: Float32Array; readonly std: Float32Array };
  readonly layers: readonly MlpLayer[];
  /** Named consecutive slices of the last layer; default one output `output`. */
  readonly outputs?: readonly { readonly name: string; readonly size: number }[];
  /** Stored as `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Name of the only input. */
export const ONNX_INPUT = "features";

const IR_VERSION = 8;
const FLOAT = onnx.TensorProto.DataType.FLOAT;
const INT64 = onnx.TensorProto.DataType.INT64;
const INT_ATTRIBUTE = onnx.AttributeProto.AttributeType.INT;
const OPERATORS: Readonly<Record<MlpActivation, string>> = {
  none: "Identity",
  relu: "Relu",
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  clip01: "Clip",
};

/**
 * Encodes `mlp` as an ONNX model.
 * @throws TrimtabError SHAPE_MISMATCH, NON_FINITE, FIELD_OUT_OF_RANGE naming the layer.
 */
export function writeMlp(mlp: Mlp): Uint8Array {
  const outputs = checkMlp(mlp);
  const node: onnx.INodeProto[] = [];
  const initializer: onnx.ITensorProto[] = [];
  let value = ONNX_INPUT;
  const apply = (
    opType: string,
    extra: string[],
    output: string[],
    attribute: onnx.IAttributeProto[] = [],
  ) => {
    node.push({ name: output.join(","), opType, input: [value, ...extra], output, attribute });
    value = output[0] ?? "";
  };
  const constant = (name: string, dims: number[], data: Float32Array): string => {
    initializer.push({ name, dims, dataType: FLOAT, rawData: bytesOf(data) });
    return name;
  };
  if (mlp.standardize) {
    apply("Sub", [constant("mean", [1, mlp.inputs], mlp.standardize.mean)], ["centred"]);
    apply("Div", [constant("std", [1, mlp.inputs], mlp.standardize.std)], ["standardized"]);
  }
  let size = mlp.inputs;
  for (const [i, layer] of mlp.layers.entries()) {
    const weights = constant(`weights_${i}`, [layer.bias.length, size], layer.weights);
    const bias = constant(`bias_${i}`, [layer.bias.length], layer.bias);
    apply("Gemm", [weights, bias], [`sums_${i}`], [{ name: "transB", type: INT_ATTRIBUTE, i: 1 }]);
    const bounds =
      layer.activation === "clip01"
        ? [constant(`low_${i}`, [], Float32Array.of(0)), constant(`high_${i}`, [], Float32Array.of(1))]
        : [];
    apply(OPERATORS[layer.activation], bounds, [`layer_${i}`]);
    size = layer.bias.length;
  }
  const sizes = BigInt64Array.from(outputs, (output) => BigInt(output.size));
  initializer.push({ name: "sizes", dims: [outputs.length], dataType: INT64, rawData: bytesOf(sizes) });
  const names = outputs.map((output) => output.name);
  apply("Split", ["sizes"], names, [{ name: "axis", type: INT_ATTRIBUTE, i: 1 }]);
  const model = onnx.ModelProto.create({
    irVersion: IR_VERSION,
    producerName: "trimtab",
    opsetImport: [{ domain: "", version: ONNX_LIMITS.maxOpset }],
    metadataProps: Object.entries(mlp.metadata ?? {}).map(([key, text]) => ({ key, value: text })),
    graph: {
      name: "mlp",
      node,
      initializer,
      input: [valueInfo(ONNX_INPUT, mlp.inputs)],
      output: outputs.map((output) => valueInfo(output.name, output.size)),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

function checkMlp(mlp: Mlp): readonly { name: string; size: number }[] {
  if (mlp.standardize) {
    checkArray("standardize.mean", mlp.standardize.mean, mlp.inputs);
    checkArray("standardize.std", mlp.standardize.std, mlp.inputs);
    if (mlp.standardize.std.some((std) => std <= 0)) {
      throw new TrimtabError("FIELD_OUT_OF_RANGE", "every std must be above 0", { field: "standardize.std" });
    }
  }
  let size = mlp.inputs;
  for (const [i, layer] of mlp.layers.entries()) {
    checkArray(`layers[${i}].bias`, layer.bias, layer.bias.length);
    checkArray(`layers[${i}].weights`, layer.weights, layer.bias.length * size);
    size = layer.bias.length;
  }
  const outputs = mlp.outputs ?? [{ name: "output", size }];
  const total = outputs.reduce((sum, output) => sum + output.size, 0);
  if (
    mlp.inputs < 1 ||
    mlp.layers.length === 0 ||
    total !== size ||
    outputs.some((output) => output.size < 1)
  ) {
    const message = `the outputs have ${total} values, the last layer ${size}`;
    throw new TrimtabError("SHAPE_MISMATCH", message, { field: "outputs" });
  }
  return outputs;
}

function checkArray(field: string, values: Float32Array, length: number): void {
  if (values.length !== length || length === 0) {
    throw new TrimtabError("SHAPE_MISMATCH", `${field} has ${values.length} values, not ${length}`, {
      field,
    });
  }
  if (!allFinite(values)) throw new TrimtabError("NON_FINITE", `${field} is not finite`, { field });
}

function valueInfo(name: string, size: number): onnx.IValueInfoProto {
  return {
    name,
    type: { tensorType: { elemType: FLOAT, shape: { dim: [{ dimValue: 1 }, { dimValue: size }] } } },
  };
}

function bytesOf(data: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
