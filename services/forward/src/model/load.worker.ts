/** A helper of loading: opens the model again, hashes it if it is told to, then packs pieces beside the others. */
import { digestOfModel } from "#kit/model-digest.ts";
import { plainError } from "../plain-error.ts";
import type { HelperAnswer, HelperTask } from "./load.ts";
import { packPieces } from "./load.ts";
import { openModel } from "./model-file.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<HelperTask>) => {
  const answer = (message: HelperAnswer) => self.postMessage(message);
  try {
    answer({ type: "done", digest: help(data) });
  } catch (error) {
    answer({ type: "failed", error: plainError(error) });
  }
};

function help({ modelPath, quantize, placements, memory, shared, hash }: HelperTask): string {
  const file = openModel(modelPath, quantize);
  try {
    const digest = hash ? digestOfModel(modelPath, quantize) : "";
    // Tensors that came from another thread are copies; readers know their own.
    const own = placements.map((placement) => ({
      ...placement,
      tensor: file.header.tensors.get(placement.tensor.name) ?? placement.tensor,
    }));
    packPieces(file, own, memory, shared);
    return digest;
  } finally {
    file.close();
  }
}
