/**
 * The end of the model over any rows of the residual stream: final norm, and logits. The last block's rows and rows
 * read after earlier blocks go the same way, so that early-layer logits of the last block are the model's own, to the
 * bit. Cost: one product with the head for `logitRows` rows at a time.
 */
import type { Operators, Pointer } from "#kernels";
import type { LoadedModel } from "../model/weights.ts";
import { multiply } from "./blocks/pass.ts";
import type { Workspace } from "./workspace.ts";

/** Final norm and head of a model. Uses the workspace's branch, normed and quantized rows and its logits. */
export interface Head {
  /**
   * Final norm of adjacent rows.
   * @param x f32 [rows, width]
   * @returns f32 [rows, width], valid until the next operator
   */
  normalize(x: Pointer, rows: number): Pointer;
  /**
   * Logits of chosen rows of f32 [*, width] at `x`, in order; `onLogits` gets the index in `rows` and f32 [vocabulary],
   * valid during the call.
   */
  read(x: Pointer, rows: readonly number[], onLogits: (index: number, logits: Pointer) => void): void;
}

/** The head of a model over a workspace. */
export function createHead(model: LoadedModel, ops: Operators, space: Workspace): Head {
  const { width, vocabulary, normEpsilon: eps } = model.config;
  const floats = new Float32Array(space.memory.buffer);
  const normalize = (x: Pointer, rows: number): Pointer => {
    ops.rmsNorm({ x, weight: model.outputNorm, eps, rows, cols: width, out: space.normed });
    return space.normed;
  };
  return {
    normalize,
    read(x, rows, onLogits) {
      for (let start = 0; start < rows.length; start += space.logitRows) {
        const group = rows.slice(start, start + space.logitRows);
        for (const [index, row] of group.entries()) {
          const from = x / 4 + row * width;
          floats.copyWithin(space.branch / 4 + index * width, from, from + width);
        }
        const normed = normalize(space.branch, group.length);
        for (const form of model.head.forms) {
          ops.quantize({ x: normed, form, rows: group.length, cols: width, out: space.quantized[form] });
        }
        multiply({ ops, space, rows: group.length }, model.head, space.logits, vocabulary, false);
        for (const index of group.keys()) onLogits(start + index, space.logits + index * vocabulary * 4);
      }
    },
  };
}
