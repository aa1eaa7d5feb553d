/**
 * One error type with a closed list of reasons, and its mapping to gRPC/Connect (google.rpc details) and OpenAI HTTP.
 *
 * Every error that leaves a service carries `google.rpc.ErrorInfo{reason, domain: "trimtab"}`; a field adds
 * `BadRequest.FieldViolation`, a retry hint adds `RetryInfo`. Anything that is not a `TrimtabError` leaves as INTERNAL
 * with a generic text: messages of foreign errors may hold paths or prompt text.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#proto/google/rpc/error_details_pb.ts";

/** How a reason appears outside: Connect code, HTTP status, OpenAI error type and code, and the default retry hint. */
export interface ReasonMapping {
  readonly code: Code;
  readonly httpStatus: number;
  readonly openaiType: string;
  readonly openaiCode: string;
  /** Present when trying the same request again can help. */
  readonly retryAfterMs?: number;
}

const CLIENT = "invalid_request_error";
const invalid = (openaiCode: string): ReasonMapping => ({
  code: Code.InvalidArgument,
  httpStatus: 400,
  openaiType: CLIENT,
  openaiCode,
});
const missing = (openaiCode: string): ReasonMapping => ({
  code: Code.NotFound,
  httpStatus: 404,
  openaiType: CLIENT,
  openaiCode,
});
const state = (openaiCode: string): ReasonMapping => ({
  code: Code.FailedPrecondition,
  httpStatus: 400,
  openaiType: CLIENT,
  openaiCode,
});
const busy = (retryAfterMs: number): ReasonMapping => ({
  code: Code.ResourceExhausted,
  httpStatus: 429,
  openaiType: "rate_limit_error",
  openaiCode: "rate_limit_exceeded",
  retryAfterMs,
});
const down = (openaiCode: string, retryAfterMs: number): ReasonMapping => ({
  code: Code.Unavailable,
  httpStatus: 503,
  openaiType: "service_unavailable_error",
  openaiCode,
  retryAfterMs,
});
const other = (code: Code, httpStatus: number, openaiType: string, openaiCode: string): ReasonMapping => ({
  code,
  httpStatus,
  openaiType,
  openaiCode,
});

/** The closed table of reasons. Adding one is an API change. */
export const REASONS = {
  INVALID_ARGUMENT: invalid("invalid_argument"),
  FIELD_REQUIRED: invalid("field_required"),
  FIELD_OUT_OF_RANGE: invalid("field_out_of_range"),
  UNKNOWN_FIELD: invalid("unknown_field"),
  NON_FINITE: invalid("non_finite"),
  SHAPE_MISMATCH: invalid("shape_mismatch"),
  DTYPE_MISMATCH: invalid("dtype_mismatch"),
  TOO_LARGE: other(Code.ResourceExhausted, 413, CLIENT, "request_too_large"),
  CONTEXT_OVERFLOW: other(Code.OutOfRange, 400, CLIENT, "context_length_exceeded"),
  MODEL_NOT_FOUND: missing("model_not_found"),
  MODEL_NOT_LOADED: state("model_not_loaded"),
  MODEL_MISMATCH: state("digest_mismatch"),
  SEQUENCE_NOT_FOUND: missing("sequence_not_found"),
  PROGRAM_NOT_FOUND: missing("program_not_found"),
  ARTIFACT_NOT_FOUND: missing("artifact_not_found"),
  ARTIFACT_EXISTS: other(Code.AlreadyExists, 409, "conflict_error", "artifact_exists"),
  ARTIFACT_INVALID: state("artifact_invalid"),
  ARTIFACT_CORRUPT: other(Code.DataLoss, 500, "server_error", "artifact_corrupt"),
  ARTIFACT_INCOMPATIBLE: state("artifact_incompatible"),
  RECIPE_NOT_FOUND: missing("recipe_not_found"),
  BUILD_NOT_FOUND: missing("build_not_found"),
  STRATEGY_NOT_FOUND: missing("strategy_not_found"),
  VERIFIER_NOT_FOUND: missing("verifier_not_found"),
  TEMPLATE_INVALID: invalid("template_invalid"),
  TEMPLATE_LIMIT: invalid("template_limit"),
  TOKENIZER_INVALID: state("tokenizer_invalid"),
  BACKEND_CAPABILITY: state("backend_capability"),
  OUT_OF_MEMORY: busy(1_000),
  QUEUE_FULL: busy(500),
  RATE_LIMITED: busy(1_000),
  STORAGE_FULL: other(Code.ResourceExhausted, 507, "server_error", "storage_full"),
  CONFLICT: other(Code.Aborted, 409, "conflict_error", "conflict"),
  UNAUTHENTICATED: other(Code.Unauthenticated, 401, "authentication_error", "invalid_api_key"),
  KEY_EXPIRED: other(Code.Unauthenticated, 401, "authentication_error", "expired_api_key"),
  PERMISSION_DENIED: other(Code.PermissionDenied, 403, "permission_error", "permission_denied"),
  DEADLINE_EXCEEDED: other(Code.DeadlineExceeded, 504, "timeout_error", "deadline_exceeded"),
  CANCELLED: other(Code.Canceled, 499, CLIENT, "cancelled"),
  SERVICE_UNAVAILABLE: down("server_is_overloaded", 1_000),
  STEERING_UNAVAILABLE: down("steering_unavailable", 1_000),
  UNSUPPORTED: other(Code.Unimplemented, 501, CLIENT, "unsupported"),
  INTERNAL: other(Code.Internal, 500, "server_error", "internal"),
} as const satisfies Record<string, ReasonMapping>;

