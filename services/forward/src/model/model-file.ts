/**
 * A model as the engine reads it, whatever it lies in: metadata and tensors named as in GGUF files. A GGUF file is read
 * as it is; a directory of the hub is converted on the way (`conversion/`); either can be quantized on the way.
 */
import { openGguf } from "#kit/gguf.ts";
import type { GgufMetadata } from "#kit/gguf-values.ts";
import type { GgmlType } from "#kit/ggml-types.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { isModelDirectory } from "#kit/model-directory.ts";
import { convertDirectory } from "./conversion/convert.ts";
import { quantizeModel } from "./quantized.ts";

/** One tensor. */
export interface ModelTensor {
  readonly name: string;
  /** Its name where it lies, for errors; absent if the same. */
  readonly origin?: string;
  /** The first is the fastest (columns), then rows, then experts. */
  readonly dims: readonly number[];
  readonly type: GgmlType;
  readonly sizeBytes: number;
}

/** What is known before a tensor is read. */
export interface ModelHeader {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, ModelTensor>;
}

/** An open model. */
export interface ModelFile {
  readonly header: ModelHeader;
  /** Reads one tensor (or `into.length` bytes of it from `from`) into `into`, which may be a view of WASM memory. */
  read(tensor: ModelTensor, into: Uint8Array, from?: number): void;
  close(): void;
}

/**
 * Opens a model file or directory.
 * @param quantize type its F32, F16 and BF16 matrices are quantized to while they are read; null keeps them
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID, TOO_LARGE; BACKEND_CAPABILITY for directories of
 *   architectures or with arithmetic this build does not run
 */
export function openModel(path: string, quantize: QuantizedType | null = null): ModelFile {
  const file = isModelDirectory(path) ? convertDirectory(path) : openGguf(path);
  return quantize === null ? file : quantizeModel(file, quantize);
}
