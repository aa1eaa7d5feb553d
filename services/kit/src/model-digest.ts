/**
 * The digest of a model: which weights, and how they are stored in memory. Of a GGUF file its SHA-256, of a directory
 * see `model-directory.ts`; quantized at load, SHA-256 of the line `<that digest>  <type>`.
 */
import { basename } from "node:path";
import { type NamedFile, sha256Hex, sha256OfPath } from "./files.ts";
import type { QuantizedType } from "./gguf-quantize.ts";
import { digestOfOnnx, filesOfOnnx, isOnnxModel } from "./onnx-model.ts";
import { digestOfDirectory, filesOfDirectory, isModelDirectory } from "./model-directory.ts";

/**
 * Digest of a model file or directory, lower-case hex; reads every byte of it, about 2 ms a MB.
 * @param quantize the type its matrices are quantized to at load; null keeps them
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID.
 */
export function digestOfModel(path: string, quantize: QuantizedType | null): string {
  const digest = isOnnxModel(path)
    ? digestOfOnnx(path)
    : isModelDirectory(path)
      ? digestOfDirectory(path)
      : sha256OfPath(path, { label: "model file" });
  return quantize === null ? digest : sha256Hex(new TextEncoder().encode(`${digest}  ${quantize}\n`));
}

/** The files a digest is of. @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID where they say so themselves. */
export function filesOfModel(path: string): readonly NamedFile[] {
  if (isOnnxModel(path)) return filesOfOnnx(path);
  return isModelDirectory(path) ? filesOfDirectory(path) : [{ name: basename(path), at: path }];
}
