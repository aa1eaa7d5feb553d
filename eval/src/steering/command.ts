/** `npm run eval -- steering`: ways to steer beside rivals and nulls, under gates, at strengths chosen on development prompts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { addServicesOptions } from "../options.ts";
import { openServices, pickModel, type ServicesOptions } from "../services.ts";
import { type Arm, ARMS, armsNamed, nameOfArm } from "./arms.ts";
import { comparePrimary } from "./comparison.ts";
import { deviationsOf } from "./deviations.ts";
import { developmentSetOf } from "./development.ts";
import {
  freeze,
  type Lab,
  openLab,
  type PreparedArm,
  prepareGates,
  type Strength,
  testArm,
  testBase,
} from "./lab.ts";
import { gateQualities } from "./gate-quality.ts";
import { errorsBySet, readLabels } from "./labels.ts";
import { availableMethods } from "./methods.ts";
import { readLabPrompts, takeSome } from "./prompts.ts";
import { buildRecipe } from "./recipe.ts";
import { leaveReport } from "./report-command.ts";
import { labHtml, labLines, type LabReport } from "./report.ts";
import { plainRow, type ReportRow } from "./rows.ts";
import { strengthPoints } from "./strengths.ts";

interface SteeringOptions extends ServicesOptions {
  readonly quick?: boolean;
  readonly json?: string;
  readonly keep?: string;
  readonly out: string;
  readonly served?: string;
  readonly other?: string;
  readonly recipe: string;
  readonly maxTokens?: number;
  readonly developmentTokens?: number;
  readonly arms?: readonly Arm[];
  readonly chooseAgain: readonly Arm[];
  readonly strengths: number;
  readonly harmful?: number;
  readonly others?: number;
  readonly testOthers?: number;
  readonly developmentOnly?: boolean;
  readonly deviation?: readonly string[];
}

/** Sizes of a run; a smoke test takes some prompts of each kind and short answers. */
const ALL = Number.POSITIVE_INFINITY;
const FULL = { prompts: { harmful: ALL, others: ALL }, passages: 24, maxTokens: 128 };
const QUICK = { prompts: { harmful: 12, others: 12 }, passages: 4, maxTokens: 32 };
/** Arms of a smoke test. */
const QUICK_ARMS = armsNamed([
  "controller × recipe",
  "none × recipe",
  "controller × forced prefix",
  "tf-idf × recipe",
  "controller × canned refusal",
]);

/** Adds the command. */
export function addSteeringEval(program: Command): void {
  const command = program
    .command("steering")
    .description("ways to steer beside rivals and nulls, under gates")
    .option("--quick", "a smoke test of a few minutes: shows that all works, and no more")
    .option("--json <file>", "write the rows as JSON")
    .option("--keep <name>", "keep the report under eval/results, for the page of the documentation")
    .option(
      "--out <folder>",
      "kept samples, frozen strengths and the report",
      join("build", "eval", "steering"),
    )
    .option("--served <name>", "name of the served model; the first one if it is left out")
    .option("--other <name>", "name of a second served model that reads the answers")
    .option("--recipe <name>", "recipe", "refusal")
    .option("--max-tokens <n>", "tokens of an answer", integerIn(1, 4096))
    .option(
      "--development-tokens <n>",
      "the same where doses are chosen; as the test if it is left out",
      integerIn(1, 4096),
    )
    .option(
      "--arms <list>",
      'these only: "gate × method" or one of the sets primary, canned, controls; comma-separated',
      armList,
    )
    .option(
      "--choose-again <list>",
      "arms whose frozen strength is of other development prompts are chosen anew; the report says so",
      armList,
      [],
    )
    .option(
      "--strengths <n>",
      "harmful development prompts on which methods are compared at equal strength; 0: none",
      integerIn(0, 1000),
      24,
    )
    .option("--harmful <n>", "most harmful prompts of a split", integerIn(1, 10_000))
    .option("--others <n>", "most prompts of every other class and kind of a split", integerIn(1, 10_000))
    .option(
      "--test-others <n>",
      "the same of the test split alone: the dose rule wants many harmless development prompts",
      integerIn(1, 10_000),
    )
    .option("--deviation <text...>", "where the run departs from the protocol besides, for the report")
    .option("--development-only", "choose and freeze strengths, and leave the test prompts alone");
  addServicesOptions(command).action(evaluate);
}

async function evaluate(options: SteeringOptions): Promise<void> {
  const { quick = false } = options;
  const out = quick ? join(options.out, "quick") : options.out;
  mkdirSync(out, { recursive: true });
  const services = await openServices(options);
  try {
    const { models } = await services.gateway.listModels({});
    const model = pickModel(models, options.served);
    const size = quick ? QUICK : FULL;
    const maxTokens = options.maxTokens ?? size.maxTokens;
    const recipe = await buildRecipe(services.gateway, model.name, options.recipe, note);
    const lab = openLab({
      other: models.find(({ name }) => name === options.other),
      ...{ services, model, recipe: recipe.name, pinned: recipe.resolved, blocks: recipe.layers },
      ...{ out, onProgress: note },
      ...{ passages: size.passages, maxTokens },
      developmentTokens: options.developmentTokens ?? maxTokens,
      prompts: takeSome(readLabPrompts(), {
        harmful: options.harmful ?? size.prompts.harmful,
        others: options.others ?? size.prompts.others,
        testOthers: options.testOthers ?? options.others ?? size.prompts.others,
      }),
    });
    try {
      const report = await runArms(lab, options, quick);
      if (report !== undefined) publish(report, out, lab.modelKey, options);
    } finally {
      lab.close();
    }
  } finally {
    await services.close();
  }
}

