/** What is known of a trained probe, in lines. */
import type { Trained } from "../verifier/train.ts";

/** Lines for the terminal. */
export function reportLines({ stored, isUseful, layer, report }: Trained): string[] {
  const {
    rows,
    problems,
    auroc,
    withinProblemAuroc,
    aurocByStep,
    shuffledAuroc,
    calibrationError,
    positives,
  } = report;
  const steps = aurocByStep.map((value) => value.toFixed(2)).join(", ");
  return [
    stored,
    `  residual stream after block ${layer}; ${rows.fit} + ${rows.choose} + ${rows.report} steps of ${problems.fit} + ` +
      `${problems.choose} + ${problems.report} problems (fitted, chosen by, reported on)`,
    `  AUROC ${auroc.toFixed(3)}, within a problem ${withinProblemAuroc.toFixed(3)}, by step ${steps}; ` +
      `shuffled labels ${shuffledAuroc.toFixed(3)}`,
    `  calibration error ${calibrationError.toFixed(3)}; ${(100 * positives).toFixed(1)} % of steps come out right`,
    isUseful ? "  useful" : "  useless: it will be refused as a verifier",
  ];
}
