/** A clock that stands until it is told: timers fire in order of their time when it is advanced. */
import type { Clock } from "../../../gateway/src/admission/clock.ts";

/** A clock and its hand. */
export interface ManualClock extends Clock {
  /** Advances by `ms`, timer by timer, with everything that follows from each. */
  advance(ms: number): Promise<void>;
  /** Lets promises that can settle settle. */
  settle(): Promise<void>;
}

/** Creates a clock at 0. */
export function createManualClock(): ManualClock {
  let time = 0;
  let next = 0;
  const timers = new Map<number, { readonly at: number; readonly call: () => void }>();
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return {
    now: () => time,
    after(ms, call) {
      const id = next++;
      timers.set(id, { at: time + ms, call });
      return () => void timers.delete(id);
    },
    settle,
    async advance(ms) {
      const end = time + ms;
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= end).toSorted(([, a], [, b]) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due[0]);
        time = Math.max(time, due[1].at);
        due[1].call();
        await settle();
      }
      time = end;
      await settle();
    },
  };
}