/** Development first, for all arms; then the test. Undefined if only strengths were chosen. */
async function runArms(lab: Lab, options: SteeringOptions, isQuick: boolean): Promise<LabReport | undefined> {
  const wanted = options.arms ?? (isQuick ? QUICK_ARMS : ARMS);
  const { arms, gates, missing } = await prepareArms(lab, wanted);
  const chosen = await chooseStrengths(lab, arms, options.chooseAgain);
  if (options.developmentOnly === true) return undefined;
  const used = [...new Set(arms.map(({ method }) => method))];
  const rows: ReportRow[] = [await testBase(lab)];
  for (const { strength, ...prepared } of chosen) rows.push(await testArm(lab, prepared, strength));
  const strengths = isQuick ? [] : await strengthPoints(lab, used, options.strengths);
  return {
    model: lab.model.name,
    title: `${isQuick ? "Smoke test, no result: s" : "S"}teering lab: ${lab.recipe}, ${lab.model.name}`,
    ...{ isQuick, rows, strengths },
    missing: [
      ...missing,
      ...absentArms(
        arms.map(({ arm }) => arm),
        wanted,
      ),
      ...(strengths.length === 0 ? ["Methods at equal strength."] : []),
    ],
    comparisons: comparePrimary(rows),
    gates: gateQualities(lab.prompts, gates),
    methods: used.map(({ name, site, description, doses }) => ({ name, site, description, doses })),
    judge: await errorsOfJudge(lab),
    setting: settingOf(lab),
    deviations: [
      ...deviationsOf(rows, {
        ...{ maxTokens: lab.maxTokens, developmentTokens: lab.developmentTokens },
        development: developmentSetOf(lab.prompts),
        testHarmless: countOf(lab, "harmless"),
      }),
      ...(options.deviation ?? []),
    ],
  };
}

/** The arms whose gate and method are there, and what is missing, with the reason. */
async function prepareArms(lab: Lab, wanted: readonly Arm[]) {
  const isGate = (name: string) => wanted.some(({ gate }) => gate === name);
  const isMethod = (name: string) => wanted.some(({ method }) => method === name);
  const { methods, missing, cast } = await availableMethods(lab, (name) => isMethod(name) || isGate(name));
  const gates = await prepareGates(lab, isGate, cast);
  const arms = wanted.flatMap((arm): PreparedArm[] => {
    const method = methods.find(({ name }) => name === arm.method);
    const gate = gates.find(({ name }) => name === arm.gate);
    return method === undefined || gate === undefined ? [] : [{ arm, method, gate }];
  });
  return { arms, gates, missing };
}

/** The strength of every arm; a control is as strong as what it is a control of. */
async function chooseStrengths(lab: Lab, arms: readonly PreparedArm[], again: readonly Arm[]) {
  const chosen: (PreparedArm & { readonly strength: Strength })[] = [];
  for (const one of arms) {
    const ours = one.arm.part === "control" ? chosen.find(({ arm }) => arm.primary === "ours") : undefined;
    const strength = ours
      ? { ...ours.strength, choice: undefined }
      : await freeze(lab, one, again.includes(one.arm));
    chosen.push({ ...one, strength });
  }
  return chosen;
}

/** Arms of the list that the run was told to leave out, or had no gate or method for. */
function absentArms(run: readonly Arm[], wanted: readonly Arm[]): string[] {
  const absent = ARMS.filter((arm) => !run.includes(arm));
  const told = absent.filter((arm) => !wanted.includes(arm));
  return [
    ...(told.length > 0 ? [`Left out of this run: ${told.map(nameOfArm).join(", ")}.`] : []),
    ...absent
      .filter((arm) => wanted.includes(arm))
      .map((arm) => `${nameOfArm(arm)}: its gate or method is not there.`),
  ];
}

async function errorsOfJudge({ judge }: Lab) {
  const labels = readLabels();
  const judgements = await judge.judge(labels);
  return errorsBySet(
    labels,
    judgements.map(({ outcome }) => outcome),
  );
}

/** Test prompts of a class. */
const countOf = ({ prompts }: Lab, name: string): number =>
  prompts.filter((prompt) => prompt.split === "test" && prompt.class === name).length;

function settingOf(lab: Lab): string {
  const { harmful, harmless } = developmentSetOf(lab.prompts);
  return (
    `Recipe ${lab.pinned}; greedy answers of at most ${lab.maxTokens} tokens; development: ${harmful} harmful ` +
    `and ${harmless} harmless prompts; test: ${countOf(lab, "harmful")} harmful, ` +
    `${countOf(lab, "harmless")} harmless, ${countOf(lab, "borderline")} borderline ones.`
  );
}

/** Arms of an argument: comma-separated. */
function armList(text: string): Arm[] {
  try {
    return armsNamed(text.split(",").map((name) => name.trim()));
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function publish(report: LabReport, out: string, modelKey: string, { json, keep }: SteeringOptions): void {
  leaveReport(report, out, modelKey, keep);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ rows: report.rows.map(plainRow) }, null, 2)}\n`);
  writeFileSync(join(out, "report.html"), labHtml(report));
  process.stdout.write(`${labLines(report).join("\n")}\n\nreport: ${join(out, "report.html")}\n`);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
