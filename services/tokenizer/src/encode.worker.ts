/** Thread that tokenizes long texts, so that the event loop stays free: the model first, then one text at a time. */
import { doJobs } from "#kit/job-thread.ts";
import { checkServed, type ServedModel } from "#kit/model-identity.ts";
import { type EncodeResult, type EncodeTask, runEncodeTask } from "./encode-task.ts";
import { readModelVocabulary } from "./model-vocabulary.ts";
import { createTokenizer } from "./tokenizer.ts";

declare const self: Worker;

doJobs(self, (model: ServedModel) => {
  const tokenizer = createTokenizer(readModelVocabulary(model.modelPath));
  // Another vocabulary would give long texts other ids than short ones.
  checkServed(model);
  return (task: EncodeTask): EncodeResult => {
    const { ids, sharedIds } = runEncodeTask(tokenizer, task);
    return { ids: Uint32Array.from(ids), sharedIds };
  };
});
