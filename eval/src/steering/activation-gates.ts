/**
 * Gates that read the model: the controller as served, and a linear probe on the residual after one block, the block chosen
 * on prompts the probe was not trained on. What the controller's hidden layer and its many blocks add is the difference.
 */
import { controllerScores } from "./controller-scores.ts";
import { auroc, type Gate } from "./gate.ts";
import { fitProbe } from "./linear-probe.ts";
import { lastRows, type NamedText, type ReadingSource } from "./activations.ts";
import type { LabPrompt } from "./prompts.ts";
import type { LabelledText } from "./text-gates.ts";

/** A prompt of the recipe's own, to learn from. */
export interface TrainingPrompt extends LabelledText, NamedText {
  readonly split: string;
}

/** Depths at which the probe looks, as fractions of the blocks. */
const DEPTHS = [0.5, 0.7, 0.9];
const FIT = { penalty: 1e-2, rounds: 300 };

/** Blocks that the probe may read. */
const probeLayers = (blocks: number): number[] => DEPTHS.map((depth) => Math.round(depth * blocks) - 1);

/** The controller's log-odds: thresholds chosen as for any gate, and, under a name of its own, the served one. */
export async function controllerGate(source: ReadingSource, prompts: readonly LabPrompt[]): Promise<Gate[]> {
  const scores = await controllerScores(source, prompts);
  return [
    { name: "controller", reads: "activations", scores },
    { name: "controller as served", reads: "activations", scores, threshold: 0 },
  ];
}

/** The linear probe's scores. */
export async function probeGate(
  source: ReadingSource,
  blocks: number,
  training: readonly TrainingPrompt[],
  prompts: readonly LabPrompt[],
): Promise<Gate> {
  const layers = probeLayers(blocks);
  const known = await lastRows(source, layers, training);
  const read = await lastRows(source, layers, prompts);
  const fitted = training.filter(({ split }) => split === "train");
  const held = training.filter(({ split }) => split === "validation");
  const candidates = layers.map((_, at) => {
    const rowsOf = (some: readonly NamedText[], rows: ReadonlyMap<string, Float32Array[]>) =>
      some.map(({ id }) => rows.get(id)![at]!);
    const probe = fitProbe(
      rowsOf(fitted, known),
      fitted.map(({ isHarmful }) => isHarmful),
      FIT,
    );
    const scoresOf = (rows: readonly Float32Array[]) => rows.map(probe);
    const heldScores = (isHarmful: boolean) =>
      scoresOf(
        rowsOf(
          held.filter((one) => one.isHarmful === isHarmful),
          known,
        ),
      );
    const scores = scoresOf(rowsOf(prompts, read));
    return { quality: auroc(heldScores(true), heldScores(false)), scores };
  });
  const best = candidates.reduce((a, b) => (b.quality > a.quality ? b : a));
  return {
    name: "linear probe",
    reads: "activations",
    scores: new Map(prompts.map(({ id }, index) => [id, best.scores[index]!])),
  };
}
