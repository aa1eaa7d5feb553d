/** The one error of the kernels: a call whose shapes, pointers or values cannot be served. */

/** Why a call was refused. */
export type KernelErrorReason =
  | "INVALID_ARGUMENT"
  | "SHAPE_MISMATCH"
  | "FIELD_OUT_OF_RANGE"
  | "OUT_OF_MEMORY"
  | "ARTIFACT_INVALID"
  | "UNSUPPORTED"
  | "INTERNAL";

/** Thrown by every binding; `reason` uses the names of the services' errors, so callers may pass it on. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly reason: KernelErrorReason;

  constructor(reason: KernelErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
