/** Thread that hashes a model file: other models are served meanwhile. One message in, two out. */
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { type PlainError, toPlain } from "#kit/plain-error.ts";

/** What the thread is told. */
export interface DigestRequest {
  readonly path: string;
  readonly quantize: QuantizedType | null;
}

/** What it answers: that it has begun, then once more. */
export type DigestAnswer =
  | { readonly kind: "begun" }
  | { readonly kind: "digest"; readonly digest: string }
  | { readonly kind: "failed"; readonly error: PlainError };

declare const self: Worker;

self.onmessage = ({ data: { path, quantize } }: MessageEvent<DigestRequest>) => {
  const answer = (message: DigestAnswer) => self.postMessage(message);
  answer({ kind: "begun" });
  try {
    answer({ kind: "digest", digest: digestOfModel(path, quantize) });
  } catch (error) {
    answer({ kind: "failed", error: toPlain(error) });
  }
};
