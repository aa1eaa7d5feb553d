/** The blocks of a layer as ONNX nodes: what engine/blocks does, over flat rows [tokens, width] in f32. */
import type { GraphBuilder } from "#kit/onnx-graph.ts";
import type { ModelConfig } from "../model/config.ts";
import { multiply } from "./matrix-nodes.ts";
import type { Positions } from "./positions.ts";
import type { StoredMatrix } from "./stored-matrix.ts";

/** Stored weights of a layer; names of vectors, undefined where the family has none. */
export interface StoredLayer {
  readonly attentionNorm: string;
  /** Query, key and value, or one matrix with the rows of all. */
  readonly qkv: readonly StoredMatrix[];
  readonly qkvBias: readonly string[];
  readonly queryNorm: string | undefined;
  readonly keyNorm: string | undefined;
  readonly attentionOutput: StoredMatrix;
  readonly attentionPostNorm: string | undefined;
  readonly mlpNorm: string;
  /** Gate and up, or one matrix with the rows of both. */
  readonly gateUp: readonly StoredMatrix[];
  readonly down: StoredMatrix;
  readonly mlpPostNorm: string | undefined;
}

/** A graph under construction and what its layers share. */
export interface DecoderGraph {
  readonly graph: GraphBuilder;
  readonly config: ModelConfig;
  readonly positions: Positions;
  /** By rotation of the model. */
  readonly angles: readonly { readonly cos: string; readonly sin: string }[];
}

/** x · weight / rms(x) over the last axis. */
export function rmsNorm({ graph, config }: DecoderGraph, x: string, weight: string): string {
  const square = graph.node("Pow", [x, graph.floats(2)]);
  const mean = graph.node("ReduceMean", [square, graph.integers([-1])], { attributes: { keepdims: 1 } });
  const root = graph.node("Sqrt", [graph.node("Add", [mean, graph.floats(config.normEpsilon)])]);
  return graph.node("Mul", [graph.node("Div", [x, root]), weight]);
}

/** x + norm(O · attention(QKV · norm(x))); declares the layer's past and present keys and values. */
export function attentionNodes(decoder: DecoderGraph, l: number, layer: StoredLayer, x: string): string {
  const { graph, config, positions } = decoder;
  const { heads, kvHeads, headDim, headsWidth } = config;
  const normed = rmsNorm(decoder, x, layer.attentionNorm);
  const kvWidth = kvHeads * headDim;
  const [q = "", k = "", v = ""] = project(graph, normed, layer.qkv, layer.qkvBias, [
    headsWidth,
    kvWidth,
    kvWidth,
  ]);
  const query = headRows(decoder, l, q, heads, layer.queryNorm);
  const keys = extend(decoder, l, "key", headRows(decoder, l, k, kvHeads, layer.keyNorm));
  const values = extend(decoder, l, "value", split(decoder, v, kvHeads));
  // Heads that share a key head lie side by side: [texts, kvHeads, heads / kvHeads, new, headDim].
  const grouped = graph.node("Reshape", [
    graph.node("Mul", [query, graph.floats(config.scales.scores)]),
    graph.integers([0, kvHeads, heads / kvHeads, -1, headDim]),
  ]);
  const shared = (value: string): string => graph.node("Unsqueeze", [value, graph.integers([2])]);
  const columns = graph.node("Transpose", [keys], { attributes: { perm: [0, 1, 3, 2] } });
  const products = graph.node("MatMul", [grouped, shared(columns)]);
  const bias = positions.bias(config.layerSettings[l]?.window ?? 0);
  const weights = graph.node("Softmax", [graph.node("Add", [products, bias])], { attributes: { axis: -1 } });
  const mixed = graph.node("MatMul", [weights, shared(values)]);
  const byHead = graph.node("Reshape", [mixed, graph.integers([0, heads, -1, headDim])]);
  const byToken = graph.node("Transpose", [byHead], { attributes: { perm: [0, 2, 1, 3] } });
  const attended = graph.node("Reshape", [byToken, graph.integers([-1, headsWidth])]);
  const output = multiply(graph, attended, layer.attentionOutput);
  return addBranch(decoder, x, output, layer.attentionPostNorm);
}

/** x + norm(down · (act(gate) · up)) with gate and up of norm(x). */
export function mlpNodes(decoder: DecoderGraph, layer: StoredLayer, x: string): string {
  const { graph, config } = decoder;
  const { feedForward } = config;
  const normed = rmsNorm(decoder, x, layer.mlpNorm);
  const [gate = "", up = ""] = project(graph, normed, layer.gateUp, [], [feedForward, feedForward]);
  const act = config.family.activation === "silu" ? silu(graph, gate) : geluTanh(graph, gate);
  const down = multiply(graph, graph.node("Mul", [act, up]), layer.down);
  return addBranch(decoder, x, down, layer.mlpPostNorm);
}

