/** Errors of the engine as plain data, for other threads. */
import { type PlainError, toPlain } from "#kit/plain-error.ts";
import { KernelError } from "#kernels";

/** Any error as plain data; errors of the kernels keep their reason, foreign ones become INTERNAL. */
export function plainError(error: unknown): PlainError {
  return toPlain(error, error instanceof KernelError ? error.reason : "INTERNAL");
}
