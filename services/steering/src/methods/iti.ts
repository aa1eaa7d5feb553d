/**
 * Inference-time intervention: a few attention heads, found by probes, are shifted before the output projection.
 *   z_{l,i} += α σ_{l,i} θ_{l,i},  θ = unit(mean z₊ − mean z₋),  σ = deviation of z·θ,  heads by validation accuracy
 * Read at the last token of an answer, validated on answers that no probe saw; shifts the last prompt token (replayed) and every generated one.
 * Source: arXiv 2306.03341 and its code. Cost: a probe of head_dim features a head.
 */
import { OperationKind, Pooling, Scope, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { createEdit } from "../edit.ts";
import { norm } from "../direction.ts";
import { f32Tensor } from "../tensors.ts";
import { fitLogistic, probeAccuracy, probeLoss } from "./logistic.ts";
import type { ContrastRows, InterventionMethod } from "./method.ts";
import { blockRows, type BlockRows, dot, mean } from "./rows.ts";

/** α of the paper, and the share of a model's heads that its 48 of 1,024 are. */
const ALPHA = 15;
const SHARE = 48 / 1024;

interface Head {
  readonly layer: number;
  readonly head: number;
  readonly accuracy: number;
  /** Of the probe on validation rows; ranks heads of one accuracy. */
  readonly loss: number;
}

/** Probes heads, shifts the best. */
export const iti: InterventionMethod = {
  yields: "edit",
  name: "iti",
  version: 2,
  source: "arXiv 2306.03341",
  needs: [
    {
      ...{ texts: "answers", site: Site.HEADS, layers: [], holdsOutAnswers: true },
      ...{ positions: TapPositions.LAST, pooling: Pooling.NONE },
    },
  ],
  fit([reading], settings, model) {
    const { train, validation } = reading as { train: ContrastRows; validation: ContrastRows };
    const layers = settings.layers ?? Array.from({ length: model.layers }, (_, layer) => layer);
    const sliced = (rows: ContrastRows, layer: number, head: number): BlockRows =>
      headRows(blockRows(rows, layer), head, model.headDim);
    const heads: Head[] = layers.flatMap((layer) =>
      Array.from({ length: model.heads }, (_, head) => {
        const probe = fitLogistic(sliced(train, layer, head));
        const held = sliced(validation, layer, head);
        return { layer, head, accuracy: probeAccuracy(probe, held), loss: probeLoss(probe, held) };
      }),
    );
    const count = settings.heads ?? Math.max(1, Math.round(SHARE * model.layers * model.heads));
    const chosen = heads.sort((a, b) => b.accuracy - a.accuracy || a.loss - b.loss).slice(0, count);
    const parts = chosen
      .sort((a, b) => a.layer - b.layer || a.head - b.head)
      .map(({ layer, head }) => {
        const { theta, sigma } = shiftOf(sliced(train, layer, head));
        const vector = new Float32Array(model.heads * model.headDim);
        vector.set(theta, head * model.headDim);
        const operation = {
          ...{
            site: Site.HEADS,
            layer,
            kind: OperationKind.ADD,
            vectors: f32Tensor([1, vector.length], vector),
          },
          scope: settings.scope ?? Scope.UNSPECIFIED,
        };
        return { operation, coefficient: (settings.strength ?? ALPHA) * sigma };
      });
    return createEdit("iti", model, parts, {
      heads: chosen.map(({ layer, head }) => `${layer}.${head}`).join(" "),
      validation_accuracies: chosen.map(({ accuracy }) => accuracy.toFixed(3)).join(" "),
    });
  },
};

/** Direction between the class means, and the deviation of all rows along it. */
function shiftOf({ positive, negative }: BlockRows): { theta: Float32Array; sigma: number } {
  const [a, b] = [mean(positive), mean(negative)];
  const difference = a.map((x, i) => x - (b[i] as number));
  const length = norm(difference) || 1;
  const theta = difference.map((x) => x / length);
  const projections = [...positive, ...negative].map((row) => dot(row, theta));
  const middle = projections.reduce((sum, x) => sum + x, 0) / projections.length;
  const variance = projections.reduce((sum, x) => sum + (x - middle) ** 2, 0) / projections.length;
  return { theta, sigma: Math.sqrt(variance) };
}

function headRows({ positive, negative }: BlockRows, head: number, headDim: number): BlockRows {
  const cut = (rows: readonly Float32Array[]) =>
    rows.map((row) => row.subarray(head * headDim, (head + 1) * headDim));
  return { positive: cut(positive), negative: cut(negative) };
}
