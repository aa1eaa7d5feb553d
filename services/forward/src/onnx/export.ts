/**
 * A model file as an ONNX decoder with past keys and values: the graph, and its weights in a data file beside it. Names
 * and shapes are those of exports of the Optimum library, which transformers.js and other runtimes feed. Queries and keys
 * rotate as halves; files whose rows are permuted for neighbouring pairs are put back in order.
 * Cost: one pass over the weights, about 10 ns a weight.
 */
import { basename } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import { createFileWriter } from "#kit/file-writer.ts";
import { writeFileAtomic } from "#kit/files.ts";
import { ggufNumber } from "#kit/gguf-values.ts";
import { createGraphBuilder, type GraphBuilder } from "#kit/onnx-graph.ts";
import type { Rotation } from "../families/family.ts";
import { type ModelConfig, readConfig } from "../model/config.ts";
import { unsupported } from "../model/metadata.ts";
import { type ModelFile, type ModelTensor, openModel } from "../model/model-file.ts";
import { readRopeFactors } from "../model/weights.ts";
import { type HubFiles, hubFiles } from "./hub-files.ts";
import { attentionNodes, type DecoderGraph, mlpNodes, rmsNorm, type StoredLayer } from "./layer-nodes.ts";
import { lookUp, multiply } from "./matrix-nodes.ts";
import { createPositions, TEXT_INPUTS } from "./positions.ts";
import { createWeightStore, type WeightStore } from "./stored-matrix.ts";

/** What to write. */
export interface OnnxExportOptions {
  readonly modelPath: string;
  /** The graph; its weights go to a file of this name with `_data` behind it. */
  readonly graphPath: string;
  /** `quantized`: matrices keep their codes wherever MatMulNBits can say exactly the same; `f32`: none do. */
  readonly weights: "f32" | "quantized";
  /** Outputs `hidden_states.N`, f32 [batch, new, width]: the residual stream after block N. */
  readonly hiddenStates: boolean;
}

/**
 * Writes graph and weights; older files are replaced once the new ones are whole.
 * @returns what a model folder has besides the graph
 * @throws TrimtabError of the loader (ARTIFACT_NOT_FOUND, ARTIFACT_INVALID, BACKEND_CAPABILITY); BACKEND_CAPABILITY for
 *   mixtures of experts
 */
export function exportOnnx(options: OnnxExportOptions): HubFiles {
  const { modelPath, graphPath, weights, hiddenStates } = options;
  const file = openModel(modelPath);
  try {
    const config = readConfig(file.header);
    if (config.experts > 0) throw unsupported("layer.router", "a mixture of experts in ONNX");
    const dataPath = `${graphPath}_data`;
    const data = createFileWriter(dataPath);
    try {
      const graph = createGraphBuilder();
      const store = createWeightStore({ file, graph, data, keepCodes: weights === "quantized" });
      buildDecoder(graph, { file, config, store }, hiddenStates);
      data.commit();
      const about = { "trimtab.model": config.name, "trimtab.weights": weights };
      writeFileAtomic(graphPath, graph.encode("decoder", basename(dataPath), about));
    } finally {
      data.discard();
    }
    const key = "tokenizer.ggml.bos_token_id";
    const range = { min: 0, max: config.vocabulary - 1, integer: true };
    return hubFiles(config, ggufNumber(file.header.metadata, key, range));
  } finally {
    file.close();
  }
}

interface Source {
  readonly file: ModelFile;
  readonly config: ModelConfig;
  readonly store: WeightStore;
}

