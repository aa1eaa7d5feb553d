/**
 * Trains a probe: features standardized, layer and penalty chosen on problems the weights have not seen, calibrated there,
 * and reported on problems neither has seen, beside the same training on shuffled labels.
 * Source: value models on hidden states (Snell et al. 2024, arXiv 2408.03314, recipe of Math-Shepherd, arXiv 2312.08935).
 * Cost: layers × penalties fits of the logistic regression.
 */
import { createHash } from "node:crypto";
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import { PROBE_LIMITS } from "../../limits.ts";
import type { Probe } from "./artifact.ts";
import { fitLogistic, type LinearModel, logitsOf, type Rows } from "./logistic.ts";
import { auroc, aurocWithin, calibrationError, type Scored } from "./metrics.ts";

/** The state after one step, with its worth: the share of continuations that came out right. */
export interface ProbeExample {
  /** Problem it belongs to: a problem is in one part only. */
  readonly problem: string;
  /** Step it ends, from 1. */
  readonly step: number;
  /** 0 to 1. */
  readonly label: number;
  /** Residual stream at the step's last token, one row a layer given. */
  readonly states: readonly Float32Array[];
}

/** What is trained. */
export interface ProbeTraining {
  readonly modelDigest: string;
  /** Blocks the states are of, in their order. */
  readonly layers: readonly number[];
  readonly examples: readonly ProbeExample[];
}

const PENALTIES = [0.001, 0.01, 0.1, 1];
/** Parts of ten by which problems are divided. */
const PARTS = { fit: [0, 6], choose: [6, 8], report: [8, 10] } as const;
const STEPS_REPORTED = 4;

/** Trains a probe. @throws TrimtabError FIELD_OUT_OF_RANGE if there is too little of either kind, NON_FINITE. */
export function trainProbe({ modelDigest, layers, examples }: ProbeTraining): Omit<Probe, "format"> {
  check(examples);
  const part = (name: keyof typeof PARTS) => examples.filter((example) => isIn(example, PARTS[name]));
  const [fit, choose, report] = [part("fit"), part("choose"), part("report")];
  for (const [field, rows] of Object.entries({ fit, choose, report })) checkBoth(rows, field);
  let best: Candidate | undefined;
  for (const place of layers.keys()) {
    const scaling = standardOf(fit, place);
    const [fitRows, chooseRows] = [rowsOf(fit, place, scaling), rowsOf(choose, place, scaling)];
    for (const l2 of PENALTIES) {
      const model = fitLogistic(fitRows, l2);
      const reached = auroc(scoredOf(model, chooseRows));
      if (best === undefined || reached > best.reached) best = { place, l2, model, scaling, reached };
    }
  }
  if (best === undefined) throw new TrimtabError("FIELD_REQUIRED", "no layer is given", { field: "layers" });
  const { place, l2, model, scaling } = best;
  const calibration = calibrate(model, rowsOf(choose, place, scaling));
  const scored = scoredOf(model, rowsOf(report, place, scaling));
  const shuffled = fitLogistic({ ...rowsOf(fit, place, scaling), labels: shuffle(fit) }, l2);
  return {
    modelDigest,
    site: "residual",
    layer: layers[place] ?? 0,
    weights: [...model.weights],
    bias: model.bias,
    ...scaling,
    calibration,
    problemIds: [...new Set(examples.map(({ problem }) => problem))].toSorted(),
    report: {
      rows: { fit: fit.length, choose: choose.length, report: report.length },
      problems: { fit: countProblems(fit), choose: countProblems(choose), report: countProblems(report) },
      positives: scored.reduce((sum, { label }) => sum + label, 0) / scored.length,
      auroc: auroc(scored),
      withinProblemAuroc: orHalf(aurocWithin(Map.groupBy(scored, (_, i) => report[i]?.problem).values())),
      aurocByStep: Array.from({ length: STEPS_REPORTED }, (_, at) =>
        orHalf(auroc(scored.filter((_one, i) => Math.min(report[i]?.step ?? 1, STEPS_REPORTED) === at + 1))),
      ),
      shuffledAuroc: auroc(scoredOf(shuffled, rowsOf(report, place, scaling))),
      calibrationError: calibrationError(
        scored.map(({ score, label }) => ({ score: applyPlatt(score, calibration), label })),
      ),
      l2,
    },
  };
}

