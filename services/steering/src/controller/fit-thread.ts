/** Fits a controller on a thread of its own: seconds of arithmetic that must not hold up Plan and the other requests. */
import { TrimtabError } from "#kit/errors.ts";
import { throwIfCancelled } from "../work/call.ts";
import type { FittedController } from "./fit.ts";
import type { FitOrder } from "./fit.worker.ts";

/**
 * Runs an order.
 * @throws TrimtabError CANCELLED when the signal aborts: the thread is ended at once; INTERNAL if the thread fails
 */
export async function fitInThread(order: FitOrder, signal: AbortSignal): Promise<FittedController> {
  throwIfCancelled(signal);
  const worker = new Worker(new URL("./fit.worker.ts", import.meta.url));
  const answer = Promise.withResolvers<FittedController>();
  const cancel = (): void => answer.reject(signal.reason);
  signal.addEventListener("abort", cancel, { once: true });
  worker.onmessage = ({ data }: MessageEvent<FittedController>) => answer.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    answer.reject(new TrimtabError("INTERNAL", `the thread that fits controllers failed: ${event.message}`));
  };
  worker.postMessage(order);
  try {
    return await answer.promise;
  } catch (error) {
    throwIfCancelled(signal);
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
    worker.terminate();
  }
}
