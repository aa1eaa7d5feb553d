/** Waiting for a change of a job, among others who wait for the same. */

/** What to wait for. */
export interface WaitOptions {
  /** Called at every change; who waits is one of them as long as it waits. */
  readonly watchers: Set<() => void>;
  /** Aborts when the reader leaves: then it looks once more. */
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
}

/**
 * Waits until it holds, or for so long at most; leaves nothing behind. (A race of promises would: each looks at those that live as
 * long as the job, which remember everybody who ever looked.)
 */
export async function waitUntil(
  holds: () => boolean,
  { watchers, signal, limitMs }: WaitOptions,
): Promise<void> {
  if (holds()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (holds()) resolve();
  };
  const timer = limitMs === undefined ? undefined : setTimeout(resolve, limitMs);
  watchers.add(look);
  signal?.addEventListener("abort", look);
  await promise;
  clearTimeout(timer);
  watchers.delete(look);
  signal?.removeEventListener("abort", look);
}
