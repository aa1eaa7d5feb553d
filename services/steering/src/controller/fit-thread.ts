/** Fits a controller on a thread of its own. */
import { fitAsOrdered } from "../thread.ts";
import type { FittedController } from "./fit.ts";
import type { FitOrder } from "./fit.worker.ts";

/** Runs an order. @throws TrimtabError as `fitAsOrdered`. */
export function fitInThread(order: FitOrder, signal: AbortSignal): Promise<FittedController> {
  return fitAsOrdered(new URL("./fit.worker.ts", import.meta.url), order, signal);
}
