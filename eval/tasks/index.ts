/** The procedural tasks by name. */
import type { Task } from "../src/task.ts";
import { calendar } from "./calendar.ts";
import { chainSum } from "./chain-sum.ts";
import { countdown } from "./countdown.ts";
import { jsonSchema } from "./json-schema.ts";
import { letterCount } from "./letter-count.ts";
import { maze } from "./maze.ts";
import { modular } from "./modular.ts";
import { satisfiability } from "./satisfiability.ts";
import { sorting } from "./sorting.ts";
import { stringFunctions } from "./string-functions.ts";

/** All of them. */
export const TASKS: readonly Task[] = [
  chainSum,
  modular,
  countdown,
  sorting,
  letterCount,
  satisfiability,
  maze,
  calendar,
  jsonSchema,
  stringFunctions,
];

/** The task of a name. @throws RangeError that lists the names. */
export function findTask(name: string): Task {
  const found = TASKS.find((task) => task.name === name);
  if (found) return found;
  throw new RangeError(`there is no task ${name}; there are ${TASKS.map((task) => task.name).join(", ")}`);
}
