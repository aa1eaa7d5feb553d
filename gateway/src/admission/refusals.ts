/** How who is not let in is told so, and when to come again. */
import { TrimtabError } from "#kit/errors.ts";

const SHORTEST_HINT_MS = 100;

/** More is asked for than can be served in time. */
export function overloaded(retryAfterMs: number): TrimtabError {
  return new TrimtabError("SERVICE_UNAVAILABLE", "more is asked for than can be served in time", {
    retryAfterMs: hint(retryAfterMs),
  });
}

/** Nobody is let in any more. */
export function draining(): TrimtabError {
  return new TrimtabError("SERVICE_UNAVAILABLE", "the gateway is shutting down");
}

/** Nobody waits for the answer any more. */
export function hasLeft(): TrimtabError {
  return new TrimtabError("CANCELLED", "the client left before its request was begun");
}

/** A key has `limit` requests under way, or waiting, and may have no more. */
export function tooMany(what: "under way" | "waiting", limit: number): TrimtabError {
  const message =
    what === "waiting"
      ? "too many requests of this key wait already"
      : "this key has as many requests under way as it may";
  return new TrimtabError("QUEUE_FULL", message, { limit });
}

/** A key has used its rate; its tokens are there again after `waitMs`. */
export function overRate(tokensPerSecond: number, waitMs: number): TrimtabError {
  return new TrimtabError("RATE_LIMITED", "this key has used its tokens for now", {
    limit: `${tokensPerSecond} tokens/s`,
    retryAfterMs: hint(waitMs),
  });
}

const hint = (ms: number): number => Math.max(SHORTEST_HINT_MS, Math.ceil(ms));
