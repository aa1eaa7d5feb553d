/** Fits a method on a thread of its own: principal components and probes take seconds. */
import { METHODS } from "../methods/index.ts";
import type { FitSettings, Reading, SteeringMethod } from "../methods/method.ts";
import { fitAsOrdered } from "../thread.ts";
import type { ExampleSource } from "./examples.ts";
import type { FittedMethod, MethodOrder } from "./method.worker.ts";

/** Fits a method. @throws TrimtabError as the method, or `fitAsOrdered`. */
export function fitInThread(
  { model, scope }: Pick<ExampleSource, "model" | "scope">,
  { name }: SteeringMethod,
  readings: readonly Reading[],
  settings: FitSettings,
  seed = 0,
): Promise<FittedMethod> {
  const method = Object.keys(METHODS).find((key) => METHODS[key as keyof typeof METHODS].name === name);
  const order: MethodOrder = { method: method as keyof typeof METHODS, readings, settings, model, seed };
  return fitAsOrdered(new URL("./method.worker.ts", import.meta.url), order, scope.signal);
}
