/** The inside of llama.cpp (llama_watch.py): residuals after every block, logits, attention's peaks. Test-only. */
import { startPython } from "./python.ts";
import { llamaLibraries } from "./setup.ts";

/** What llama.cpp computed for some ids. */
export interface Inside {
  /** f32 [layers, n, width]: residuals after every block. */
  readonly residuals: Float32Array;
  /** f32 [n, vocabulary] */
  readonly logits: Float32Array;
  /** By layer: the mean of the largest attention probability of a row and head. */
  readonly peaks: readonly number[];
}

/**
 * Runs ids (at most 512) through a model with f32 keys and values and without flash attention.
 * @throws Error when llama.cpp refuses the file
 */
export async function lookInside(modelPath: string, ids: readonly number[], heads: number): Promise<Inside> {
  const program = await startPython<{ vocabulary: number; layers: number; width: number }>("llama_watch.py", [
    llamaLibraries(),
    modelPath,
    JSON.stringify({ threads: 1, context: 512 }),
  ]);
  try {
    const { layers, width } = program.ready;
    const { data } = await program.callForFloats("look", { ids });
    const peaks = await program.call<number[]>("peaks", { heads });
    const split = layers * ids.length * width;
    return { residuals: data.subarray(0, split), logits: data.subarray(split), peaks };
  } finally {
    await program.close();
  }
}
