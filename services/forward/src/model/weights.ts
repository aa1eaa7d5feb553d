/**
 * Weights in the arena: where each packed matrix goes. Matrices that read
 * the same rows (query, key, value; gate, up) lie behind one another and are multiplied as one when their types agree.
 * Cost: every tensor is read once and repacked once.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ActivationForm, PackedMatrix, Pointer, WeightSource } from "#kernels";
import { activationForm, packedBytes, packedKind } from "#kernels";
import type { Rotation } from "../families/family.ts";
import type { ModelConfig } from "./config.ts";
import type { ModelFile, ModelHeader, ModelTensor } from "./model-file.ts";

/** One matrix of a projection: its product goes to floats [column, column + rows) of each output row. */
export interface ProjectionPart {
  readonly matrix: PackedMatrix;
  readonly form: ActivationForm;
  readonly column: number;
}

/** Matrices over the same input. */
export interface Projection {
  readonly parts: readonly ProjectionPart[];
  /** Forms of the input the parts need, each once. */
  readonly forms: readonly ActivationForm[];
}

/** A gated MLP: the only one of a layer, or one expert. */
export interface MlpWeights {
  readonly gateUp: Projection;
  readonly down: Projection;
}

/** Weights of one layer; pointers to vectors are 0 where the family has none. */
export interface LayerWeights {
  /** f32 [width] */
  readonly attentionNorm: Pointer;
  readonly qkv: Projection;
  /** f32 [(heads + 2·kvHeads)·headDim] */
  readonly qkvBias: Pointer;
  /** f32 [headDim] */
  readonly queryNorm: Pointer;
  readonly keyNorm: Pointer;
  readonly output: Projection;
  /** f32 [width] */
  readonly attentionPostNorm: Pointer;
  readonly mlpNorm: Pointer;
  /** Logits of the experts; null with a single MLP. */
  readonly router: Projection | null;
  /** One an expert; one without a router. */
  readonly mlps: readonly MlpWeights[];
  /** f32 [width] */
  readonly mlpPostNorm: Pointer;
}

/** A model whose weights are in the arena. */
export interface LoadedModel {
  readonly config: ModelConfig;
  readonly embedding: PackedMatrix;
  readonly layers: readonly LayerWeights[];
  /** f32 [width], times the factor on logits. */
  readonly outputNorm: Pointer;
  readonly head: Projection;
}

/** Where a tensor of the file, or one expert's slice of it, goes. */
export interface Placement {
  readonly tensor: ModelTensor;
  readonly target: PackedMatrix | Pointer;
  /** First row inside the target matrix. */
  readonly firstRow: number;
  /** Index along the third dimension. */
  readonly expert: number;
  /** Factor on the values of a vector. */
  readonly factor: number;
}

/** Addresses of all weights, known before loading. */
export interface WeightPlan {
  readonly model: LoadedModel;
  readonly placements: readonly Placement[];
  /** One past the last byte. */
  readonly end: number;
}

/** Block formats by the names of GGUF types. */
const SOURCES: ReadonlyMap<string, WeightSource> = new Map([
  ["F32", "f32"],
  ["F16", "f16"],
  ["BF16", "bf16"],
  ["Q4_0", "q4_0"],
  ["Q4_1", "q4_1"],
  ["Q5_0", "q5_0"],
  ["Q5_1", "q5_1"],
  ["Q8_0", "q8_0"],
  ["Q2_K", "q2_k"],
  ["Q3_K", "q3_k"],
  ["Q4_K", "q4_k"],
  ["Q5_K", "q5_k"],
  ["Q6_K", "q6_k"],
  ["IQ4_NL", "iq4_nl"],
  ["IQ4_XS", "iq4_xs"],
]);
const ALIGNMENT = 64;

/**
 * Places every weight from address `start` on.
 * @throws TrimtabError BACKEND_CAPABILITY for tensor types without kernels
 */
