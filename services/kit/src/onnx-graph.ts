/**
 * Builder of ONNX graphs through the published schema (npm `onnx-proto`): nodes in order, small constants inside the
 * model, weights in a data file beside it. Opset 21 and ONNX Runtime's own domain `com.microsoft`.
 */
import { onnx } from "onnx-proto";

/** Element types of graph values. */
export type OnnxType = "f32" | "u8" | "i64" | "bool";

/** Sizes of a value's dimensions; a text names one that varies. */
export type OnnxShape = readonly (number | string)[];

/** A weight in the data file. */
export interface ExternalTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  /** Bytes [offset, offset + sizeBytes) of the data file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** An attribute: a whole number or a list of them; `{ f32 }` for a fraction. */
export type OnnxAttribute = number | readonly number[] | { readonly f32: number };

/** What a node has besides operator and inputs. */
export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Names of the outputs; one of the builder's by default. */
  readonly outputs?: readonly string[];
  readonly domain?: "com.microsoft";
}

/** A graph under construction. Values are known by name; an input named "" is left out. */
export interface GraphBuilder {
  /** Adds a node; answers its first output. */
  node(operator: string, inputs: readonly string[], options?: NodeOptions): string;
  /** i64 constant of shape [n], or a scalar for a number. */
  integers(values: number | readonly number[]): string;
  /** f32 constant of shape [n], or a scalar for a number. */
  floats(values: number | Float32Array): string;
  /** Declares a weight of the data file. */
  external(tensor: ExternalTensor): void;
  input(name: string, type: OnnxType, shape: OnnxShape): string;
  output(name: string, type: OnnxType, shape: OnnxShape): void;
  /** The encoded model; `dataFile` is the name of the data file beside it. */
  encode(name: string, dataFile: string, metadata: Readonly<Record<string, string>>): Uint8Array;
}

const IR_VERSION = 10;
const OPSET = 21;
const { DataType, DataLocation } = onnx.TensorProto;
const TYPES: Readonly<Record<OnnxType, number>> = {
  f32: DataType.FLOAT,
  u8: DataType.UINT8,
  i64: DataType.INT64,
  bool: DataType.BOOL,
};
const Attribute = onnx.AttributeProto.AttributeType;

/** Starts a graph. */
export function createGraphBuilder(): GraphBuilder {
  const nodes: onnx.INodeProto[] = [];
  const inputs: onnx.IValueInfoProto[] = [];
  const outputs: onnx.IValueInfoProto[] = [];
  const constants = new Map<string, onnx.ITensorProto>();
  const externals: ExternalTensor[] = [];
  const constant = (values: Float32Array | BigInt64Array, isScalar: boolean): string => {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const dataType = values instanceof Float32Array ? DataType.FLOAT : DataType.INT64;
    const dims = isScalar ? [] : [values.length];
    const key = `${dataType} ${dims} ${Buffer.from(rawData).toString("hex")}`;
    const name = constants.get(key)?.name ?? `constant_${constants.size}`;
    constants.set(key, { name, dims, dataType, rawData });
    return name;
  };
  return {
    node(opType, input, { attributes = {}, outputs: names, domain } = {}) {
      const output = names ? [...names] : [`${opType}_${nodes.length}`];
      const attribute = Object.entries(attributes).map(attributeOf);
      const name = `${opType}_${nodes.length}`;
      nodes.push({ name, opType, input: [...input], output, attribute, ...(domain ? { domain } : {}) });
      return output[0] ?? "";
    },
    integers: (values) =>
      typeof values === "number"
        ? constant(BigInt64Array.of(BigInt(values)), true)
        : constant(BigInt64Array.from(values, BigInt), false),
    floats: (values) =>
      typeof values === "number" ? constant(Float32Array.of(values), true) : constant(values, false),
    external: (tensor) => void externals.push(tensor),
    input(name, type, shape) {
      inputs.push(valueOf(name, type, shape));
      return name;
    },
    output: (name, type, shape) => void outputs.push(valueOf(name, type, shape)),
    encode(name, dataFile, metadata) {
      const initializer = [...constants.values(), ...externals.map((tensor) => externalOf(tensor, dataFile))];
      const model = onnx.ModelProto.create({
        irVersion: IR_VERSION,
        producerName: "trimtab",
        opsetImport: [
          { domain: "", version: OPSET },
          { domain: "com.microsoft", version: 1 },
        ],
        metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
        graph: { name, node: nodes, initializer, input: inputs, output: outputs },
      });
      return onnx.ModelProto.encode(model).finish();
    },
  };
}

function attributeOf([name, value]: [string, OnnxAttribute]): onnx.IAttributeProto {
  if (typeof value === "number") return { name, type: Attribute.INT, i: value };
  if ("f32" in value) return { name, type: Attribute.FLOAT, f: value.f32 };
  return { name, type: Attribute.INTS, ints: [...value] };
}

function valueOf(name: string, type: OnnxType, shape: OnnxShape): onnx.IValueInfoProto {
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: TYPES[type], shape: { dim } } } };
}

function externalOf({ name, type, dims, offset, sizeBytes }: ExternalTensor, dataFile: string) {
  const externalData = Object.entries({ location: dataFile, offset, length: sizeBytes }).map(
    ([key, value]) => ({ key, value: String(value) }),
  );
  const dataLocation = DataLocation.EXTERNAL;
  return { name, dims: [...dims], dataType: TYPES[type], dataLocation, externalData };
}
