/** Thread that hashes a model file: other models are served meanwhile. */
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { doJobs } from "#kit/job-thread.ts";
import { digestOfModel } from "#kit/model-digest.ts";

/** What the thread is told. */
export interface DigestRequest {
  readonly path: string;
  readonly quantize: QuantizedType | null;
}

declare const self: Worker;

doJobs(
  self,
  () =>
    ({ path, quantize }: DigestRequest) =>
      digestOfModel(path, quantize),
);
