/** Calibration: greedy, pass@1 and pass@N of tasks and levels, before anything is compared. At 0 or 1 nothing can show. */
import type { Journal } from "./journal.ts";
import { drawProblems, idOf } from "./problems.ts";
import { type Record, samplePool } from "./sample.ts";
import type { Services } from "./services.ts";
import { meanOf } from "./statistics.ts";
import type { Task } from "./task.ts";

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

/** Measures one level on training problems; what the journal has is not sampled again. */
export async function calibrate(
  services: Services,
  journal: Journal<Record>,
  model: string,
  task: Task,
  level: number,
  size: { readonly problems: number; readonly samples: number },
): Promise<CalibrationLine> {
  const greedy: number[] = [];
  const shares: number[] = [];
  const anys: number[] = [];
  for (const problem of drawProblems(task, level, "train", size.problems, SEED)) {
    const id = idOf(task, problem);
    const draw = async (count: number, temperature: number): Promise<readonly boolean[]> => {
      const key = ["calibration", model, task.name, level, id, count, temperature].join("/");
      const known = journal.records.get(key);
      if (known && known.kind !== "search") return known.right;
      const sampled = await samplePool(services, task, problem, count, { temperature, seed: SEED });
      journal.append({ key, problem: id, ...sampled });
      return sampled.right;
    };
    greedy.push(Number((await draw(1, 0))[0]));
    const right = (await draw(size.samples, TEMPERATURE)).map(Number);
    shares.push(meanOf(right));
    anys.push(Math.max(...right));
  }
  const passAt1 = meanOf(shares);
  return {
    ...{ task: task.name, level: task.levels[level] ?? "", n: size.problems, samples: size.samples },
    ...{ greedy: meanOf(greedy), passAt1, passAtN: meanOf(anys) },
    isUsable: passAt1 >= USABLE.low && passAt1 <= USABLE.high,
  };
}
