/**
 * A hidden layer in parts (cross-fitting): one small network a fold, trained on the families of the other folds. Their
 * mean is the gate; a training prompt is scored by the part that never saw its family.
 */
import { auroc, type LabelledScores, splitScores } from "./metrics.ts";
import { createRandom } from "./random.ts";
import { type GateNetwork, gateScores, type LabelledRows, trainGate, type TrainSettings } from "./train.ts";

/** Labelled rows with the topic family of each. */
export interface GroupedRows extends LabelledRows {
  readonly groups: readonly string[];
}

/** Rows in the coordinates they are trained in, and the fold of every training row. */
export interface PartsData {
  readonly train: LabelledRows;
  readonly validation: LabelledRows;
  /** [train rows] */
  readonly folds: readonly number[];
}

/** A gate made of parts. */
export interface TrainedParts {
  readonly gate: GateNetwork;
  readonly scores: LabelledScores;
  readonly quality: {
    readonly epochs: number;
    readonly validationAuroc: number;
    readonly crossAuroc: number;
  };
}

/** Fold of every row: whole families, largest first, each class spread evenly over the folds. */
export function familyFolds({ groups, labels }: GroupedRows, folds: number): number[] {
  const keys = groups.map((group, i) => `${labels[i]} ${group}`);
  const foldOf = new Map<string, number>();
  for (const label of new Set(labels)) {
    const sizes = new Array<number>(folds).fill(0);
    const families = [
      ...Map.groupBy(
        keys.filter((_, i) => labels[i] === label),
        (key) => key,
      ),
    ];
    for (const [family, members] of families.sort((a, b) => b[1].length - a[1].length)) {
      const smallest = sizes.indexOf(Math.min(...sizes));
      sizes[smallest] = (sizes[smallest] as number) + members.length;
      foldOf.set(family, smallest);
    }
  }
  return keys.map((key) => foldOf.get(key) as number);
}

/** Trains the parts; `settings.hidden` is the size of one. */
export function trainParts(
  { train, validation, folds }: PartsData,
  settings: TrainSettings,
  seed: number,
): TrainedParts {
  const count = Math.max(...folds) + 1;
  const cross = new Array<number>(train.rows.length);
  const parts: GateNetwork[] = [];
  let epochs = 0;
  for (let fold = 0; fold < count; fold++) {
    const seen = selectRows(train, (i) => count === 1 || folds[i] !== fold);
    const trained = trainGate(seen, validation, settings, createRandom(seed + fold));
    parts.push(trained.gate);
    epochs += trained.epochs / count;
    const scores = gateScores(trained.gate, train.rows);
    for (const [i, score] of scores.entries()) if (folds[i] === fold) cross[i] = score;
  }
  const gate = joinParts(parts);
  const unseen = splitScores(cross, train.labels);
  const checked = splitScores(gateScores(gate, validation.rows), validation.labels);
  return {
    gate,
    scores: {
      positive: [...unseen.positive, ...checked.positive],
      negative: [...unseen.negative, ...checked.negative],
    },
    quality: { epochs, validationAuroc: auroc(checked), crossAuroc: auroc(unseen) },
  };
}

function selectRows({ rows, labels }: LabelledRows, keep: (index: number) => boolean): LabelledRows {
  return { rows: rows.filter((_, i) => keep(i)), labels: labels.filter((_, i) => keep(i)) };
}

/** One network that answers with the mean of the parts. */
function joinParts(parts: readonly GateNetwork[]): GateNetwork {
  const join = (arrays: readonly Float32Array[]) => Float32Array.from(arrays.flatMap((array) => [...array]));
  const bias = parts.reduce((sum, part) => sum + (part.b2[0] as number), 0) / parts.length;
  return {
    w1: join(parts.map((part) => part.w1)),
    b1: join(parts.map((part) => part.b1)),
    w2: join(parts.map((part) => part.w2)).map((weight) => weight / parts.length),
    b2: Float32Array.of(bias),
  };
}
