/** Streams that end the call when the loop over them is left, for whatever cause, and whose errors are typed. */
import { toTrimtabError } from "./errors.ts";

/** A controller that aborts with `signal`, too. Abort it when done: it listens until then. */
export function following(signal: AbortSignal | undefined): AbortController {
  const own = new AbortController();
  const abort = (): void => own.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true, signal: own.signal });
  return own;
}

/**
 * Starts a call at the first turn of the loop.
 * @param start makes the call under a signal.
 * @param signal of the caller; the call ends with it, too.
 * @throws TrimtabError from the loop.
 */
export async function* untilLeft<T>(
  start: (signal: AbortSignal) => AsyncIterable<T>,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const left = following(signal);
  try {
    yield* start(left.signal);
  } catch (thrown) {
    throw toTrimtabError(thrown);
  } finally {
    left.abort();
  }
}
