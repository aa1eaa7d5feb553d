/** Records of intervention programs in the arena; layouts in assembly/program.ts. */
import {
  GATE_CONSTANT, GATE_IDENTITY, GATE_RELU, GATE_THRESHOLD, GATE_TURN, INSTANCE_BYTES, MAX_COLS, MAX_RANK, NORM_CAP,
  NORM_NONE, NORM_PRESERVE, OPERATION_BYTES, PROOF_BYTES,
} from "../assembly/layout.ts"; // prettier-ignore
import { KernelError } from "./errors.ts";
import type { Gate, NormPolicy, Pointer, ProgramInstance, ProgramLayout, ProgramOperation } from "./types.ts";

/** Sizes of the records; place them at multiples of 8. */
export const programLayout: ProgramLayout = {
  operationBytes: OPERATION_BYTES,
  instanceBytes: INSTANCE_BYTES,
  proofBytes: PROOF_BYTES,
};
/** Largest rank of one operation. */
export const MAX_PROGRAM_RANK = MAX_RANK;

const GATES: Readonly<Record<Gate, number>> = {
  constant: GATE_CONSTANT,
  identity: GATE_IDENTITY,
  relu: GATE_RELU,
  threshold: GATE_THRESHOLD,
  turn: GATE_TURN,
};
const POLICIES: Readonly<Record<NormPolicy, number>> = {
  none: NORM_NONE,
  preserve: NORM_PRESERVE,
  cap: NORM_CAP,
};
const PROOF_UNIT = 2 ** -30;

/**
 * Writes an operation record.
 * @throws KernelError SHAPE_MISMATCH for a rank above 256 or a dim that is no multiple of 4 up to 16384,
 *   INVALID_ARGUMENT for a missing U or a turn that is none
 */
export function writeOperation(
  memory: WebAssembly.Memory,
  pointer: Pointer,
  operation: ProgramOperation,
): void {
  const { rank, dim, u, v, b, gate, normPolicy, cap } = operation;
  if (
    !(rank >= 1 && rank <= MAX_RANK && Number.isInteger(rank)) ||
    !(dim >= 4 && dim <= MAX_COLS && dim % 4 === 0)
  ) {
    throw new KernelError("SHAPE_MISMATCH", `an operation of rank ${rank} on ${dim} dims`);
  }
  if (gate === "turn" && (b === 0 || rank < 2 || rank > 3))
    throw new KernelError("INVALID_ARGUMENT", "a turn has a plane, a target in it and perhaps a test");
  if (v === 0 || (u === 0 && gate !== "constant"))
    throw new KernelError("INVALID_ARGUMENT", `gate ${gate} needs U and V`);
  const view = new DataView(memory.buffer, pointer, OPERATION_BYTES);
  [rank, dim, u, v, b, GATES[gate], POLICIES[normPolicy]].forEach((value, i) =>
    view.setUint32(i * 4, value, true),
  );
  view.setFloat32(28, cap, true);
}

/** Writes an instance record. */
export function writeInstance(memory: WebAssembly.Memory, pointer: Pointer, instance: ProgramInstance): void {
  const { operation, coefficients, proof, next } = instance;
  new Uint32Array(memory.buffer, pointer, 4).set([operation, coefficients, proof, next]);
}

/** What the kernel counted: rows, and sum and largest of ‖h'-h‖/‖h‖ (a row counts 65536 at most). */
export interface Proof {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

/** Reads a proof record. */
export function readProof(memory: WebAssembly.Memory, pointer: Pointer): Proof {
  const view = new DataView(memory.buffer, pointer, PROOF_BYTES);
  const sum = (view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32) * PROOF_UNIT;
  return { count: view.getUint32(0, true), sum, max: view.getFloat32(4, true) };
}

/** Sets a proof record to nothing counted. */
export function clearProof(memory: WebAssembly.Memory, pointer: Pointer): void {
  new Uint8Array(memory.buffer, pointer, PROOF_BYTES).fill(0);
}
