/** One call of a build to another service: with a deadline, cancelable, patient when the other side is full. */
import { hasReason, TrimtabError } from "#kit/errors.ts";
import { BUILD_LIMITS } from "../../limits.ts";

/** Options of a call. */
export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

const FULL = ["OUT_OF_MEMORY", "QUEUE_FULL"] as const;
const PAUSE_MS = 250;

/**
 * Runs a call, again after a pause while the other side is full.
 * @throws TrimtabError CANCELLED when the build is cancelled, and whatever the call throws
 */
export async function patientCall<T>(
  signal: AbortSignal,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    throwIfCancelled(signal);
    try {
      return await call({ signal, timeoutMs: BUILD_LIMITS.callTimeoutMs });
    } catch (error) {
      throwIfCancelled(signal);
      if (attempt >= BUILD_LIMITS.retries || !hasReason(error, ...FULL)) throw error;
      await Bun.sleep(PAUSE_MS * (attempt + 1));
    }
  }
}

/** @throws TrimtabError CANCELLED if the signal has aborted. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted)
    throw new TrimtabError("CANCELLED", "the build was cancelled", { cause: signal.reason });
}

/** Runs `work` on all items, `width` at a time, keeping their order. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}

/** Consecutive parts of at most `size` items. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
