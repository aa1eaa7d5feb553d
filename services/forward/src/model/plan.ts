/**
 * The memory plan: every region of the arena, computed from the file's header before a byte of it is loaded.
 *
 * Order: weights | KV pages | activations (f32 and quantized) | attention partials | programs | logits rows |
 * sampler | tables. Addresses below `ARENA_START` belong to the kernels (static data, control lines).
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ActivationForm, KvKind } from "#kernels";
import {
  activationBytes,
  ARENA_START,
  MAX_OPERATOR_ROWS,
  PAGE_TOKENS,
  partialBytes,
  queryBytes,
  ropeTableBytes,
  SEGMENT_TOKENS,
  unitBytes,
} from "#kernels";
import {
  MAX_ARENA_BYTES,
  MAX_CONTEXT_TOKENS,
  MAX_LOGIT_BIASES,
  MAX_PROJECTION_RANK,
  PROGRAM_BYTES,
} from "../../limits.ts";
import type { ModelConfig } from "./config.ts";
import type { KvLayout } from "./kv-layout.ts";
import { layOutPages } from "./kv-layout.ts";
import type { ModelHeader } from "./model-file.ts";
import type { WeightPlan } from "./weights.ts";
import { planWeights } from "./weights.ts";

/** What the caller may choose about memory. */
export interface PlanOptions {
  /** Storage of keys and values of a layer. */
  readonly kvKindOf: (layer: number) => KvKind;
  /** Bytes for KV pages; null = room for 16 sequences of 1,024 tokens. */
  readonly kvBytes: number | null;
  /** Longest sequence; null = as the model says. */
  readonly contextTokens: number | null;
  /** Rows of one step at most. */
  readonly rowBudget: number;
  /** Rows of logits computed at once. */
  readonly logitRows: number;
}

/** A byte range of the arena. */
export interface Region {
  readonly pointer: number;
  readonly sizeBytes: number;
}

/** Names of the regions besides the weights. */
export type RegionName =
  | "kv"
  | "x"
  | "branch"
  | "normed"
  | "qkv"
  | "query"
  | "attended"
  | "gateUp"
  | "neurons"
  | "routed"
  | "gathered"
  | "expertOutput"
  | "expertRows"
  | "expertFactors"
  | "projected"
  | ActivationForm
  | "partials"
  | "programs"
  | "logits"
  | "history"
  | "bias"
  | "mask"
  | "rope"
  | "ids"
  | "positions"
  | "rowTables"
  | "pageTables"
  | "instances"
  | "units"
  | "unitRows";

/** A plan that fits. */
export interface MemoryPlan {
  readonly regions: Readonly<Record<RegionName, Region>>;
  readonly weights: WeightPlan;
  readonly kv: KvLayout;
  readonly pages: number;
  readonly contextTokens: number;
  readonly rowBudget: number;
  readonly logitRows: number;
  readonly totalBytes: number;
}

/** Sequences and tokens of each that the default KV memory holds. */
const DEFAULT_SEQUENCES = 16;
const DEFAULT_TOKENS = 1_024;
const ALIGNMENT = 64;

/**
 * Plans the arena of a model.
 * @throws TrimtabError OUT_OF_MEMORY when file, KV and workspace exceed 3.75 GiB, BACKEND_CAPABILITY for tensor types
 *   without kernels, FIELD_OUT_OF_RANGE for KV memory below one page, and for row budget or context out of range
 */
export function planMemory(header: ModelHeader, config: ModelConfig, options: PlanOptions): MemoryPlan {
  const { rowBudget, logitRows, kvKindOf } = options;
  checkWhole("row_budget", rowBudget, MAX_OPERATOR_ROWS);
  if (options.contextTokens !== null) checkWhole("context_tokens", options.contextTokens, MAX_CONTEXT_TOKENS);
  const contextTokens = Math.min(config.contextTokens, options.contextTokens ?? config.contextTokens);
  const kv = layOutPages(config, kvKindOf);
  const { pageBytes } = kv;
  const pages =
    options.kvBytes === null
      ? DEFAULT_SEQUENCES * Math.ceil(Math.min(DEFAULT_TOKENS, contextTokens) / PAGE_TOKENS)
      : Math.floor(options.kvBytes / pageBytes);
  if (pages < 1) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `one KV page needs ${pageBytes} bytes`, {
      field: "kv_bytes",
      limit: pageBytes,
    });
  }
  const weights = planWeights(header, config, ARENA_START);
  const sizes = regionSizes(config, {
    contextTokens,
    rowBudget,
    logitRows,
    kvBytes: pages * pageBytes,
  });
  let end = weights.end;
  const regions: Partial<Record<RegionName, Region>> = {};
  for (const [name, sizeBytes] of Object.entries(sizes)) {
    const pointer = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    regions[name as RegionName] = { pointer, sizeBytes };
    end = pointer + sizeBytes;
  }
  if (end > MAX_ARENA_BYTES) {
    const message = `the model needs ${end} bytes of memory (weights ${weights.end}, KV ${pages * pageBytes})`;
    throw new TrimtabError("OUT_OF_MEMORY", message, { field: "model", limit: `${MAX_ARENA_BYTES} bytes` });
  }
  return {
    regions: regions as Record<RegionName, Region>,
    weights,
    kv,
    pages,
    contextTokens,
    rowBudget,
    logitRows,
    totalBytes: end,
  };
}

function checkWhole(field: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  const message = `${field} is ${value}, a whole number from 1 to ${most} is needed`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field, limit: most });
}

function regionSizes(
  config: ModelConfig,
  sizes: { contextTokens: number; rowBudget: number; logitRows: number; kvBytes: number },
): Record<RegionName, number> {
  const { width, heads, kvHeads, headDim, headsWidth, feedForward, vocabulary, experts } = config;
  const { contextTokens, rowBudget: rows, logitRows } = sizes;
  const segments = Math.ceil(contextTokens / SEGMENT_TOKENS);
  const widest = Math.max(width, headsWidth, feedForward);
  const floats = (count: number) => count * rows * 4;
  const ifExperts = (count: number) => (experts > 0 ? floats(count) : 0);
  return {
    kv: sizes.kvBytes,
    x: floats(width),
    branch: floats(width),
    normed: floats(width),
    qkv: floats(headsWidth + 2 * kvHeads * headDim),
    query: queryBytes(rows, heads, { headDim }),
    attended: floats(headsWidth),
    gateUp: floats(2 * feedForward),
    neurons: floats(feedForward),
    routed: floats(experts),
    gathered: ifExperts(width),
    expertOutput: ifExperts(width),
    expertRows: ifExperts(1),
    expertFactors: ifExperts(1),
    projected: floats(MAX_PROJECTION_RANK),
    a8: activationBytes("a8", rows, widest),
    a16: activationBytes("a16", rows, widest),
    f32: activationBytes("f32", rows, widest),
    partials: partialBytes(rows, segments, heads, headDim),
    programs: PROGRAM_BYTES,
    logits: logitRows * vocabulary * 4,
    history: contextTokens * 4,
    bias: MAX_LOGIT_BIASES * 8,
    rope: config.rotations.length * ropeTableBytes(contextTokens, config.rotary),
    mask: Math.ceil(vocabulary / 32) * 4,
    ids: floats(1),
    positions: floats(1),
    rowTables: floats(1),
    pageTables: floats(Math.ceil(contextTokens / PAGE_TOKENS)),
    instances: floats(1),
    units: rows * segments * unitBytes,
    unitRows: floats(segments),
  };
}
