/**
 * Loading: every tensor is read and packed once, in pieces of 2 MiB, so that no copy of a whole tensor is ever held.
 *
 * With several threads, helpers (load.worker.ts) take pieces off the same list as the caller; the first of them hashes
 * the file before. Which thread packs a piece changes no bit: pieces do not overlap. Cost: 1.5 ms a MB for hashing,
 * 4 to 5 ms a MB for packing, divided by the threads.
 */
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { repack } from "#kernels";
import { fromPlain, type PlainError } from "#kit/plain-error.ts";
import type { ModelFile } from "./model-file.ts";
import type { Placement, WeightPlan } from "./weights.ts";
import { sourceOf } from "./weights.ts";

/** Rows of one tensor that are packed at once. */
interface Piece {
  readonly placement: Placement;
  readonly firstRow: number;
  readonly rows: number;
  readonly bytes: number;
}

/** What a helper is given. */
export interface HelperTask {
  readonly modelPath: string;
  readonly quantize: QuantizedType | null;
  readonly placements: readonly Placement[];
  readonly memory: WebAssembly.Memory;
  readonly shared: SharedArrayBuffer;
  /** Hash the file first. */
  readonly hash: boolean;
}

/** What it answers, once. */
export type HelperAnswer =
  | { readonly type: "done"; readonly digest: string }
  | { readonly type: "failed"; readonly error: PlainError };

/** A file on its way into an arena. */
export interface LoadOptions {
  readonly file: ModelFile;
  readonly modelPath: string;
  readonly quantize: QuantizedType | null;
  readonly placements: readonly Placement[];
  readonly memory: WebAssembly.Memory;
  /** Threads that load, the calling one included. */
  readonly threads: number;
  readonly onProgress: LoadProgress;
}

/** Called every now and then with the bytes packed so far. */
export type LoadProgress = (loadedBytes: number, totalBytes: number) => void;

const PIECE_BYTES = 2 * 2 ** 20;
/** Rows are packed in groups of this many. */
const GROUP = 8;
const PROGRESS_MS = 50;
/** More helpers than this wait for each other's memory traffic. */
const MAX_HELPERS = 3;
/** Shared between threads: the next piece (i32), and the bytes packed (i64 at byte 8). */
const SHARED_BYTES = 16;
const LOADED_AT = 8;

/**
 * Packs the weights of a file and hashes it.
 * @returns its digest, see `digestOfModel`
 * @throws TrimtabError ARTIFACT_CORRUPT when the file shrank, ARTIFACT_INVALID for values that are not finite
 */
export async function loadModel(options: LoadOptions): Promise<string> {
  const { file, modelPath, quantize, placements, memory, threads, onProgress } = options;
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const helpers = Array.from({ length: Math.min(threads - 1, MAX_HELPERS) }, (_, index) =>
    startHelper({ modelPath, quantize, placements, memory, shared, hash: index === 0 }),
  );
  let lastMs = performance.now();
  const totalBytes = planPieces(placements).reduce((sum, { bytes }) => sum + bytes, 0);
  const report = (loadedBytes: number): void => {
    const now = performance.now();
    if (now - lastMs < PROGRESS_MS) return;
    lastMs = now;
    onProgress(loadedBytes, totalBytes);
  };
  onProgress(0, totalBytes);
  try {
    const digest = helpers.length === 0 ? digestOfModel(modelPath, quantize) : "";
    packPieces(file, placements, memory, shared, report);
    const digests = await Promise.all(helpers.map(({ answer }) => answer));
    onProgress(totalBytes, totalBytes);
    return digests[0] ?? digest;
  } finally {
    for (const { end } of helpers) end();
  }
}

/** Packs pieces nobody has taken yet until there are none. */
export function packPieces(
  file: ModelFile,
  placements: readonly Placement[],
  memory: WebAssembly.Memory,
  shared: SharedArrayBuffer,
  onPiece: (loadedBytes: number) => void = () => {},
): void {
  const next = new Int32Array(shared, 0, 1);
  const loaded = new BigInt64Array(shared, LOADED_AT, 1);
  const pieces = planPieces(placements);
  const scratch = scratchFor(pieces);
  for (;;) {
    const piece = pieces[Atomics.add(next, 0, 1)];
    if (!piece) return;
    pack(file, piece, memory, scratch);
    onPiece(Number(Atomics.add(loaded, 0, BigInt(piece.bytes))) + piece.bytes);
  }
}

/** Packs all weights on this thread. */
export function loadWeights(file: ModelFile, plan: WeightPlan, memory: WebAssembly.Memory): void {
  const pieces = planPieces(plan.placements);
  const scratch = scratchFor(pieces);
  for (const piece of pieces) pack(file, piece, memory, scratch);
}

/** Room for any of the pieces: used again for each, because freed buffers of megabytes stay with the process for long. */
function scratchFor(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(pieces.reduce((largest, { bytes }) => Math.max(largest, bytes), 0));
}

function planPieces(placements: readonly Placement[]): Piece[] {
  return placements.flatMap((placement): Piece[] => {
    const { tensor, target } = placement;
    const [, tensorRows = 1, experts = 1] = tensor.dims;
    const bytes = tensor.sizeBytes / experts;
    if (typeof target === "number") return [{ placement, firstRow: 0, rows: 1, bytes }];
    const rowBytes = bytes / tensorRows;
    const step = Math.max(GROUP, Math.floor(PIECE_BYTES / rowBytes / GROUP) * GROUP);
    return Array.from({ length: Math.ceil(tensorRows / step) }, (_, index) => {
      const firstRow = index * step;
      const rows = Math.min(step, tensorRows - firstRow);
      return { placement, firstRow, rows, bytes: rows * rowBytes };
    });
  });
}

function pack(
  file: ModelFile,
  { placement, firstRow, rows, bytes: size }: Piece,
  memory: WebAssembly.Memory,
  scratch: Uint8Array<ArrayBuffer>,
): void {
  const { tensor, target, expert, factor } = placement;
  const bytes = scratch.subarray(0, size);
  const [, tensorRows = 1, experts = 1] = tensor.dims;
  const tensorBytes = tensor.sizeBytes / experts;
  file.read(tensor, bytes, expert * tensorBytes + firstRow * (tensorBytes / tensorRows));
  if (typeof target !== "number") {
    const source = sourceOf(tensor);
    return repack(memory, target, bytes, { firstRow: placement.firstRow + firstRow, rows, source });
  }
  const values = new Float32Array(bytes.buffer, 0, size / 4).map((value) => value * factor);
  if (!allFinite(values)) {
    const message = `tensor ${tensor.name} holds values that are not finite`;
    throw new TrimtabError("ARTIFACT_INVALID", message, { field: tensor.name });
  }
  new Float32Array(memory.buffer, target, values.length).set(values);
}

function startHelper(task: HelperTask) {
  const worker = new Worker(new URL("./load.worker.ts", import.meta.url).href, { type: "module" });
  const answer = Promise.withResolvers<string>();
  // Awaited only after the calling thread has done its part.
  answer.promise.catch(() => undefined);
  worker.onmessage = ({ data }: MessageEvent<HelperAnswer>) => {
    if (data.type === "done") answer.resolve(data.digest);
    else answer.reject(fromPlain(data.error));
  };
  worker.onerror = (event) =>
    answer.reject(new TrimtabError("INTERNAL", `a loader failed: ${event.message}`));
  worker.postMessage(task);
  return { answer: answer.promise, end: () => worker.terminate() };
}
