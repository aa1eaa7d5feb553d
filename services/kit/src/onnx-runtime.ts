/**
 * The one door to onnxruntime-web: single-threaded WASM sessions from bytes, never from a path. The runtime puts Node's
 * `Worker` in place of the platform's when it starts; what was there comes back, or later workers would never answer.
 */
import * as ort from "onnxruntime-web";
import { TrimtabError } from "./errors.ts";

/** A session of the runtime. */
export type RuntimeSession = ort.InferenceSession;
/** A tensor of the runtime. */
export type RuntimeTensor = ort.Tensor;

/** Bytes of a file that a graph refers to by its relative path. */
export interface ExternalFile {
  readonly path: string;
  readonly data: Uint8Array;
}

/** Starts a session. @throws TrimtabError ARTIFACT_INVALID if the runtime refuses the model */
export async function createRuntimeSession(
  model: Uint8Array,
  externalData: readonly ExternalFile[] = [],
): Promise<RuntimeSession> {
  // Set before the first session: the runtime reads it once, and would start workers otherwise.
  ort.env.wasm.numThreads = 1;
  const { Worker } = globalThis;
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: ["wasm"],
      externalData: [...externalData],
    });
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "ONNX: the runtime refuses the model", {
      field: "graph",
      cause,
    });
  } finally {
    globalThis.Worker = Worker;
  }
}

/** An f32 tensor. */
export function floatTensor(data: Float32Array, dims: readonly number[]): RuntimeTensor {
  return new ort.Tensor("float32", data, dims);
}

/** An i64 tensor. */
export function integerTensor(data: readonly number[], dims: readonly number[]): RuntimeTensor {
  return new ort.Tensor("int64", BigInt64Array.from(data, BigInt), dims);
}
