/** Errors of calls to other services, seen from the gateway. */
import { fromConnectError, type Reason, TrimtabError, withRenamedField } from "#kit/errors.ts";

/** Reasons that are the caller's business: they pass through the gateway unchanged. */
const CALLERS: readonly Reason[] = [
  "INVALID_ARGUMENT",
  "FIELD_REQUIRED",
  "FIELD_OUT_OF_RANGE",
  "UNKNOWN_FIELD",
  "NON_FINITE",
  "SHAPE_MISMATCH",
  "DTYPE_MISMATCH",
  "TOO_LARGE",
  "CONTEXT_OVERFLOW",
  "MODEL_NOT_FOUND",
  "MODEL_NOT_LOADED",
  "MODEL_MISMATCH",
  "ARTIFACT_NOT_FOUND",
  "ARTIFACT_INVALID",
  "ARTIFACT_CORRUPT",
  "ARTIFACT_INCOMPATIBLE",
  "RECIPE_NOT_FOUND",
  "VERIFIER_NOT_FOUND",
  "BACKEND_CAPABILITY",
  "QUEUE_FULL",
  "OUT_OF_MEMORY",
  "UNSUPPORTED",
];

/** True if `error` carries one of these reasons. */
export function isReasonOf(error: unknown, ...reasons: Reason[]): boolean {
  return reasons.includes(fromConnectError(error).reason);
}

/** True if the caller can do something about `error`; false if a service failed it. */
export function isCallersBusiness(error: unknown): boolean {
  return isReasonOf(error, ...CALLERS);
}

/**
 * Any failure of steering -> what the client is told. A service that is down, slow or broken is STEERING_UNAVAILABLE:
 * a steered request fails, it is never answered unsteered.
 */
export function steeringFailure(error: unknown, signal: AbortSignal): TrimtabError {
  const typed = fromConnectError(error);
  if (typed.reason === "STEERING_UNAVAILABLE" || isCallersBusiness(typed)) {
    // The service's `steering` is a request's `steering.use`.
    return withRenamedField(typed, /^steering(?!\.use)(?=\.|$)/, "steering.use");
  }
  if (signal.aborted) return endOfScope(signal);
  return new TrimtabError(
    "STEERING_UNAVAILABLE",
    "the steering service could not decide; nothing was generated",
    {
      cause: error,
    },
  );
}

/** Any failure of another service -> typed; a call that ended although nobody left is SERVICE_UNAVAILABLE. */
export function serviceFailure(error: unknown, name: string, signal: AbortSignal): TrimtabError {
  const typed = fromConnectError(error);
  if (signal.aborted) return endOfScope(signal);
  if (typed.reason !== "CANCELLED") return typed;
  return new TrimtabError("SERVICE_UNAVAILABLE", `the ${name} service was lost`, { cause: error });
}

/** For `catch` of a call to another service: throws what {@link serviceFailure} makes of its error. */
export const failureOf =
  (name: string, signal: AbortSignal) =>
  (error: unknown): never => {
    throw serviceFailure(error, name, signal);
  };

/** Why the scope of a request ended: its deadline passed, or its client left. */
export function endOfScope(signal: AbortSignal): TrimtabError {
  const cause: unknown = signal.reason;
  if (cause instanceof TrimtabError) return cause;
  const timedOut =
    (cause instanceof Error && cause.name === "TimeoutError") ||
    fromConnectError(cause).reason === "DEADLINE_EXCEEDED";
  if (timedOut) return new TrimtabError("DEADLINE_EXCEEDED", "the deadline of the request passed", { cause });
  return new TrimtabError("CANCELLED", "the client left", { cause });
}
