/**
 * `npm run eval -- scaling`: strategies and verifiers beside greedy, pass@1, majority and the oracle, on one task. Calibration
 * first. Raw samples are kept in the output folder, and a run that was killed goes on from there.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { VerifierAccess, type VerifierInfo } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { integerIn, numberOver } from "#kit/option-values.ts";
import { findTask, TASKS } from "../tasks/index.ts";
import { readQuestionAnswers } from "../tasks/question-answers.ts";
import { verifierOf } from "./arms.ts";
import { calibrate, type CalibrationLine, type CalibrationOptions } from "./calibration.ts";
import { adviseJudges } from "./judge-fit.ts";
import { openJournal } from "./journal.ts";
import { addServicesOptions } from "./options.ts";
import { type Plan, planRun } from "./plan.ts";
import { checkUnseen } from "./probe.ts";
import { idOf, type Split } from "./problems.ts";
import { type Report, renderReport } from "./report/html.ts";
import { markdownOf, tableLines } from "./report/text.ts";
import { keepRun, writeKept } from "./results/kept.ts";
import { type Naming, plainRow, rowsOf, sortRecords } from "./rows.ts";
import { runPlan } from "./run.ts";
import type { Record } from "./sample.ts";
import type { Problem, Task } from "./task.ts";
import { openServices, type Services, type ServicesOptions } from "./services.ts";

interface ScalingOptions extends ServicesOptions {
  readonly quick?: boolean;
  readonly json?: string;
  readonly keep?: string;
  readonly out: string;
  readonly task: string;
  readonly questions?: string;
  readonly level: number;
  readonly split: Split;
  readonly problems?: number;
  readonly budgets?: string;
  readonly strategies?: string;
  readonly pool?: number;
  readonly replay?: boolean;
  readonly maxTokens?: number;
  readonly probe?: string;
  readonly policy?: string;
  readonly seed: number;
  readonly temperature: number;
  readonly parallel: number;
  readonly calibrate: "task" | "all" | "none";
}

const MAX_TEMPERATURE = 2;
const PROBLEMS = { quick: 4, full: 100 };
const CALIBRATION = { quick: { problems: 3, samples: 4 }, full: { problems: 20, samples: 8 } };
/** Levels a smoke test calibrates: of the task alone. */
const QUICK_LEVELS = 2;
const MAX_THREADS = 4;

/** Adds the command. */
export function addScalingEval(program: Command): void {
  const command = program
    .command("scaling")
    .description("strategies and verifiers beside greedy, pass@1, majority and the oracle")
    .option("--quick", "a smoke test of a few minutes: shows that all works, and no more")
    .option("--json <file>", "write the rows as JSON")
    .option("--keep <name>", "keep the result under eval/results, for the page about searches")
    .option("--out <folder>", "raw samples, plots and the report", join("build", "eval", "scaling"))
    .option("--task <name>", "task", "chain-sum")
    .option("--questions <file>", "questions and answers (JSONL) instead of a task")
    .option("--level <n>", "level of the task", integerIn(0, 99), 2)
    .option("--split <split>", "dev chooses, test reports once", "dev")
    .option("--problems <n>", "problems", integerIn(2, 100_000))
    .option("--budgets <list>", "candidates, comma-separated; 4,8, or 4 in a smoke test")
    .option("--strategies <list>", "these only, comma-separated: a strategy, or strategy/verifier")
    .option("--pool <n>", "independent samples a problem, if more than the budgets need", integerIn(1, 256))
    .option("--replay", "choose by replay among one served pool what chooses among independent samples")
    .option("--max-tokens <n>", "most tokens of an answer, if not the task's", integerIn(8, 4_096))
    .option("--probe <reference>", "stored probe to use as a learned verifier")
    .option("--policy <reference>", "stored table of auto to run")
    .option("--seed <n>", "seed of the samples", integerIn(0, 2 ** 31), 1)
    .option("--temperature <x>", "softmax temperature of samples", numberOver(0, MAX_TEMPERATURE), 0.7)
    .addOption(
      new Option("--calibrate <which>", "levels of which tasks the calibration table shows")
        .choices(["task", "all", "none"])
        .default("task"),
    )
    .option("--parallel <n>", "problems at a time: faster, but no times to go by", integerIn(1, 64), 1);
  addServicesOptions(command, Math.min(MAX_THREADS, availableParallelism())).action(evaluate);
}

