/** The one error type of the package: what a call ended with, with the machine-readable reason the server gave. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import type { Reason } from "./reasons.ts";

const UNREACHABLE: Reason = "SERVICE_UNAVAILABLE";
/** Reasons of errors that carry none, because the server was not reached or did not answer in time. */
const REASON_OF_CODE: Partial<Record<Code, Reason>> = {
  [Code.Canceled]: "CANCELLED",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.Unavailable]: UNREACHABLE,
  [Code.Unauthenticated]: "UNAUTHENTICATED",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.Unimplemented]: "UNSUPPORTED",
};

/** Why a call failed. `cause` is the `ConnectError` with all details. */
export class TrimtabError extends Error {
  override readonly name = "TrimtabError";
  /** Reason of the closed list, for programs. */
  readonly reason: Reason;
  /** gRPC code. */
  readonly code: Code;
  /** Path of the field of the request that is to blame, if one is. */
  readonly field: string | undefined;
  /** The limit that was broken, with its unit. */
  readonly limit: string | undefined;
  /** After how many milliseconds the same call may succeed; undefined: it will fail again. */
  readonly retryAfterMs: number | undefined;

  constructor(cause: ConnectError) {
    super(cause.rawMessage, { cause });
    const info = cause.findDetails(ErrorInfoSchema)[0];
    const delay = cause.findDetails(RetryInfoSchema)[0]?.retryDelay;
    this.code = cause.code;
    this.reason = info?.reason ?? REASON_OF_CODE[cause.code] ?? (isNetwork(cause) ? UNREACHABLE : "INTERNAL");
    this.field = info?.metadata["field"];
    this.limit = info?.metadata["limit"];
    this.retryAfterMs = delay && Number(delay.seconds) * 1_000 + Math.round(delay.nanos / 1e6);
  }
}

/** What a browser's fetch says when there is no server, or no longer. */
function isNetwork({ code, cause }: ConnectError): boolean {
  return code === Code.Unknown && cause instanceof TypeError;
}

/** Whatever a call threw → `TrimtabError`. */
export function toTrimtabError(thrown: unknown): TrimtabError {
  return thrown instanceof TrimtabError ? thrown : new TrimtabError(ConnectError.from(thrown));
}
