/**
 * Weights in the arena: where each packed matrix goes, and the loading of a file into those places. Matrices that read
 * the same rows (query, key, value; gate, up) lie behind one another and are multiplied as one when their types agree.
 * Cost: every tensor is read once and repacked once.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { GgufFile, GgufHeader, GgufTensor } from "#kit/gguf.ts";
import type { ActivationForm, PackedMatrix, Pointer, WeightKind } from "#kernels";
import { packedBytes, repack } from "#kernels";
import type { ModelConfig } from "./config.ts";

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

/** Weights of one layer. */
export interface LayerWeights {
  /** f32 [width] */
  readonly attentionNorm: Pointer;
  readonly qkv: Projection;
  readonly output: Projection;
  /** f32 [width] */
  readonly mlpNorm: Pointer;
  readonly gateUp: Projection;
  readonly down: Projection;
}

/** A model whose weights are in the arena. */
export interface LoadedModel {
  readonly config: ModelConfig;
  readonly embedding: PackedMatrix;
  readonly layers: readonly LayerWeights[];
  /** f32 [width] */
  readonly outputNorm: Pointer;
  readonly head: Projection;
}

/** Where a tensor of the file goes. */
interface Placement {
  readonly tensor: GgufTensor;
  readonly target: PackedMatrix | Pointer;
  /** First row inside the target matrix. */
  readonly firstRow: number;
}

/** Addresses of all weights, known before loading. */
export interface WeightPlan {
  readonly model: LoadedModel;
  readonly placements: readonly Placement[];
  /** One past the last byte. */
  readonly end: number;
}

const KINDS: ReadonlyMap<string, WeightKind> = new Map([
  ["F32", "f32"],
  ["F16", "f16"],
  ["Q4_0", "q4_0"],
  ["Q4_1", "q4_1"],
  ["Q8_0", "q8_0"],
]);
const FORMS: Readonly<Record<WeightKind, ActivationForm>> = {
  q4_0: "a8",
  q4_1: "a8",
  q8_0: "a16",
  f16: "f32",
  f32: "f32",
};
const ALIGNMENT = 64;

/**
 * Places every weight from address `start` on.
 * @throws TrimtabError BACKEND_CAPABILITY for tensor types without kernels
 */
export function planWeights(header: GgufHeader, config: ModelConfig, start: number): WeightPlan {
  const placements: Placement[] = [];
  let end = start;
  const reserve = (sizeBytes: number): Pointer => {
    const pointer = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = pointer + sizeBytes;
    return pointer;
  };
  const find = (name: string): GgufTensor => {
    const tensor = header.tensors.get(name);
    if (!tensor)
      throw new TrimtabError("ARTIFACT_INVALID", `the file has no tensor ${name}`, { field: name });
    return tensor;
  };
  const vector = (name: string): Pointer => {
    const tensor = find(name);
    const pointer = reserve((tensor.dims[0] ?? 0) * 4);
    placements.push({ tensor, target: pointer, firstRow: 0 });
    return pointer;
  };
  const matrix = (tensors: readonly GgufTensor[]): PackedMatrix => {
    const kind = kindOf(tensors[0]);
    const cols = tensors[0]?.dims[0] ?? 0;
    const rows = tensors.reduce((sum, { dims }) => sum + (dims[1] ?? 0), 0);
    const sizeBytes = packedBytes(kind, rows, cols);
    const packed: PackedMatrix = { kind, rows, cols, pointer: reserve(sizeBytes), sizeBytes };
    let firstRow = 0;
    for (const tensor of tensors) {
      placements.push({ tensor, target: packed, firstRow });
      firstRow += tensor.dims[1] ?? 0;
    }
    return packed;
  };
  const projection = (...names: string[]): Projection => {
    let column = 0;
    const parts = groupByType(names.map(find)).map((tensors): ProjectionPart => {
      const packed = matrix(tensors);
      const part = { matrix: packed, form: FORMS[packed.kind], column };
      column += packed.rows;
      return part;
    });
    return { parts, forms: [...new Set(parts.map(({ form }) => form))] };
  };

  const { family } = config;
  const embedding = matrix([find(family.embedding)]);
  const layers = Array.from({ length: config.layers }, (_, index): LayerWeights => {
    const name = (role: keyof typeof family.layer) => family.layerPrefix(index) + family.layer[role];
    return {
      attentionNorm: vector(name("attentionNorm")),
      qkv: projection(name("query"), name("key"), name("value")),
      output: projection(name("attentionOutput")),
      mlpNorm: vector(name("mlpNorm")),
      gateUp: projection(name("gate"), name("up")),
      down: projection(name("down")),
    };
  });
  const outputNorm = vector(family.outputNorm);
  const form = FORMS[embedding.kind];
  const head = config.tiedHead
    ? { parts: [{ matrix: embedding, form, column: 0 }], forms: [form] }
    : projection(family.head);
  return { model: { config, embedding, layers, outputNorm, head }, placements, end };
}

/**
 * Reads and repacks every tensor into its place.
 * @throws TrimtabError ARTIFACT_CORRUPT when the file shrank, ARTIFACT_INVALID for norm weights that are not finite
 */
export function loadWeights(file: GgufFile, plan: WeightPlan, memory: WebAssembly.Memory): void {
  for (const { tensor, target, firstRow } of plan.placements) {
    const bytes = new Uint8Array(tensor.sizeBytes);
    file.read(tensor, bytes);
    if (typeof target === "number") {
      const values = new Float32Array(bytes.buffer);
      if (!values.every(Number.isFinite)) {
        const message = `tensor ${tensor.name} holds values that are not finite`;
        throw new TrimtabError("ARTIFACT_INVALID", message, { field: tensor.name });
      }
      new Float32Array(memory.buffer, target, values.length).set(values);
    } else {
      repack(memory, target, bytes, { firstRow, rows: tensor.dims[1] ?? 0 });
    }
  }
}

/** The factors of the rotation frequencies, or null when the file has none. */
export function readRopeFactors(file: GgufFile, config: ModelConfig): Float32Array | null {
  const tensor = file.header.tensors.get(config.family.ropeFactors);
  if (!tensor) return null;
  const values = new Float32Array(config.headDim / 2);
  file.read(tensor, new Uint8Array(values.buffer));
  return values;
}

function kindOf(tensor: GgufTensor | undefined): WeightKind {
  const kind = KINDS.get(tensor?.type.name ?? "");
  if (kind) return kind;
  const message = `tensor ${tensor?.name} is ${tensor?.type.name}; supported: ${[...KINDS.keys()].join(", ")}`;
  throw new TrimtabError("BACKEND_CAPABILITY", message, { field: tensor?.name ?? "tensor" });
}

/** Runs of neighbours of one type whose seams fall between groups of 8 rows. */
function groupByType(tensors: readonly GgufTensor[]): GgufTensor[][] {
  const groups: GgufTensor[][] = [];
  for (const tensor of tensors) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    if (last && before?.type === tensor.type && (before.dims[1] ?? 0) % 8 === 0) last.push(tensor);
    else groups.push([tensor]);
  }
  return groups;
}
