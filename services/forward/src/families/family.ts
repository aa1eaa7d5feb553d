/** What an architecture family is to the engine: a table of names and constants, no code. */

/** Tensor names of one layer, without the `blk.N.` prefix. */
export interface LayerTensors {
  readonly attentionNorm: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly mlpNorm: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
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
  /** Metadata key, after `<architecture>.`, of the epsilon of the norms. */
  readonly normEpsilonKey: string;
  /** True when pairs (2i, 2i+1) rotate together, false for pairs (i, i + headDim/2). */
  readonly ropeInterleaved: boolean;
  /** Factor on the embedding rows. */
  readonly embeddingScale: number;
  /** Metadata keys, after `<architecture>.`, whose presence with another value means arithmetic we do not do. */
  readonly refused: Readonly<Record<string, number | string>>;
  /** f32 [headDim / 2] by which the rotation frequencies are divided, if the file has it. */
  readonly ropeFactors: string;
}
