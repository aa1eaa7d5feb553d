/** Carries a plan out, one record at a time a problem; what the journal has already is not run again. */
import { type Arm, nameOf } from "./arms.ts";
import { type Journal, recordOf } from "./journal.ts";
import type { Plan } from "./plan.ts";
import { mapParallel } from "./parallel.ts";
import { idOf, type Split } from "./problems.ts";
import { canReplay, replay } from "./replay.ts";
import { poolOf, type Record, runSearch, samplePool, type SearchRecord } from "./sample.ts";
import type { Services } from "./services.ts";
import type { Problem, Task } from "./task.ts";

/** What a run works on. */
export interface RunOptions {
  readonly services: Services;
  readonly journal: Journal<Record>;
  /** Name of the model. */
  readonly model: string;
  readonly task: Task;
  readonly level: number;
  readonly split: Split;
  readonly probe: string | undefined;
  readonly temperature: number;
  readonly seed: number;
  /** Problems at a time. */
  readonly parallel: number;
  readonly onProgress: (done: number, total: number) => void;
}

/** Runs everything of the plan that is not there yet; answers with the records of the plan, in order. */
export async function runPlan(options: RunOptions, plan: Plan): Promise<Record[]> {
  const total = plan.problems.length;
  let done = 0;
  options.onProgress(done, total);
  const records = await mapParallel(plan.problems, options.parallel, async (problem) => {
    const made = await runProblem(options, plan, problem);
    options.onProgress(++done, total);
    return made;
  });
  return records.flat();
}

async function runProblem(options: RunOptions, plan: Plan, problem: Problem): Promise<Record[]> {
  const { task, services, probe, temperature, seed } = options;
  const records: Record[] = [];
  const keep = async (what: string, make: () => Promise<object>): Promise<void> =>
    void records.push(await remember(options, problem, what, make));
  const serve = (arm: Arm): Promise<void> =>
    keep(keyOf(arm, probe), async () => ({
      arm: nameOf(arm),
      ...(await runSearch(services, task, problem, arm, probe, { temperature, seed })),
    }));
  await keep("greedy", () => samplePool(services, task, problem, 1, { temperature: 0, seed }));
  const { pooling } = plan;
  if (pooling) await serve(pooling);
  for (const arm of plan.arms) {
    const pool = pooling && canReplay(arm) && records.find((record) => record.kind === "search");
    if (pool) records.push(replay(arm, pool));
    else if (nameOf(arm) !== (pooling && nameOf(pooling))) await serve(arm);
  }
  // Some choose among the very answers that N samples are (a test of the gateway): they are not drawn twice.
  const drawn = records.find((record): record is SearchRecord => isPoolOf(record, plan.poolSize));
  await keep(`pool/${plan.poolSize}`, () =>
    drawn
      ? poolOf(services, task, drawn)
      : samplePool(services, task, problem, plan.poolSize, { temperature, seed }),
  );
  return records;
}

/** Arms whose candidates are independent samples, all of them run to their ends. */
const POOLS = /^(?:best-of-n|confidence-vote)\//;

const isPoolOf = (record: Record, size: number): boolean =>
  record.kind === "search" && POOLS.test(record.arm) && record.candidates.length === size;

/** A probe is named in the key: the same arm with another probe is another run. */
const keyOf = (arm: Arm, probe: string | undefined): string =>
  arm.verifier === "probe" ? `${nameOf(arm)}/${probe}` : nameOf(arm);

async function remember(
  { journal, model, task, level, split, temperature, seed }: RunOptions,
  problem: Problem,
  what: string,
  make: () => Promise<object>,
): Promise<Record> {
  const id = idOf(task, problem);
  const key = [model, task.name, level, split, temperature, seed, task.maxTokens, id, what].join("/");
  return recordOf(journal, key, async () => ({ key, problem: id, ...(await make()) }) as Record);
}
