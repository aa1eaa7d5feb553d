/** A model file as what ONNX runtimes load: a graph and its weights, and in a folder what transformers.js reads beside it. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exportOnnx, type OnnxExportOptions } from "../../../services/forward/index.ts";
import { readTokenizerFiles } from "../../../services/tokenizer/index.ts";
import { writeFileAtomic } from "#kit/files.ts";

/** Names transformers.js gives graphs, by its `dtype`: fp32 and q4. */
const GRAPH_NAMES = { f32: "model.onnx", quantized: "model_q4.onnx" } as const;

/**
 * Exports a model to `target`: a graph file if it ends with `.onnx`, else a folder.
 * @returns the paths written
 * @throws TrimtabError of the readers; ARTIFACT_INVALID if `target` cannot be written
 */
export async function exportModel(
  modelPath: string,
  target: string,
  options: Pick<OnnxExportOptions, "weights" | "hiddenStates">,
): Promise<string[]> {
  const isFolder = !target.endsWith(".onnx");
  const graphPath = isFolder ? join(target, "onnx", GRAPH_NAMES[options.weights]) : target;
  const tokenizer = isFolder ? readTokenizerFiles(modelPath) : {};
  await mkdir(dirname(graphPath), { recursive: true });
  const hub = exportOnnx({ ...options, modelPath, graphPath });
  const written = [graphPath, `${graphPath}_data`];
  if (!isFolder) return written;
  for (const [name, content] of Object.entries({ ...hub, ...tokenizer })) {
    const path = join(target, name);
    writeFileAtomic(path, Buffer.from(`${JSON.stringify(content, null, 1)}\n`));
    written.push(path);
  }
  return written;
}
