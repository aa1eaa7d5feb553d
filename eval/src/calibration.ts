/** Calibration: greedy, pass@1 and pass@N of tasks and levels, before anything is compared. At 0 or 1 nothing can show. */
import type { Journal } from "./journal.ts";
import { mapParallel } from "./parallel.ts";
import { drawProblems, idOf } from "./problems.ts";
import { type Record, samplePool } from "./sample.ts";
import type { Services } from "./services.ts";
import { meanOf } from "./statistics.ts";
import type { Problem, Task } from "./task.ts";

/** A line of the table. */
export interface CalibrationLine {
  readonly task: string;
  readonly level: string;
  readonly n: number;
  readonly greedy: number;
  readonly passAt1: number;
  readonly passAtN: number;
  readonly samples: number;
  /** Within the range in which selectors can be told apart. */
  readonly isUsable: boolean;
}

const SEED = 11;
const TEMPERATURE = 0.7;
const USABLE = { low: 0.08, high: 0.6 };

/** What calibration works with; what the journal has is not sampled again. */
export interface CalibrationOptions {
  readonly services: Services;
  readonly journal: Journal<Record>;
  readonly model: string;
  readonly problems: number;
  readonly samples: number;
  /** Problems at a time. */
  readonly parallel: number;
}

/** Measures one level on training problems. */
export async function calibrate(
  options: CalibrationOptions,
  task: Task,
  level: number,
): Promise<CalibrationLine> {
  const { samples, parallel } = options;
  const problems = drawProblems(task, level, "train", options.problems, SEED);
  const measured = await mapParallel(problems, parallel, async (problem) => {
    const draw = (count: number, temperature: number) =>
      drawOnce(options, task, level, problem, { count, temperature });
    return { greedy: await draw(1, 0), right: await draw(samples, TEMPERATURE) };
  });
  const passAt1 = meanOf(measured.map(({ right }) => meanOf(right.map(Number))));
  return {
    ...{ task: task.name, level: task.levels[level] ?? "", n: problems.length, samples },
    greedy: meanOf(measured.map(({ greedy }) => Number(greedy[0]))),
    passAt1,
    passAtN: meanOf(measured.map(({ right }) => Number(right.some(Boolean)))),
    isUsable: passAt1 >= USABLE.low && passAt1 <= USABLE.high,
  };
}

/** Rightness of samples of a problem, from the journal or sampled. */
async function drawOnce(
  { services, journal, model }: CalibrationOptions,
  task: Task,
  level: number,
  problem: Problem,
  { count, temperature }: { readonly count: number; readonly temperature: number },
): Promise<readonly boolean[]> {
  const id = idOf(task, problem);
  const key = ["calibration", model, task.name, level, id, task.maxTokens, count, temperature].join("/");
  const known = journal.records.get(key);
  if (known && known.kind !== "search") return known.right;
  const sampled = await samplePool(services, task, problem, count, { temperature, seed: SEED });
  journal.append({ key, problem: id, ...sampled });
  return sampled.right;
}
