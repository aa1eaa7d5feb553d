/** The state of a job, and those who watch it. */

/** A state that changes; each is a new value. */
export interface Watched<T> {
  readonly now: T;
  set(state: T): void;
  /**
   * The states as they come, the last one with them; those that come while the reader is busy are skipped, but not the last. A
   * reader that leaves gets one more.
   */
  watch(isLast: (state: T) => boolean, options?: WatchOptions): AsyncGenerator<T>;
}

/** How somebody watches. */
export interface WatchOptions {
  /** Aborts when the reader leaves. */
  readonly signal?: AbortSignal;
  /** States before the last come this far apart. */
  readonly pauseMs?: number;
}

/** A state that nobody watches yet. */
export function createWatched<T>(initial: T): Watched<T> {
  let now = initial;
  const watchers = new Set<() => void>();
  return {
    get now() {
      return now;
    },
    set(state) {
      now = state;
      for (const look of watchers) look();
    },
    async *watch(isLast, { signal, pauseMs = 0 } = {}) {
      for (;;) {
        // The job may end while its reader is busy: what counts is the state the reader has seen.
        const seen = now;
        yield seen;
        if (isLast(seen) || signal?.aborted) return;
        await waitUntil(() => now !== seen || signal?.aborted === true, { watchers, signal });
        const isOver = () => isLast(now) || signal?.aborted === true;
        if (pauseMs > 0) await waitUntil(isOver, { watchers, signal, limitMs: pauseMs });
      }
    },
  };
}

interface WaitOptions {
  /** Called at every change; who waits is one of them as long as it waits. */
  readonly watchers: Set<() => void>;
  readonly signal: AbortSignal | undefined;
  readonly limitMs?: number;
}

/**
 * Waits until it holds, or for so long at most; leaves nothing behind. (A race of promises would: each looks at those that live as
 * long as the job, which remember everybody who ever looked.)
 */
async function waitUntil(holds: () => boolean, { watchers, signal, limitMs }: WaitOptions): Promise<void> {
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
