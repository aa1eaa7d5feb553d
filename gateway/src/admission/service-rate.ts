/** How fast tokens are served, learned while others wait: what a newcomer's wait is predicted from. Milliseconds. */

/** A learned rate. */
export interface ServiceRate {
  /** Tokens of a request that ended; `busy` says that somebody waited meanwhile. */
  served(tokens: number, busy: boolean): void;
  /** Time to serve `tokens`; undefined until something was learned. */
  millisecondsFor(tokens: number): number | undefined;
}

const WINDOW_MS = 500;
/** Weight of the newest window. */
const NEW = 0.3;

/** Knows nothing yet. */
export function createServiceRate(now: () => number): ServiceRate {
  let tokensPerMs: number | undefined;
  let windowAt = now();
  let windowTokens = 0;
  return {
    served(tokens, busy) {
      const time = now();
      // A time in which nobody waited says how little was asked for, not how fast it goes.
      if (!busy) {
        windowAt = time;
        windowTokens = 0;
        return;
      }
      windowTokens += tokens;
      if (time - windowAt < WINDOW_MS) return;
      const measured = windowTokens / (time - windowAt);
      tokensPerMs = tokensPerMs === undefined ? measured : tokensPerMs + NEW * (measured - tokensPerMs);
      windowAt = time;
      windowTokens = 0;
    },
    millisecondsFor: (tokens) =>
      tokensPerMs === undefined || tokensPerMs <= 0 ? undefined : tokens / tokensPerMs,
  };
}