interface Scaling {
  readonly mean: number[];
  readonly scale: number[];
}

interface Candidate {
  readonly place: number;
  readonly l2: number;
  readonly model: LinearModel;
  readonly scaling: Scaling;
  readonly reached: number;
}

const orHalf = (value: number): number => (Number.isFinite(value) ? value : 0.5);
const countProblems = (rows: readonly ProbeExample[]): number =>
  new Set(rows.map(({ problem }) => problem)).size;

function isIn({ problem }: ProbeExample, [from, to]: readonly [number, number]): boolean {
  const tenth = createHash("sha256").update(`probe\0${problem}`).digest().readUInt32LE(0) % 10;
  return tenth >= from && tenth < to;
}

function check(examples: readonly ProbeExample[]): void {
  const problems = countProblems(examples);
  if (problems > PROBE_LIMITS.problems) {
    throw new TrimtabError("TOO_LARGE", "too many problems", {
      field: "examples",
      limit: PROBE_LIMITS.problems,
    });
  }
  for (const { label, states } of examples) {
    if (!(label >= 0 && label <= 1) || !states.every(allFinite)) {
      throw new TrimtabError("NON_FINITE", "a label is not in 0 to 1 or a state is not finite", {
        field: "examples",
      });
    }
  }
}

function checkBoth(rows: readonly ProbeExample[], part: string): void {
  const rights = rows.reduce((sum, { label }) => sum + label, 0);
  if (rights >= PROBE_LIMITS.leastOfKind && rows.length - rights >= PROBE_LIMITS.leastOfKind) return;
  const message = `the part to ${part} has ${rights.toFixed(0)} right and ${(rows.length - rights).toFixed(0)} wrong steps`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, {
    field: "examples",
    limit: `${PROBE_LIMITS.leastOfKind} of either kind`,
  });
}

function standardOf(rows: readonly ProbeExample[], place: number): Scaling {
  const width = rows[0]?.states[place]?.length ?? 0;
  const mean = Array<number>(width).fill(0);
  const square = Array<number>(width).fill(0);
  for (const { states } of rows) {
    for (const [i, value] of (states[place] ?? []).entries()) {
      mean[i]! += value / rows.length;
      square[i]! += (value * value) / rows.length;
    }
  }
  // A component that never varies says nothing; it is divided by 1.
  return { mean, scale: square.map((sum, i) => Math.sqrt(Math.max(0, sum - mean[i]! ** 2)) || 1) };
}

function rowsOf(examples: readonly ProbeExample[], place: number, { mean, scale }: Scaling): Rows {
  const width = mean.length;
  const features = new Float32Array(examples.length * width);
  for (const [row, { states }] of examples.entries()) {
    for (let i = 0; i < width; i++)
      features[row * width + i] = ((states[place]?.[i] ?? 0) - mean[i]!) / scale[i]!;
  }
  return { features, labels: examples.map(({ label }) => label), width };
}

function scoredOf(model: LinearModel, rows: Rows): Scored[] {
  return logitsOf(model, rows).map((score, row) => ({ score, label: rows.labels[row] ?? 0 }));
}

/** Platt: one logistic regression of the labels on the logit. */
function calibrate(model: LinearModel, rows: Rows): Probe["calibration"] {
  const features = Float32Array.from(logitsOf(model, rows));
  const { weights, bias } = fitLogistic({ features, labels: rows.labels, width: 1 }, 0);
  return { slope: weights[0] ?? 1, intercept: bias };
}

/** Calibrated probability of a logit. */
export function applyPlatt(logit: number, { slope, intercept }: Probe["calibration"]): number {
  return 1 / (1 + Math.exp(-(slope * logit + intercept)));
}

/** Labels in an order that has nothing to do with the rows: by the hash of their place. */
function shuffle(rows: readonly ProbeExample[]): number[] {
  const keys = rows.map((_, row) => createHash("sha256").update(`shuffle\0${row}`).digest("hex"));
  const order = rows.map((_, row) => row).toSorted((a, b) => (keys[a]! < keys[b]! ? -1 : 1));
  return order.map((row) => rows[row]?.label ?? 0);
}
