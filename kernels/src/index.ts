/** The kernels: tensor work in AssemblyScript on SIMD WebAssembly, and its typed bindings. */
export type { ArenaPlan, ArenaRegion } from "./arena.ts";
export {
  ARENA_ALIGNMENT,
  ARENA_START,
  createMemory,
  initConstants,
  MAX_ARENA_BYTES,
  planArena,
} from "./arena.ts";
export type { CodedRows, CodeFormat } from "./codes.ts";
export { codeFormat, readCodes, readValues } from "./codes.ts";
export type { KernelErrorReason } from "./errors.ts";
export { KernelError } from "./errors.ts";
export { useLargePages } from "./large-pages.ts";
export type { KernelModule, Variant } from "./module.ts";
export { loadModule } from "./module.ts";
export { halfToFloat } from "./half.ts";
export type { RepackOptions } from "./pack.ts";
export { activationForm, packedBytes, packedKind, repack } from "./pack.ts";
export type { Compute, ComputeOptions } from "./pool.ts";
export { createCompute } from "./pool.ts";
export type { Proof } from "./program.ts";
export {
  clearProof,
  MAX_PROGRAM_RANK,
  programLayout,
  readProof,
  writeInstance,
  writeOperation,
} from "./program.ts";
export type { MachinePeak } from "./roofline.ts";
export { attentionBoundMs, matmulBoundMs, measurePeak } from "./roofline.ts";
export type { RopeOptions } from "./rope-table.ts";
export { fillRopeTable, ropeTableBytes } from "./rope-table.ts";
export { exponential } from "./scalar-math.ts";
export { MAX_TOP_LOGPROBS, MAX_VOCABULARY, mostTouchedIds, PLAIN_SAMPLE } from "./sample.ts";
export {
  activationBytes,
  copyPage,
  kvPageBytes,
  MAX_HEAD_DIM,
  MAX_OPERATOR_ROWS,
  partialBytes,
  queryBytes,
  unitBytes,
  writeUnits,
} from "./sizes.ts";
export type * from "./types.ts";
export { PAGE_TOKENS, SEGMENT_TOKENS, STREAM_COUNTS } from "./types.ts";
