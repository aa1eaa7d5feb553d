/**
 * The one door to onnxruntime-web: single-threaded WASM sessions from bytes, never from a path. The runtime's loader
 * (1.30, Emscripten for Node) assigns `globalThis.Worker`, for threads it does not use here, to the class of
 * node:worker_threads; workers that others make during or after that would never answer. The assignment is kept from
 * happening.
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
  const options = { executionProviders: ["wasm"], externalData: [...externalData] };
  try {
    return await keepingWorker(() => ort.InferenceSession.create(model, options));
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "ONNX: the runtime refuses the model", {
      field: "graph",
      cause,
    });
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

/** Runs `load` while assignments to `globalThis.Worker` have no effect. Loads that overlap protect the same class. */
async function keepingWorker<T>(load: () => Promise<T>): Promise<T> {
  const own = globalThis.Worker;
  const property = { configurable: true, enumerable: true };
  Object.defineProperty(globalThis, "Worker", { ...property, get: () => own, set: () => {} });
  try {
    return await load();
  } finally {
    Object.defineProperty(globalThis, "Worker", { ...property, value: own, writable: true });
  }
}