/** Why something was refused; closed. */
export type Reason = keyof typeof REASONS;

/** What the error is about: the request field, the limit it broke, when to try again, and the inner cause. */
export interface ErrorContext {
  /** Path of the request or file field, for example `steering.vectors[0].layer`. */
  readonly field?: string;
  /** The limit that was broken, with its unit. */
  readonly limit?: string | number;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The only error type services throw on purpose. */
export class TrimtabError extends Error {
  override readonly name = "TrimtabError";
  readonly reason: Reason;
  readonly field: string | undefined;
  readonly limit: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.reason = reason;
    this.field = context.field;
    this.limit = context.limit === undefined ? undefined : String(context.limit);
    const mapping: ReasonMapping = REASONS[reason];
    this.retryAfterMs = context.retryAfterMs ?? mapping.retryAfterMs;
  }
}

/** True if `error` is a `TrimtabError`, or a `ConnectError` that carries one, with one of these reasons. */
export function hasReason(error: unknown, ...reasons: Reason[]): boolean {
  return (
    (error instanceof TrimtabError || error instanceof ConnectError) &&
    reasons.includes(fromConnectError(error).reason)
  );
}

/** The error with its field under the name its caller knows: what matches `from` becomes `to`. */
export function withRenamedField(error: TrimtabError, from: RegExp, to: string): TrimtabError {
  const { reason, message, field, limit, retryAfterMs } = error;
  if (field === undefined || !from.test(field)) return error;
  return new TrimtabError(reason, message, {
    ...{ field: field.replace(from, to), cause: error },
    ...(limit === undefined ? {} : { limit }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Runs work whose errors name fields of a part of the request: they leave with the name that the caller knows. */
export async function underField<T>(from: RegExp, to: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TrimtabError || error instanceof ConnectError)) throw error;
    throw withRenamedField(fromConnectError(error), from, to);
  }
}

/** Domain of every `ErrorInfo` we send. */
export const ERROR_DOMAIN = "trimtab";
const MAX_MESSAGE_CHARS = 2_000;

/**
 * Any thrown value → the `ConnectError` that leaves the process, with `google.rpc` details.
 * A `ConnectError` of a call to another service keeps its reason and loses its metadata and foreign details.
 */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof TrimtabError) return build(REASONS[error.reason].code, error);
  if (error instanceof ConnectError) return build(error.code, fromConnectError(error));
  if (isAbort(error)) return build(Code.Canceled, new TrimtabError("CANCELLED", "the call was cancelled"));
  return build(Code.Internal, new TrimtabError("INTERNAL", "internal error", { cause: error }));
}

