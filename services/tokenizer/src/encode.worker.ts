/** Thread that tokenizes long texts, so that the event loop stays free: the model path first, then one text at a time. */
import { checkServed, type ServedModel } from "#kit/model-identity.ts";
import { type EncodeResult, type EncodeTask, runEncodeTask } from "./encode-task.ts";
import { readModelVocabulary } from "./model-vocabulary.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

/** What the thread is told: the model the vocabulary is of, then what to encode. */
export type EncodeRequest = ServedModel | { readonly call: number; readonly task: EncodeTask };

/** `ready` answers the first message. */
export type EncodeAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "encoded"; readonly call: number; readonly result: EncodeResult };

declare const self: Worker;

let tokenizer: Tokenizer | undefined;

self.onmessage = ({ data }: MessageEvent<EncodeRequest>) => {
  if ("modelPath" in data) {
    tokenizer = createTokenizer(readModelVocabulary(data.modelPath));
    // Another vocabulary would give long texts other ids than short ones.
    checkServed(data);
    self.postMessage({ kind: "ready" } satisfies EncodeAnswer);
    return;
  }
  const { ids, sharedIds } = runEncodeTask(tokenizer as Tokenizer, data.task);
  const result = { ids: Uint32Array.from(ids), sharedIds };
  self.postMessage({ kind: "encoded", call: data.call, result } satisfies EncodeAnswer);
};
