/**
 * The judge's model fitted to what was run: where the answers lie around the truth, and where those lie that the judge liked
 * best. Medians, for answers of small models have wild outliers. For numeric tasks; the model is one of scalars, so it is a
 * guide and not a measurement.
 */
import { type Arm, nameOf } from "./arms.ts";
import { answersWorthJudging, type JudgeSetting } from "./judge-model.ts";
import type { SearchRecord } from "./sample.ts";

/** How many answers are worth judging, for one arm. */
export interface JudgeAdvice {
  readonly arm: string;
  readonly setting: JudgeSetting;
  /** Of `MOST` at most. */
  readonly answers: number;
}

/** Normal standard deviation of one median absolute deviation. */
const SPREAD_OF_MAD = 1.4826;
const MOST = 64;

/** Advice for arms that take the best judged of independent answers; `truths` by problem. */
export function adviseJudges(
  arms: readonly Arm[],
  searches: ReadonlyMap<string, ReadonlyMap<string, SearchRecord>>,
  truths: ReadonlyMap<string, number>,
): JudgeAdvice[] {
  const judged = arms.filter(({ strategy, verifier }) => strategy === "best-of-n" && verifier !== undefined);
  return judged.flatMap((arm) => {
    const errors: number[] = [];
    const favourites: number[] = [];
    for (const [problem, { candidates }] of searches.get(nameOf(arm)) ?? []) {
      const truth = truths.get(problem);
      const answered = candidates
        .map(({ answer, score }) => ({
          error: Number(answer) - (truth ?? Number.NaN),
          score: score ?? 0,
          answer,
        }))
        .filter(({ error, answer }) => answer !== "" && Number.isFinite(error));
      const best = answered.toSorted((a, b) => b.score - a.score)[0];
      if (best === undefined) continue;
      errors.push(...answered.map(({ error }) => error));
      favourites.push(best.error);
    }
    const mean = medianOf(errors);
    const spread = SPREAD_OF_MAD * medianOf(errors.map((error) => Math.abs(error - mean)));
    if (!(spread > 0)) return [];
    const setting = { mean, spread, bias: medianOf(favourites) };
    return [{ arm: nameOf(arm), setting, answers: answersWorthJudging(setting, MOST) }];
  });
}

/** Advice in words. */
export const adviceLine = ({ arm, setting, answers }: JudgeAdvice): string =>
  `${arm}: judging ${answers === MOST ? `${MOST} answers or more` : `${answers} answers`} pays by the judge's model ` +
  `(answers ${setting.mean.toFixed(1)} ± ${setting.spread.toFixed(1)} off, the judge's favourites ${setting.bias.toFixed(1)})`;

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