export function planWeights(header: ModelHeader, config: ModelConfig, start: number): WeightPlan {
  const placements: Placement[] = [];
  let end = start;
  const reserve = (sizeBytes: number): Pointer => {
    const pointer = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = pointer + sizeBytes;
    return pointer;
  };
  const find = (name: string): ModelTensor => {
    const tensor = header.tensors.get(name);
    if (!tensor)
      throw new TrimtabError("ARTIFACT_INVALID", `the file has no tensor ${name}`, { field: name });
    return tensor;
  };
  const vector = (names: readonly string[], factor = 1): Pointer => {
    const tensors = names.map(find);
    if (tensors.length === 0) return 0;
    const pointer = reserve(tensors.reduce((sum, { dims }) => sum + (dims[0] ?? 0) * 4, 0));
    let target = pointer;
    for (const tensor of tensors) {
      placements.push({ tensor, target, firstRow: 0, expert: 0, factor });
      target += (tensor.dims[0] ?? 0) * 4;
    }
    return pointer;
  };
  const matrix = (tensors: readonly ModelTensor[], expert = 0): PackedMatrix => {
    const kind = packedKind(sourceOf(tensors[0]));
    const cols = tensors[0]?.dims[0] ?? 0;
    const rows = tensors.reduce((sum, { dims }) => sum + (dims[1] ?? 0), 0);
    const sizeBytes = packedBytes(kind, rows, cols);
    const packed: PackedMatrix = { kind, rows, cols, pointer: reserve(sizeBytes), sizeBytes };
    let firstRow = 0;
    for (const tensor of tensors) {
      placements.push({ tensor, target: packed, firstRow, expert, factor: 1 });
      firstRow += tensor.dims[1] ?? 0;
    }
    return packed;
  };
  const projection = (names: readonly string[], expert = 0): Projection => {
    let column = 0;
    const parts = groupByType(names.map(find)).map((tensors): ProjectionPart => {
      const packed = matrix(tensors, expert);
      const part = { matrix: packed, form: activationForm(packed.kind), column };
      column += packed.rows;
      return part;
    });
    return { parts, forms: [...new Set(parts.map(({ form }) => form))] };
  };

  const { family } = config;
  const embedding = matrix([find(family.embedding)]);
  const layers = Array.from({ length: config.layers }, (_, index): LayerWeights => {
    const prefix = family.layerPrefix(index);
    const { layer: names } = family;
    const norm = (name: string | null) => vector(name === null ? [] : [prefix + name]);
    const parts = (roles: readonly string[]) => roles.map((role) => prefix + role);
    return {
      attentionNorm: norm(names.attentionNorm),
      qkv: projection(parts(names.qkv)),
      qkvBias: vector(parts(names.qkvBias)),
      queryNorm: norm(names.queryNorm),
      keyNorm: norm(names.keyNorm),
      output: projection(parts([names.attentionOutput])),
      attentionPostNorm: norm(names.attentionPostNorm),
      mlpNorm: norm(names.mlpNorm),
      router: names.router === null ? null : projection(parts([names.router])),
      mlps: Array.from({ length: Math.max(1, config.experts) }, (_, expert) => ({
        gateUp: projection(parts(names.gateUp), expert),
        down: projection(parts([names.down]), expert),
      })),
      mlpPostNorm: norm(names.mlpPostNorm),
    };
  });
  const outputNorm = vector([family.outputNorm], config.scales.logits);
  const form = activationForm(embedding.kind);
  const head = config.tiedHead
    ? { parts: [{ matrix: embedding, form, column: 0 }], forms: [form] }
    : projection([family.head]);
  return { model: { config, embedding, layers, outputNorm, head }, placements, end };
}

/** The factors of a rotation's frequencies over a context, or null when the file has none. */
export function readRopeFactors(
  file: ModelFile,
  { factors }: Rotation,
  contextTokens: number,
): Float32Array<ArrayBuffer> | null {
  const name = factors.findLast(({ overTokens }) => contextTokens > overTokens)?.tensor ?? "";
  const tensor = file.header.tensors.get(name);
  if (!tensor) return null;
  const values = new Float32Array(tensor.dims[0] ?? 0);
  file.read(tensor, new Uint8Array(values.buffer));
  return values;
}

/** The block format of a tensor. @throws TrimtabError BACKEND_CAPABILITY for types without kernels */
export function sourceOf(tensor: ModelTensor | undefined): WeightSource {
  const source = SOURCES.get(tensor?.type.name ?? "");
  if (source) return source;
  const message = `tensor ${tensor?.name} is ${tensor?.type.name}; supported: ${[...SOURCES.keys()].join(", ")}`;
  throw new TrimtabError("BACKEND_CAPABILITY", message, { field: tensor?.name ?? "tensor" });
}

/** Runs of neighbours of one type whose seams fall between groups of 8 rows. */
function groupByType(tensors: readonly ModelTensor[]): ModelTensor[][] {
  const groups: ModelTensor[][] = [];
  for (const tensor of tensors) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    if (last && before?.type === tensor.type && (before.dims[1] ?? 0) % 8 === 0) last.push(tensor);
    else groups.push([tensor]);
  }
  return groups;
}
