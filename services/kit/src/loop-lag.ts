/** How long the event loop of this process has not turned: a process that is blocked serves nobody, whatever its health says. */

/** Each tick wakes a process that is at rest, so there are few; one that stood still for this and the limit of readiness is seen. */
const TICK_MS = 500;

/** Watches the loop of this process. */
export interface LoopLag {
  /** Milliseconds since the loop turned last, beyond its tick. */
  readonly lagMs: number;
  close(): void;
}

/** Starts watching; the timer keeps no process alive. */
export function watchLoopLag(): LoopLag {
  let turnedAt = performance.now();
  const timer = setInterval(() => (turnedAt = performance.now()), TICK_MS);
  timer.unref();
  return {
    get lagMs() {
      return Math.max(0, performance.now() - turnedAt - TICK_MS);
    },
    close: () => clearInterval(timer),
  };
}
