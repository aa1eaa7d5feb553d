/** Errors on their way between threads: plain data there, `TrimtabError` here. */
import { TrimtabError } from "#kit/errors.ts";
import { KernelError } from "#kernels";
import type { PlainError } from "./engine/protocol.ts";

/** Any error as plain data; errors of the kernels keep their reason, foreign ones become INTERNAL. */
export function plainError(error: unknown): PlainError {
  if (!(error instanceof TrimtabError)) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = error instanceof KernelError ? error.reason : "INTERNAL";
    return { reason, message, field: undefined, limit: undefined, retryAfterMs: undefined };
  }
  const { reason, message, field, limit, retryAfterMs } = error;
  return { reason, message, field, limit: limit === undefined ? undefined : String(limit), retryAfterMs };
}

/** The error that was made plain. */
export function fromPlain({ reason, message, field, limit, retryAfterMs }: PlainError): TrimtabError {
  return new TrimtabError(reason, message, {
    ...(field === undefined ? {} : { field }),
    ...(limit === undefined ? {} : { limit }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
