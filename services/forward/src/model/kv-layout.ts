/**
 * How keys and values are stored, layer by layer, and where each layer lies in a page.
 *
 * A page holds the int16 layers first, then the int8 layers. The kernels count a layer's place in records of its own
 * kind, so the int8 part begins at the next multiple of an int8 layer: less than one of them is left unused a page.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { KvKind, KvShape } from "#kernels";
import { kvPageBytes } from "#kernels";
import type { ModelConfig } from "./config.ts";
import type { ModelFile } from "./model-file.ts";

/** Where the keys and values of one layer are in every page. */
export interface LayerKv {
  readonly shape: KvShape;
  /** Place in the page, in layers of its kind. */
  readonly slot: number;
}

/** The layout of a page. */
export interface KvLayout {
  /** By layer. */
  readonly layers: readonly LayerKv[];
  readonly pageBytes: number;
}

/** Largest key bias that int8 blocks keep: beyond it the other keys of its block have too few steps left. */
const MAX_INT8_BIAS = 16;

/** A storage for all layers, or one for each. */
export type KvChoice = KvKind | readonly KvKind[];

/**
 * The storage of each layer: as given, or as the family says; "by_key_bias" reads the biases of the file and takes int16
 * where one of them is large.
 * @throws TrimtabError SHAPE_MISMATCH for another number of layers than the model has
 */
export function chooseKvKinds(
  file: ModelFile,
  config: ModelConfig,
  given: KvChoice | null,
): (layer: number) => KvKind {
  const choice = given ?? config.family.kvKind;
  if (choice === "by_key_bias") {
    return (layer) => (largestKeyBias(file, config, layer) > MAX_INT8_BIAS ? "int16" : "int8");
  }
  if (typeof choice === "string") return () => choice;
  if (choice.length === config.layers) return (layer) => choice[layer] ?? "int16";
  const message = `${choice.length} storages for ${config.layers} layers`;
  throw new TrimtabError("SHAPE_MISMATCH", message, { field: "kv_kind", limit: config.layers });
}

/** Lays the layers of a page out. */
export function layOutPages(config: ModelConfig, kindOf: (layer: number) => KvKind): KvLayout {
  const { kvHeads, headDim } = config;
  const kinds = Array.from({ length: config.layers }, (_, layer) => kindOf(layer));
  const bytes = (kind: KvKind, layers: number) =>
    layers === 0 ? 0 : kvPageBytes({ layers, kvHeads, headDim, kind });
  const wide = kinds.filter((kind) => kind === "int16").length;
  const narrow = kinds.length - wide;
  const narrowFrom = Math.ceil(bytes("int16", wide) / bytes("int8", 1));
  const next = { int16: 0, int8: narrowFrom };
  const layers = kinds.map((kind): LayerKv => {
    const shape = { layers: kind === "int16" ? wide : narrowFrom + narrow, kvHeads, headDim, kind };
    return { shape, slot: next[kind]++ };
  });
  return { layers, pageBytes: narrow === 0 ? bytes("int16", wide) : bytes("int8", narrowFrom + narrow) };
}

function largestKeyBias(file: ModelFile, { family }: ModelConfig, layer: number): number {
  const [, name] = family.layer.qkvBias;
  const tensor = file.header.tensors.get(family.layerPrefix(layer) + (name ?? ""));
  if (!tensor) return 0;
  const bias = new Float32Array(tensor.dims[0] ?? 0);
  file.read(tensor, new Uint8Array(bias.buffer));
  return bias.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
