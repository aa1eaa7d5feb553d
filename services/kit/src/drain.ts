/** The end of a listener: counts running calls, waits for them, then aborts what is left with UNAVAILABLE. */
import type { ConnectError } from "@connectrpc/connect";
import { toConnectError, TrimtabError } from "./errors.ts";
import { RPC_LIMITS } from "./limits.ts";

/** Running calls of one listener. */
export interface Drain {
  /** Aborts with a ConnectError when the grace is over. */
  readonly signal: AbortSignal;
  /** Counts a call while it runs; a `lingering` one (a health watch) is not waited for. */
  track<T>(call: () => Promise<T>, kind?: "lingering"): Promise<T>;
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
  const waiting = new Set<() => void>();
  const running = new Set<symbol>();
  const lingering = new Set<symbol>();
  const until = (isOver: () => boolean, limitMs: number): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(look);
        resolve();
      };
      const look = () => isOver() && done();
      const timer = setTimeout(done, limitMs);
      waiting.add(look);
      look();
    });
  return {
    signal: controller.signal,
    async track(call, kind) {
      const id = Symbol();
      const calls = kind === "lingering" ? lingering : running;
      calls.add(id);
      try {
        return await call();
      } finally {
        calls.delete(id);
        for (const look of [...waiting]) look();
      }
    },
    async finish(graceMs) {
      await until(() => running.size === 0, graceMs);
      controller.abort(shuttingDown());
      await until(() => running.size + lingering.size === 0, LAST_WORDS_MS);
    },
    once(close) {
      let closing: Promise<void> | undefined;
      return (options = {}) => (closing ??= close(options.graceMs ?? RPC_LIMITS.drainMs));
    },
  };
}

/** Whether `work` ends in time; the timer goes with it, so that it keeps no process alive. */
export function endsWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs);
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
