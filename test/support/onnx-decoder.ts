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
    exportOnnx({ modelPath, graphPath, weights });
    const data = readFileSync(`${graphPath}_data`);
    return await createDecoder(readFileSync(graphPath), [{ path: "model.onnx_data", data }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Logits after every id: f32 [ids.length, vocabulary]. The first `cut` ids are the past of the others. */
export async function logitsInTwoParts(
  decoder: Decoder,
  ids: readonly number[],
  cut: number,
): Promise<Float32Array> {
  const first = await decoder.run(ids.slice(0, cut), decoder.empty);
  const second = await decoder.run(ids.slice(cut), first.past);
  const logits = new Float32Array(ids.length * decoder.vocabulary);
  logits.set(first.logits);
  logits.set(second.logits, first.logits.length);
  return logits;
}
