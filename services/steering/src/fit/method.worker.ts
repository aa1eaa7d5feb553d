/** Thread that fits one method: readings in, vectors or the bytes of an edit or ruleset out. */
import { doJobs } from "#kit/job-thread.ts";
import type { ModelShape } from "../clients.ts";
import { writeEdit } from "../edit.ts";
import { METHODS } from "../methods/index.ts";
import type { FitSettings, Reading } from "../methods/method.ts";
import { writeRuleset } from "../ruleset.ts";

/** What the thread is told. */
export interface MethodOrder {
  readonly method: keyof typeof METHODS;
  /** In the order of the method's needs. */
  readonly readings: readonly Reading[];
  readonly settings: FitSettings;
  readonly model: ModelShape;
  readonly seed: number;
}

/** What it answers. */
export type FittedMethod =
  | { readonly yields: "direction"; readonly vectors: ReadonlyMap<number, Float32Array> }
  | { readonly yields: "edit" | "ruleset"; readonly bytes: Uint8Array };

declare const self: Worker;

doJobs(self, () => ({ method, readings, settings, model, seed }: MethodOrder): FittedMethod => {
  const chosen = METHODS[method];
  if (chosen.yields === "direction") {
    const [reading] = readings as readonly [Reading];
    return { yields: "direction", vectors: chosen.fit(reading.train, model.layers, seed) };
  }
  const made = chosen.fit(readings, settings, model);
  return made.$typeName === "trimtab.steering.v1.Edit"
    ? { yields: "edit", bytes: writeEdit(made) }
    : { yields: "ruleset", bytes: writeRuleset(made) };
});
