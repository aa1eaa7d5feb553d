/** Errors on their way between threads: plain data there, `TrimtabError` here. */
import { type Reason, TrimtabError } from "./errors.ts";

/** A `TrimtabError` as plain data. */
export interface PlainError {
  readonly reason: Reason;
  readonly message: string;
  readonly field: string | undefined;
  readonly limit: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/** Any error as plain data; a foreign one gets `foreignReason`. */
export function toPlain(error: unknown, foreignReason: Reason = "INTERNAL"): PlainError {
  if (!(error instanceof TrimtabError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { reason: foreignReason, message, field: undefined, limit: undefined, retryAfterMs: undefined };
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
