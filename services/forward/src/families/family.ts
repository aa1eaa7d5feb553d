/** What an architecture family is to the engine: a table of names and constants, and of where its layers differ. */
import type { GateActivation, KvKind } from "#kernels";
import type { Metadata } from "../model/metadata.ts";

/** Tensor names of one layer, without the `blk.N.` prefix; null or nothing for a part the family does not have. */
export interface LayerTensors {
  readonly attentionNorm: string;
  /** Query, key and value; or one tensor that holds their rows in this order. */
  readonly qkv: readonly string[];
  /** Biases of `qkv`, in the same order. */
  readonly qkvBias: readonly string[];
  /** RMS norms [headDim] of every query head and every key head, before they rotate. */
  readonly queryNorm: string | null;
  readonly keyNorm: string | null;
  readonly attentionOutput: string;
  /** RMS norm of the attention output before it is added to the residual stream. */
  readonly attentionPostNorm: string | null;
  readonly mlpNorm: string;
  /** Router [width, experts]; with it `gateUp` and `down` hold one matrix an expert. */
  readonly router: string | null;
  /** Gate and up; or one tensor that holds their rows in this order. */
  readonly gateUp: readonly string[];
  readonly down: string;
  /** RMS norm of the MLP output before it is added. */
  readonly mlpPostNorm: string | null;
}

/** One way to rotate queries and keys. */
export interface Rotation {
  readonly base: number;
  /** Divides every frequency. */
  readonly stretch: number;
  /** Factor on cosine and sine. */
  readonly magnitude: number;
  /**
   * Tensors f32 [rotary / 2] that divide the frequencies, if the file has them: the last one whose `overTokens` the
   * engine's context exceeds.
   */
  readonly factors: readonly { readonly tensor: string; readonly overTokens: number }[];
}

/** What one layer does its own way. */
export interface LayerSettings {
  /** Index into the model's rotations; null = queries and keys do not rotate. */
  readonly rotation: number | null;
  /** Tokens a row sees, itself included; 0 = all before it. */
  readonly window: number;
}

/** Constant factors. */
export interface Scales {
  /** On the embedding rows. */
  readonly embedding: number;
  /** On what attention and MLP add to the residual stream. */
  readonly residual: number;
  /** On attention scores. */
  readonly scores: number;
  /** On logits. */
  readonly logits: number;
}

/** One architecture as GGUF files name it. */
export interface Family {
  /** Value of `general.architecture`. */
  readonly architecture: string;
  readonly embedding: string;
  readonly outputNorm: string;
  /** Output projection; when the file lacks it the embedding is used (tied head). */
  readonly head: string;
  readonly layer: LayerTensors;
  /** Prefix of the tensors of layer N. */
  readonly layerPrefix: (layer: number) => string;
  /** Metadata keys, after `<architecture>.`, of the epsilon of the norms and of the width of an MLP or expert. */
  readonly normEpsilonKey: string;
  readonly feedForwardKey: string;
  /** True when pairs (2i, 2i+1) rotate together, false for pairs (i, i + rotary/2). */
  readonly ropeInterleaved: boolean;
  readonly activation: GateActivation;
  /**
   * Storage of keys and values unless the caller chooses: the coarsest that keeps the model's distribution.
   * "by_key_bias" = int16 in the layers whose key biases are too large for int8 blocks.
   */
  readonly kvKind: KvKind | "by_key_bias";
  /** Metadata keys, after `<architecture>.`, whose presence with another value means arithmetic we do not do. */
  readonly refused: Readonly<Record<string, number | string | boolean>>;
  readonly rotations: (metadata: Metadata) => readonly Rotation[];
  /** Settings of layer N, counted from 0. */
  readonly layerSettings: (metadata: Metadata, layer: number) => LayerSettings;
  /** Factors other than 1 (embedding, residual, logits) and 1/sqrt(headDim) (scores). */
  readonly scales: (metadata: Metadata) => Partial<Scales>;
}
