/** Errors of the API in words: what happened, and what to do next. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#proto/google/rpc/error_details_pb.ts";

/** A failure as the page shows it. */
export interface Problem {
  readonly title: string;
  /** The server's own words. */
  readonly detail: string;
  readonly advice: string;
  /** Reason of the closed list; empty if the server could not be reached. */
  readonly reason: string;
  /** When trying again can help, milliseconds from now. */
  readonly retryAfterMs?: number;
}

const ADVICE: Readonly<Record<string, readonly [title: string, advice: string]>> = {
  UNAUTHENTICATED: [
    "This server wants a key, and yours is missing or no longer valid",
    "Enter one here; nothing you typed is lost.",
  ],
  KEY_EXPIRED: [
    "The time of your key is over",
    "Ask whoever runs the server for a new one and enter it here; nothing you typed is lost.",
  ],
  PERMISSION_DENIED: ["This key may not do that", "Use another key, or ask whoever runs the server."],
  RECIPE_NOT_FOUND: [
    "This recipe is not there, or not built yet",
    "Pick another one, or build it in the Lab.",
  ],
  CONTEXT_OVERFLOW: ["The conversation is too long for this model", "Shorten it, or allow fewer tokens."],
  TOO_LARGE: [
    "That is more than the server takes",
    "Shorten it and send it again; nothing you typed is lost.",
  ],
  MODEL_NOT_FOUND: ["No such model", "Pick a model that is loaded."],
  MODEL_NOT_LOADED: ["The model is not loaded", "Wait for it to load, or pick another one."],
  TEMPLATE_INVALID: [
    "This model has no chat template that works",
    "It can continue texts, but not hold a conversation.",
  ],
  ARTIFACT_NOT_FOUND: [
    "No such direction",
    "It was deleted, or belongs to another server. Pick another one.",
  ],
  ARTIFACT_EXISTS: ["That name is taken", "Choose another one."],
  RATE_LIMITED: ["This key has used up its rate", "It is tried again by itself; nothing is lost."],
  QUEUE_FULL: ["The server is busy", "It is tried again by itself; nothing is lost."],
  OUT_OF_MEMORY: ["The server has no memory for this now", "It is tried again by itself; nothing is lost."],
  UNSUPPORTED: ["This server cannot do that yet", "Choose another setting."],
  DEADLINE_EXCEEDED: ["It took too long", "Try again, with fewer tokens if it happens twice."],
};

const BY_CODE: Partial<Record<Code, readonly [title: string, advice: string]>> = {
  [Code.Unavailable]: ["The server cannot be reached", "See that it runs, then retry. Your text is kept."],
  [Code.ResourceExhausted]: ["The server is busy", "It says when to try again."],
  [Code.Internal]: ["Something broke in the server", "Retry; if it happens again, its log says why."],
  [Code.Canceled]: ["Stopped", ""],
  [Code.InvalidArgument]: ["The server refuses a setting", "Change it and send again."],
};

/** What went wrong, in words. */
export function describeProblem(error: unknown): Problem {
  const failure = ConnectError.from(error);
  const reason = failure.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
  const field = failure.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field;
  // A request that never arrived is `unknown` or `internal` without a reason, as the browser names no cause.
  const isLost = reason === "" && (failure.code === Code.Unknown || failure.code === Code.Internal);
  const fallback = BY_CODE[isLost ? Code.Unavailable : failure.code];
  const [title, advice] = ADVICE[reason] ?? fallback ?? ["That did not work", "Retry, or change a setting."];
  const retryAfterMs = isLost ? undefined : retryMs(failure);
  return {
    title,
    advice,
    reason,
    detail:
      field && !failure.rawMessage.includes(field) ? `${field}: ${failure.rawMessage}` : failure.rawMessage,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function retryMs(failure: ConnectError): number | undefined {
  const delay = failure.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && Number(delay.seconds) * 1_000 + delay.nanos / 1e6;
}
