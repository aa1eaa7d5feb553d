/**
 * Conditional activation steering: a behaviour vector is added, under a norm guard, to the prompts that pass a test.
 *   c_l, v_l: pairwise first principal components of condition prompts (mean over tokens but the first) and of answers
 *   fires where cos(h_l, tanh(proj_c h_l)) is beyond θ; (l, θ, side) by the best F1 on training prompts
 * The behaviour acts on all tokens, as in the paper; a scope narrows it. Scale 1 adds the distance of the answers' means.
 * Source: arXiv 2409.05907 and its library. Cost: one product a request; a second prefill for prompts that pass.
 */
import { create } from "@bufbuild/protobuf";
import { RulesetSchema, Similarity } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { NormPolicy, OperationKind, Pooling, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import type { ModelShape } from "../clients.ts";
import { norm, unit } from "../direction.ts";
import { createEdit } from "../edit.ts";
import { similarityOf } from "../ruleset.ts";
import { f32Tensor } from "../tensors.ts";
import { SINK_TOKENS } from "../work/spans.ts";
import {
  type ContrastRows,
  type FitSettings,
  type InterventionMethod,
  MEAN_RESIDUAL,
  type Reading,
} from "./method.ts";
import { pairwisePca } from "./pairwise-pca.ts";
import { pca } from "./pca.ts";
import { blockRows } from "./rows.ts";
import { bestThreshold, type Threshold, thresholdF1 } from "./threshold.ts";

/** Depth up to which conditions are looked for, and the stretch of the depth that behaves: 15 to 23 of 32 blocks. */
const CONDITION_DEPTH = 0.5;
const BEHAVIOUR_DEPTH = { first: 15 / 32, end: 24 / 32 };

interface Condition extends Threshold {
  readonly layer: number;
  readonly vector: Float32Array;
}

/** Tests the prompt, adds a behaviour. */
export const cast: InterventionMethod = {
  yields: "ruleset",
  name: "cast",
  version: 3,
  source: "arXiv 2409.05907",
  needs: [
    { texts: "prompts", ...MEAN_RESIDUAL },
    { texts: "answers", ...MEAN_RESIDUAL },
  ],
  fit([condition, behaviour], settings, model) {
    const { train, validation } = condition as Reading;
    const chosen = searchCondition(train, model);
    const held = blockRows(validation, chosen.layer);
    const scores = (rows: readonly Float32Array[]) => rows.map((row) => score(chosen.vector, row));
    const f1 = thresholdF1({ positive: scores(held.positive), negative: scores(held.negative) }, chosen);
    const edit = behaviourEdit((behaviour as Reading).train, settings, model);
    return create(RulesetSchema, {
      method: "cast",
      modelDigest: model.digest,
      conditions: [
        {
          ...{ site: Site.RESIDUAL, layer: chosen.layer, pooling: Pooling.MEAN, first: SINK_TOKENS },
          vector: f32Tensor([1, chosen.vector.length], chosen.vector),
          ...{ similarity: Similarity.COSINE_TANH, threshold: chosen.threshold, below: chosen.below },
        },
      ],
      rules: [{ name: "condition", allOf: [0], edit }],
      facts: {
        condition_block: String(chosen.layer),
        threshold: chosen.threshold.toPrecision(5),
        side: chosen.below ? "below" : "above",
        train_f1: chosen.f1.toFixed(3),
        validation_f1: f1.toFixed(3),
      },
    });
  },
};

const score = (vector: Float32Array, row: Float32Array) => similarityOf(Similarity.COSINE_TANH, vector, row);

/** The block, threshold and side with the best F1 on the prompts. */
function searchCondition(prompts: ContrastRows, { layers }: ModelShape): Condition {
  const most = Math.max(1, Math.floor(CONDITION_DEPTH * layers));
  const vectors = pca.fit(prompts, layers);
  const candidates = Array.from({ length: most }, (_, layer) => {
    const vector = unit(vectors.get(layer) as Float32Array, layer);
    const { positive, negative } = blockRows(prompts, layer);
    const of = (rows: readonly Float32Array[]) => rows.map((row) => score(vector, row));
    return { layer, vector, ...bestThreshold({ positive: of(positive), negative: of(negative) }) };
  });
  return candidates.reduce((best, candidate) => (candidate.f1 > best.f1 ? candidate : best));
}

function behaviourEdit(answers: ContrastRows, settings: FitSettings, model: ModelShape) {
  const vectors = pairwisePca.fit(answers, model.layers);
  const first = Math.round(BEHAVIOUR_DEPTH.first * model.layers);
  const end = Math.max(first + 1, Math.round(BEHAVIOUR_DEPTH.end * model.layers));
  const layers = settings.layers ?? Array.from({ length: end - first }, (_, i) => first + i);
  const scopes = settings.scope === undefined ? [Scope.PROMPT, Scope.DECODE] : [settings.scope];
  const parts = layers.flatMap((layer) => {
    const vector = vectors.get(layer) as Float32Array;
    return scopes.map((scope) => ({
      operation: {
        ...{ site: Site.RESIDUAL, layer, kind: OperationKind.ADD, scope, normPolicy: NormPolicy.PRESERVE },
        vectors: f32Tensor([1, vector.length], unit(vector, layer)),
      },
      coefficient: (settings.strength ?? 1) * norm(vector),
    }));
  });
  return createEdit("cast", model, parts);
}