function build(code: Code, error: TrimtabError): ConnectError {
  const metadata: Record<string, string> = {};
  if (error.field !== undefined) metadata.field = error.field;
  if (error.limit !== undefined) metadata.limit = error.limit;
  const message = error.message.slice(0, MAX_MESSAGE_CHARS);
  const details: ConstructorParameters<typeof ConnectError>[3] = [
    { desc: ErrorInfoSchema, value: { reason: error.reason, domain: ERROR_DOMAIN, metadata } },
  ];
  if (error.field !== undefined) {
    const violation = { field: error.field, description: message, reason: error.reason };
    details.push({ desc: BadRequestSchema, value: { fieldViolations: [violation] } });
  }
  if (error.retryAfterMs !== undefined) {
    details.push({ desc: RetryInfoSchema, value: { retryDelay: duration(error.retryAfterMs) } });
  }
  return new ConnectError(message, code, undefined, details, error);
}

/** Any error of a client call → `TrimtabError`. Errors without our `ErrorInfo` get the nearest reason of their code. */
export function fromConnectError(error: unknown): TrimtabError {
  if (error instanceof TrimtabError) return error;
  if (!(error instanceof ConnectError)) {
    if (isAbort(error)) return new TrimtabError("CANCELLED", "the call was cancelled", { cause: error });
    return new TrimtabError("INTERNAL", "internal error", { cause: error });
  }
  const info = error.findDetails(ErrorInfoSchema).find((d) => d.domain === ERROR_DOMAIN);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const field = info?.metadata.field;
  const limit = info?.metadata.limit;
  return new TrimtabError(isReason(info?.reason) ? info.reason : reasonOfCode(error.code), error.rawMessage, {
    cause: error,
    ...(field === undefined ? {} : { field }),
    ...(limit === undefined ? {} : { limit }),
    ...(delay ? { retryAfterMs: Number(delay.seconds) * 1_000 + Math.round(delay.nanos / 1e6) } : {}),
  });
}

/** An error as an OpenAI-compatible answer: HTTP status, headers with retry hints, and the JSON body. */
export interface OpenAiError {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: {
    readonly error: { message: string; type: string; param: string | null; code: string | null };
  };
}

/** Any thrown value → OpenAI-compatible HTTP error. Explicit `x-should-retry`: the SDKs retry 409, 429 and 5xx else. */
export function toOpenAiError(thrown: unknown): OpenAiError {
  const error = fromConnectError(thrown);
  const mapping = REASONS[error.reason];
  const headers: Record<string, string> = { "x-should-retry": String(error.retryAfterMs !== undefined) };
  if (error.retryAfterMs !== undefined) {
    headers["retry-after-ms"] = String(error.retryAfterMs);
    headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1_000));
  }
  const message = error.message.slice(0, MAX_MESSAGE_CHARS);
  const body = { message, type: mapping.openaiType, param: error.field ?? null, code: mapping.openaiCode };
  return { status: mapping.httpStatus, headers, body: { error: body } };
}

/** True for the `AbortError` and `TimeoutError` of the platform. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

/** Whether a text is a reason of the list. */
export function isReason(text: string | undefined): text is Reason {
  return text !== undefined && Object.hasOwn(REASONS, text);
}

function reasonOfCode(code: Code): Reason {
  switch (code) {
    case Code.Canceled:
      return "CANCELLED";
    case Code.InvalidArgument:
    case Code.NotFound:
    case Code.FailedPrecondition:
    case Code.OutOfRange:
      return "INVALID_ARGUMENT";
    case Code.ResourceExhausted:
      return "TOO_LARGE";
    case Code.DeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case Code.AlreadyExists:
    case Code.Aborted:
      return "CONFLICT";
    case Code.PermissionDenied:
      return "PERMISSION_DENIED";
    case Code.Unauthenticated:
      return "UNAUTHENTICATED";
    case Code.Unavailable:
      return "SERVICE_UNAVAILABLE";
    case Code.Unimplemented:
      return "UNSUPPORTED";
    case Code.DataLoss:
      return "ARTIFACT_CORRUPT";
    default:
      return "INTERNAL";
  }
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1_000) * 1e6) };
}