async function evaluate(options: ScalingOptions): Promise<void> {
  const { out, level, split, probe, seed, temperature, parallel, quick = false } = options;
  const task = taskOf(options);
  const services = await openServices(options);
  mkdirSync(out, { recursive: true });
  const journal = openJournal<Record>(join(out, "samples.jsonl"));
  try {
    const { models } = await services.gateway.listModels({});
    const model = models[0]?.name ?? "";
    const calibration = await calibrateLevels(options, { services, journal, model, parallel }, task);
    const plan = await planOf(options, services, task);
    const ids = plan.problems.map((problem) => idOf(task, problem));
    if (probe !== undefined) await checkUnseen(services.gateway, probe, ids);
    const onProgress = (done: number, total: number) => note(`${done} of ${total} problems`);
    const run = {
      ...{ services, journal, model, task, level, split, probe, temperature, seed, parallel, onProgress },
    };
    const sorted = sortRecords(await runPlan(run, plan));
    const name = `${task.name}: ${task.levels[level]}`;
    const naming = await namingOf(services, plan.problems[0]!, probe);
    const rows = rowsOf({ model, task: name }, sorted, plan.arms, naming);
    const title = `${quick ? "Smoke test, no result: " : ""}${name}, ${split}, ${model}`;
    const truths = new Map(plan.problems.map((problem) => [idOf(task, problem), truthOf(problem)]));
    const advice = adviseJudges(plan.arms, sorted.searches, truths);
    if (options.keep !== undefined) {
      writeKept(options.keep, keepRun(title, commandLine(), plan.arms, rows, sorted));
    }
    writeResults(options, { title, isQuick: quick, calibration, rows, sorted, advice });
  } finally {
    journal.close();
    await services.close();
  }
}

function taskOf({ questions, task: name, maxTokens }: ScalingOptions): Task {
  const task = questions === undefined ? findTask(name) : readQuestionAnswers(questions);
  return maxTokens === undefined ? task : { ...task, maxTokens };
}

/** The calibration table that the options ask for. */
async function calibrateLevels(
  { calibrate: which, quick = false, level }: ScalingOptions,
  on: Omit<CalibrationOptions, "problems" | "samples">,
  task: Task,
): Promise<CalibrationLine[]> {
  const lines: CalibrationLine[] = [];
  for (const one of { task: [task], all: TASKS, none: [] }[which]) {
    for (const at of one.levels.keys()) {
      if (quick && Math.abs(at - level) >= QUICK_LEVELS) continue;
      note(`calibrating ${one.name}, level ${at}`);
      lines.push(await calibrate({ ...on, ...(quick ? CALIBRATION.quick : CALIBRATION.full) }, one, at));
    }
  }
  return lines;
}

async function planOf(
  { quick = false, level, split, probe, policy, problems, budgets, strategies, pool, replay }: ScalingOptions,
  { gateway }: Services,
  task: Task,
): Promise<Plan> {
  const { strategies: listed } = await gateway.listStrategies({});
  return planRun({
    ...{ quick, task, level, split, hasProbe: probe !== undefined, policy, pool, replay: replay ?? false },
    problems: problems ?? (quick ? PROBLEMS.quick : PROBLEMS.full),
    budgets: (budgets ?? (quick ? "4" : "4,8")).split(",").map(Number),
    strategies: strategies?.split(","),
    known: new Set(listed.map(({ name }) => name)),
  });
}

/** The command as a reader would repeat it: where it wrote and what it read are left to the reader. */
const commandLine = (): string =>
  `npm run eval -- ${process.argv
    .slice(2)
    .join(" ")
    .replaceAll(/ --(?:out|json|keep) \S+/g, "")
    .replaceAll(/(?<= )\/\S*\//g, "")}`;

/** Files, and the tables on standard output. */
function writeResults({ json, out }: ScalingOptions, report: Report): void {
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ rows: report.rows.map(plainRow) }, null, 2)}\n`);
  }
  for (const [file, text] of Object.entries(renderReport(report))) writeFileSync(join(out, file), text);
  writeFileSync(join(out, "report.md"), markdownOf(report));
  process.stdout.write(`${tableLines(report).join("\n")}\n\nreport: ${join(out, "report.html")}\n`);
}

/** The number an answer must be; NaN for tasks whose answers are no numbers. */
function truthOf({ outcome }: Problem): number {
  const { expected } = outcome.parameters;
  return typeof expected === "number" ? expected : Number.NaN;
}

/** Names and knowledge of verifiers, as the server lists them. */
async function namingOf({ gateway }: Services, problem: Problem, probe: string | undefined): Promise<Naming> {
  const { verifiers } = await gateway.listVerifiers({});
  const byName = new Map<string, VerifierInfo>(verifiers.map((info) => [info.name, info]));
  return (arm) => {
    const { name: verifier = "" } = verifierOf(arm, problem, probe) ?? {};
    const access = VerifierAccess[byName.get(verifier)?.access ?? VerifierAccess.NONE] ?? "NONE";
    return { verifier, access: access.toLowerCase() };
  };
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