/** The products with matrices of `sizes` rows, also when the file has them as one matrix. */
function project(
  graph: GraphBuilder,
  x: string,
  matrices: readonly StoredMatrix[],
  biases: readonly string[],
  sizes: readonly number[],
): string[] {
  if (matrices.length > 1) return matrices.map((matrix, i) => multiply(graph, x, matrix, biases[i]));
  const [only] = matrices as [StoredMatrix];
  const product = multiply(graph, x, only, biases[0]);
  const outputs = sizes.map((_, i) => `${product}_${i}`);
  graph.node("Split", [product, graph.integers(sizes)], { attributes: { axis: 1 }, outputs });
  return outputs;
}

/** [tokens, heads · headDim] → [texts, heads, new, headDim] */
function split({ graph, config, positions }: DecoderGraph, x: string, heads: number): string {
  return graph.node("Transpose", [rowsByHead(graph, positions, x, heads, config.headDim)], {
    attributes: { perm: [0, 2, 1, 3] },
  });
}

function rowsByHead(graph: GraphBuilder, positions: Positions, x: string, heads: number, dim: number) {
  const shape = graph.node("Concat", [positions.shape, graph.integers([heads, dim])], {
    attributes: { axis: 0 },
  });
  return graph.node("Reshape", [x, shape]);
}

/** Queries or keys by head, normed and rotated where the layer does that. */
function headRows(
  decoder: DecoderGraph,
  l: number,
  x: string,
  heads: number,
  norm: string | undefined,
): string {
  const { graph, config } = decoder;
  const plain = split(decoder, x, heads);
  const normed = norm === undefined ? plain : rmsNorm(decoder, plain, norm);
  const rotation = config.layerSettings[l]?.rotation ?? null;
  const angles = rotation === null ? undefined : decoder.angles[rotation];
  if (!angles) return normed;
  const half = config.rotary / 2;
  const rest = config.headDim - config.rotary;
  const parts = ["first", "second", ...(rest > 0 ? ["rest"] : [])].map((part) => `${normed}_${part}`);
  const sizes = graph.integers([half, half, ...(rest > 0 ? [rest] : [])]);
  graph.node("Split", [normed, sizes], { attributes: { axis: -1 }, outputs: parts });
  const [first = "", second = "", ...others] = parts;
  const times = (value: string, by: string): string => graph.node("Mul", [value, by]);
  const rotated = [
    graph.node("Sub", [times(first, angles.cos), times(second, angles.sin)]),
    graph.node("Add", [times(second, angles.cos), times(first, angles.sin)]),
  ];
  return graph.node("Concat", [...rotated, ...others], { attributes: { axis: -1 } });
}

/** Past and new keys or values [texts, kvHeads, all, headDim]. */
function extend({ graph, config }: DecoderGraph, l: number, kind: "key" | "value", rows: string): string {
  const { kvHeads, headDim } = config;
  const shape = (tokens: string) => ["batch_size", kvHeads, tokens, headDim];
  const past = graph.input(`past_key_values.${l}.${kind}`, "f32", shape("past_sequence_length"));
  const present = `present.${l}.${kind}`;
  graph.output(present, "f32", shape("total_sequence_length"));
  return graph.node("Concat", [past, rows], { attributes: { axis: 2 }, outputs: [present] });
}

function addBranch(decoder: DecoderGraph, x: string, branch: string, norm: string | undefined): string {
  const { graph, config } = decoder;
  const normed = norm === undefined ? branch : rmsNorm(decoder, branch, norm);
  const { residual } = config.scales;
  const scaled = residual === 1 ? normed : graph.node("Mul", [normed, graph.floats(residual)]);
  return graph.node("Add", [x, scaled]);
}

function silu(graph: GraphBuilder, x: string): string {
  return graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
}

/** x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) */
function geluTanh(graph: GraphBuilder, x: string): string {
  const cube = graph.node("Pow", [x, graph.floats(3)]);
  const sum = graph.node("Add", [x, graph.node("Mul", [cube, graph.floats(0.044715)])]);
  const tanh = graph.node("Tanh", [graph.node("Mul", [sum, graph.floats(Math.sqrt(2 / Math.PI))])]);
  const factor = graph.node("Add", [tanh, graph.floats(1)]);
  return graph.node("Mul", [graph.node("Mul", [x, graph.floats(0.5)]), factor]);
}
