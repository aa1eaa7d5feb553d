/** Thread that fits one controller, so that the service stays responsive: an order in, the fitted controller out. */
import { doJobs } from "#kit/job-thread.ts";
import { type ControllerSettings, fitController } from "./fit.ts";
import type { GroupedRows } from "./parts.ts";
import type { LabelledRows } from "./train.ts";

/** What the thread is told: the parameters of `fitController`. */
export interface FitOrder {
  readonly train: GroupedRows;
  readonly validation: LabelledRows;
  /** [layers] */
  readonly layerWeights: Float32Array;
  readonly settings: ControllerSettings;
}

declare const self: Worker;

doJobs(
  self,
  () =>
    ({ train, validation, layerWeights, settings }: FitOrder) =>
      fitController(train, validation, layerWeights, settings),
);