function buildDecoder(graph: GraphBuilder, source: Source, hiddenStates: boolean): void {
  const { config, store } = source;
  const { family, vocabulary, scales } = config;
  const positions = createPositions(graph);
  const angles = config.rotations.map((rotation) =>
    positions.angles(frequenciesOf(source, rotation), rotation.magnitude),
  );
  const decoder: DecoderGraph = { graph, config, positions, angles };
  const embedding = store.matrix(tensorOf(source, family.embedding));
  const ids = graph.node("Reshape", [TEXT_INPUTS.ids, graph.integers([-1])]);
  let x = scaled(graph, lookUp(graph, ids, embedding), scales.embedding);
  for (let l = 0; l < config.layers; l++) {
    const layer = storeLayer(source, l);
    x = mlpNodes(decoder, layer, attentionNodes(decoder, l, layer, x));
    if (hiddenStates) giveOut(decoder, x, config.width, `hidden_states.${l}`);
  }
  const normed = rmsNorm(decoder, x, store.vector(tensorOf(source, family.outputNorm)));
  const head = config.tiedHead ? embedding : store.matrix(tensorOf(source, family.head));
  const logits = scaled(graph, multiply(graph, normed, head), scales.logits);
  giveOut(decoder, logits, vocabulary, "logits");
}

/** Rows [tokens, size] as the output `name`, f32 [batch, new, size]. */
function giveOut({ graph, positions }: DecoderGraph, rows: string, size: number, name: string): void {
  const shape = graph.node("Concat", [positions.shape, graph.integers([size])], { attributes: { axis: 0 } });
  graph.node("Reshape", [rows, shape], { outputs: [name] });
  graph.output(name, "f32", ["batch_size", "sequence_length", size]);
}

function storeLayer(source: Source, l: number): StoredLayer {
  const { store, config } = source;
  const { layer: names, layerPrefix, ropeInterleaved } = config.family;
  const find = (name: string): ModelTensor => tensorOf(source, layerPrefix(l) + name);
  const optional = (name: string | null, order?: readonly number[]): string | undefined =>
    name === null ? undefined : store.vector(find(name), order);
  const halves = ropeInterleaved ? halvesOrder(config) : undefined;
  // Query and key rows are put in the order of halves; rows of values stay.
  const orderOf = (index: number) => (index < 2 ? halves : undefined);
  return {
    attentionNorm: store.vector(find(names.attentionNorm)),
    qkv: names.qkv.map((name, i) => store.matrix(find(name), orderOf(i))),
    qkvBias: names.qkvBias.map((name, i) => store.vector(find(name), orderOf(i))),
    queryNorm: optional(names.queryNorm, halves),
    keyNorm: optional(names.keyNorm, halves),
    attentionOutput: store.matrix(find(names.attentionOutput)),
    attentionPostNorm: optional(names.attentionPostNorm),
    mlpNorm: store.vector(find(names.mlpNorm)),
    gateUp: names.gateUp.map((name) => store.matrix(find(name))),
    down: store.matrix(find(names.down)),
    mlpPostNorm: optional(names.mlpPostNorm),
  };
}

/** For the dims of a head in order of halves: where they are among neighbouring pairs. */
function halvesOrder({ headDim, rotary }: ModelConfig): number[] {
  const half = rotary / 2;
  return Array.from({ length: headDim }, (_, dim) => {
    if (dim >= rotary) return dim;
    return dim < half ? 2 * dim : 2 * (dim - half) + 1;
  });
}

/** Angle a position adds, by pair of dims. */
function frequenciesOf({ file, config }: Source, rotation: Rotation): Float32Array {
  const factors = readRopeFactors(file, rotation, config.contextTokens);
  return Float32Array.from({ length: config.rotary / 2 }, (_, i) => {
    return rotation.base ** ((-2 * i) / config.rotary) / rotation.stretch / (factors?.[i] ?? 1);
  });
}

function tensorOf({ file }: Source, name: string): ModelTensor {
  const tensor = file.header.tensors.get(name);
  if (tensor) return tensor;
  throw new TrimtabError("ARTIFACT_INVALID", `the file has no tensor ${name}`, { field: name });
}

function scaled(graph: GraphBuilder, x: string, factor: number): string {
  return factor === 1 ? x : graph.node("Mul", [x, graph.floats(factor)]);
}
