/** One piece of arithmetic on a thread of its own, so that seconds of it do not hold up Plan and the other requests. */
import { runInThread } from "#kit/job-thread.ts";
import { FIT_LIMITS } from "../limits.ts";
import { throwIfCancelled } from "./work/call.ts";

/**
 * Has a thread of this script fit as ordered.
 * @throws TrimtabError CANCELLED when the signal aborts: the thread is ended at once; otherwise as `runInThread`
 */
export async function fitAsOrdered<Order, Made>(
  script: URL,
  order: Order,
  signal: AbortSignal,
): Promise<Made> {
  throwIfCancelled(signal);
  try {
    return await runInThread(script, order, { what: "fits", startMs: FIT_LIMITS.startMs, signal });
  } catch (error) {
    throwIfCancelled(signal);
    throw error;
  }
}
