/** An exported model in onnxruntime-web, run like the engine: logits of every position, in two parts with a past between. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportOnnx } from "../../services/forward/index.ts";
import { createDecoder, type Decoder } from "../../services/forward/src/backends/onnx/decoder.ts";

/** Exports a model file and loads the graph; its files are gone afterwards. */
export async function loadExported(modelPath: string, weights: "f32" | "quantized"): Promise<Decoder> {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-onnx-"));
  try {
    const graphPath = join(folder, "model.onnx");
    exportOnnx({ modelPath, graphPath, weights, hiddenStates: true });
    const data = readFileSync(`${graphPath}_data`);
    return await createDecoder(readFileSync(graphPath), [{ path: "model.onnx_data", data }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Logits after every id, f32 [ids.length, vocabulary], and residuals f32 [blocks, ids.length, width]. */
export async function runInTwoParts(decoder: Decoder, ids: readonly number[], cut: number) {
  const blocks = Array.from({ length: decoder.layers }, (_, block) => block);
  const first = await decoder.run(ids.slice(0, cut), decoder.empty, blocks);
  const second = await decoder.run(ids.slice(cut), first.past, blocks);
  const join = (parts: readonly Float32Array[]): Float32Array => {
    const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };
  const residuals = blocks.flatMap((block) =>
    [first, second].map(({ hidden }) => hidden.get(block) ?? new Float32Array()),
  );
  return { logits: join([first.logits, second.logits]), residuals: join(residuals) };
}
