/** What converting a family from the hub's layout takes: a table of names, keys and of where its layers differ. */
import type { GgufValue } from "#kit/gguf-values.ts";
import type { Family } from "../../families/family.ts";
import type { HubConfig } from "./hub-config.ts";

/** Where a tensor of a layer comes from; names are those of the directory, after `model.layers.N.`. */
export type Source =
  /** As it is. */
  | { readonly from: string }
  /** Query or key rows: the hub keeps halves that rotate together, some families want neighbours. */
  | { readonly heads: string }
  /** A norm whose weights lack the 1 that the model adds. */
  | { readonly norm: string }
  /** One matrix an expert. */
  | { readonly experts: (expert: number) => string }
  /** The first or second half of the rows of every expert. */
  | { readonly half: 0 | 1; readonly of: string };

/** One family of the hub. */
export interface Conversion {
  /** `model_type` of config.json. */
  readonly modelType: string;
  readonly family: Family;
  /** Key and accepted values of the activation. */
  readonly activation: readonly [key: string, ...values: string[]];
  /** `tie_word_embeddings` of files that do not say. */
  readonly isTied: boolean;
  /** `head_dim` of files that do not say; null: width over heads. */
  readonly headDim: number | null;
  /** Names of the norms before the head. */
  readonly outputNorm: Source;
  /** By role in the family. */
  readonly layer: Readonly<Record<string, Source>>;
  /** Metadata after `<architecture>.`, besides what all families have. @throws TrimtabError BACKEND_CAPABILITY */
  readonly metadata: (config: HubConfig) => Readonly<Record<string, GgufValue>>;
  /** Vectors that the directory has in its configuration. */
  readonly vectors: (config: HubConfig) => Readonly<Record<string, Float32Array>>;
}
