/** The end of a listener: counts running calls, waits for them, then aborts what is left with UNAVAILABLE. */
import type { ConnectError } from "@connectrpc/connect";
import { toConnectError, TrimtabError } from "./errors.ts";
import { RPC_LIMITS } from "./limits.ts";

/** Running calls of one listener. */
export interface Drain {
  /** Aborts with a ConnectError when the grace is over. */
  readonly signal: AbortSignal;
  readonly running: number;
  track<T>(call: () => Promise<T>): Promise<T>;
  /** Waits until no call runs, at most `graceMs`; then aborts the rest and waits a moment for their answers. */
  finish(graceMs: number): Promise<void>;
  /** Makes a closing function idempotent: later calls share the first's promise. */
  once(close: (graceMs: number) => Promise<void>): (options?: { graceMs?: number }) => Promise<void>;
}

/** Time for handlers to answer after they were told to end. */
export const LAST_WORDS_MS = 500;

/** Why calls end when the grace of a drain is over. */
export function shuttingDown(): ConnectError {
  return toConnectError(new TrimtabError("SERVICE_UNAVAILABLE", "the server is shutting down"));
}

/** Creates the counter. */
export function createDrain(): Drain {
  const controller = new AbortController();
  const idle = new Set<() => void>();
  let running = 0;
  const untilIdle = (limitMs: number): Promise<void> => {
    if (running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        idle.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      idle.add(done);
    });
  };
  return {
    signal: controller.signal,
    get running() {
      return running;
    },
    async track(call) {
      running++;
      try {
        return await call();
      } finally {
        running--;
        if (running === 0) for (const done of [...idle]) done();
      }
    },
    async finish(graceMs) {
      await untilIdle(graceMs);
      if (running === 0) return;
      controller.abort(
        toConnectError(new TrimtabError("SERVICE_UNAVAILABLE", "the server is shutting down")),
      );
      await untilIdle(LAST_WORDS_MS);
    },
    once(close) {
      let closing: Promise<void> | undefined;
      return (options = {}) => (closing ??= close(options.graceMs ?? RPC_LIMITS.drainMs));
    },
  };
}
