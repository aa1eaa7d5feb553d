/** Time and timers; tests bring their own. Monotonic, milliseconds. */

/** A clock. */
export interface Clock {
  now(): number;
  /** Calls back after `ms`; answers with what takes it back. */
  after(ms: number, call: () => void): () => void;
}

/** The clock of this process. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
