/** The f32 forward pass of the llama family in numpy (reference.py), on the dequantised weights of a GGUF file. */
import { defaultModelPath } from "#kit/paths.ts";
import { type Floats, startPython } from "./python.ts";

/** A vector added to the residual after a block, at every position. */
export interface Addition {
  /** Block, counted from 0. */
  readonly layer: number;
  /** `width` values. */
  readonly vector: ArrayLike<number>;
}

/** A loaded model. */
export interface Reference {
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  /** Logits after each position from `first` (0) on: [ids.length - first, vocabulary]. */
  logits(ids: readonly number[], options?: { add?: readonly Addition[]; first?: number }): Promise<Floats>;
  /** Residuals after the blocks `layers` (-1: the embedding): [layers.length, ids.length, width]. */
  residuals(
    ids: readonly number[],
    layers: readonly number[],
    options?: { add?: readonly Addition[] },
  ): Promise<Floats>;
  close(): Promise<void>;
}

/** Loads a model of F32, F16, Q4_0, Q4_1 or Q8_0 tensors; takes 4 bytes of memory a weight. */
export async function createReference(modelPath: string = defaultModelPath()): Promise<Reference> {
  const program = await startPython<{ layers: number; width: number; vocabulary: number }>("reference.py", [
    modelPath,
  ]);
  const pairs = (add: readonly Addition[] | undefined) =>
    add?.map(({ layer, vector }) => [layer, Array.from(vector)]) ?? null;
  return {
    ...program.ready,
    logits: (ids, { add, first = 0 } = {}) =>
      program.callForFloats("logits", { ids, first, add: pairs(add) }),
    residuals: (ids, layers, { add } = {}) =>
      program.callForFloats("residuals", { ids, layers, add: pairs(add) }),
    close: () => program.close(),
  };
}
