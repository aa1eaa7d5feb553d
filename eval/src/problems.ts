/**
 * Problems of a split. A problem's split is a function of its content alone, so splits are disjoint whatever the seed, the
 * number and the order in which they are drawn. Cost: one SHA-256 a draw.
 */
import { createHash } from "node:crypto";
import { createRandom } from "./random.ts";
import type { Problem, Task } from "./task.ts";

/** What a problem is for: training verifiers, choosing, reporting once. */
export type Split = "train" | "dev" | "test";

/** Split of each residue of the content's hash modulo 4: half of all content trains. */
const SPLITS: readonly Split[] = ["train", "train", "dev", "test"];
/** Draws a problem wanted: a level with less content than that has too few problems. */
const DRAWS = 400;

/** Split of a problem of a task. */
export function splitOf(task: Pick<Task, "name">, { key }: Pick<Problem, "key">): Split {
  return SPLITS[hashOf(task, key).readUInt32LE(0) % SPLITS.length]!;
}

/** Short name of a problem: 16 hex digits of the hash of its content. */
export function idOf(task: Pick<Task, "name">, { key }: Pick<Problem, "key">): string {
  return hashOf(task, key).toString("hex").slice(0, 16);
}

/**
 * `count` different problems of a level and split.
 * @throws RangeError if the level is unknown or has too few problems.
 */
export function drawProblems(
  task: Task,
  level: number,
  split: Split,
  count: number,
  seed: number,
): Problem[] {
  if (task.levels[level] === undefined) {
    throw new RangeError(`${task.name} has levels 0 to ${task.levels.length - 1}, not ${level}`);
  }
  const random = createRandom(seed);
  const problems = new Map<string, Problem>();
  for (let draws = 0; problems.size < count; draws++) {
    if (draws > DRAWS * count) {
      throw new RangeError(
        `${task.name} level ${level} has only ${problems.size} ${split} problems of ${count}`,
      );
    }
    const problem = task.draw(level, random);
    if (splitOf(task, problem) === split && !problems.has(problem.key)) problems.set(problem.key, problem);
  }
  return [...problems.values()];
}

function hashOf({ name }: Pick<Task, "name">, key: string): Buffer {
  return createHash("sha256").update(`${name}\0${key}`).digest();
}
