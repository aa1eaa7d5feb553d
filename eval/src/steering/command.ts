/**
 * `npm run eval -- steering`: ways to steer beside rivals and nulls, under gates, at strengths chosen on development prompts.
 * `npm run eval -- steering-sheet`: answers to label by hand, blind to the method.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { openJournal } from "../journal.ts";
import { addServicesOptions } from "../options.ts";
import { openServices, pickModel, type ServicesOptions } from "../services.ts";
import type { AnswerRecord } from "./answers.ts";
import { type Arm, ARMS, nameOfArm } from "./arms.ts";
import { comparePrimary } from "./comparison.ts";
import { freeze, type Lab, type Strength, openLab, prepareGates, testArm, testBase } from "./lab.ts";
import { gateQualities } from "./gate-quality.ts";
import { drawAnswers, errorsBySet, readLabels } from "./labels.ts";
import { availableMethods } from "./methods.ts";
import { readLabPrompts, takeSome } from "./prompts.ts";
import { buildRecipe } from "./recipe.ts";
import { labHtml, labLines, labMarkdown, type LabReport } from "./report.ts";
import { plainRow, type ReportRow } from "./rows.ts";
import { strengthPoints } from "./strengths.ts";
import { deviationsOf } from "./verdicts.ts";

interface SteeringOptions extends ServicesOptions {
  readonly quick?: boolean;
  readonly json?: string;
  readonly page?: string;
  readonly out: string;
  readonly served?: string;
  readonly other?: string;
  readonly recipe: string;
  readonly maxTokens?: number;
  readonly developmentTokens?: number;
  readonly arms?: string;
  readonly strengths: number;
  readonly harmful?: number;
  readonly others?: number;
  readonly testOthers?: number;
  readonly developmentOnly?: boolean;
  readonly deviation?: readonly string[];
}

interface PageOptions {
  readonly from: readonly string[];
  readonly page: string;
  readonly beside?: string;
}

/** Sizes of a run; a smoke test takes some prompts of each kind and short answers. */
const ALL = Number.POSITIVE_INFINITY;
const FULL = { prompts: { harmful: ALL, others: ALL }, passages: 24, maxTokens: 128 };
const QUICK = { prompts: { harmful: 12, others: 12 }, passages: 4, maxTokens: 32 };
/** Arms of a smoke test. */
const QUICK_ARMS: readonly string[] = [
  "controller × recipe",
  "none × recipe",
  "controller × forced prefix",
  "tf-idf × recipe",
  "controller × canned refusal",
];
const SHEET_SEED = 5;

/** Adds the commands. */
export function addSteeringEval(program: Command): void {
  const command = program
    .command("steering")
    .description("ways to steer beside rivals and nulls, under gates")
    .option("--quick", "a smoke test of a few minutes: shows that all works, and no more")
    .option("--json <file>", "write the rows as JSON")
    .option("--page <file>", "write the tables as a page of the documentation")
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
    .option("--arms <list>", 'these only: "gate × method", comma-separated')
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
  program
    .command("steering-report")
    .description("the page of the documentation, from what full runs left in their folders")
    .requiredOption("--from <folders...>", "folders of runs")
    .requiredOption("--page <file>", "where to write it")
    .option("--beside <page>", "name of the page of the other model, if only that is left of its run")
    .action(writePage);
  program
    .command("steering-sheet")
    .description(
      "answers of all methods to label by hand, without their methods, as JSONL on standard output",
    )
    .requiredOption("--out <folder>", "folder of a run's kept samples")
    .option("--count <n>", "answers that have no label yet", integerIn(1, 10_000), 400)
    .action(printSheet);
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
  const wanted = options.arms?.split(",").map((name) => name.trim()) ?? (isQuick ? QUICK_ARMS : undefined);
  const listed = ARMS.filter((arm) => wanted === undefined || wanted.includes(nameOfArm(arm)));
  const isGate = (name: string) => listed.some(({ gate }) => gate === name);
  const isMethod = (name: string) => listed.some(({ method }) => method === name);
  const { methods, missing, cast } = await availableMethods(lab, (name) => isMethod(name) || isGate(name));
  const gates = await prepareGates(lab, isGate, cast);
  const arms = listed.flatMap((arm) => {
    const method = methods.find(({ name }) => name === arm.method);
    const gate = gates.find(({ name }) => name === arm.gate);
    return method === undefined || gate === undefined ? [] : [{ arm, method, gate }];
  });
  const chosen: ((typeof arms)[number] & { readonly strength: Strength })[] = [];
  for (const one of arms) {
    // A control is as strong as what it is a control of.
    const ours = one.arm.part === "control" ? chosen.find(({ arm }) => arm.primary === "ours") : undefined;
    const strength = ours
      ? { ...ours.strength, choice: undefined }
      : await freeze(lab, one.arm, one.method, one.gate);
    chosen.push({ ...one, strength });
  }
  if (options.developmentOnly === true) return undefined;
  const used = [...new Set(arms.map(({ method }) => method))];
  const rows: ReportRow[] = [await testBase(lab)];
  for (const { arm, method, gate, strength } of chosen)
    rows.push(await testArm(lab, arm, method, gate, strength));
  return {
    model: lab.model.name,
    title: `${isQuick ? "Smoke test, no result: s" : "S"}teering lab: ${lab.recipe}, ${lab.model.name}`,
    ...{
      isQuick,
      rows,
      missing: [
        ...missing,
        ...absentArms(
          arms.map(({ arm }) => arm),
          wanted,
        ),
      ],
    },
    strengths: isQuick ? [] : await strengthPoints(lab, used, options.strengths),
    comparisons: comparePrimary(rows),
    gates: gateQualities(lab.prompts, gates),
    methods: used.map(({ name, site, description, doses }) => ({ name, site, description, doses })),
    judge: await errorsOfJudge(lab),
    setting: settingOf(lab),
    deviations: [
      ...deviationsOf(rows, {
        ...{ maxTokens: lab.maxTokens, developmentTokens: lab.developmentTokens },
        harmless: countOf(lab, "development", "harmless"),
        testHarmless: countOf(lab, "test", "harmless"),
      }),
      ...(options.deviation ?? []),
    ],
  };
}

/** Arms of the list that the run was told to leave out, or had no gate or method for. */
function absentArms(run: readonly Arm[], wanted: readonly string[] | undefined): string[] {
  const absent = ARMS.filter((arm) => !run.includes(arm)).map(nameOfArm);
  const [told, unable] = [
    absent.filter((name) => wanted !== undefined && !wanted.includes(name)),
    absent.filter((name) => wanted === undefined || wanted.includes(name)),
  ];
  return [
    ...(told.length > 0 ? [`Left out of this run: ${told.join(", ")}.`] : []),
    ...unable.map((name) => `${name}: its gate or method is not there.`),
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

const countOf = ({ prompts }: Lab, split: string, name: string): number =>
  prompts.filter((prompt) => prompt.split === split && prompt.class === name).length;

function settingOf(lab: Lab): string {
  const count = (split: string, name: string) => countOf(lab, split, name);
  return (
    `Recipe ${lab.pinned}; greedy answers of at most ${lab.maxTokens} tokens; development: ${count("development", "harmful")} harmful ` +
    `and ${count("development", "harmless")} harmless prompts; test: ${count("test", "harmful")} harmful, ` +
    `${count("test", "harmless")} harmless, ${count("test", "borderline")} borderline ones.`
  );
}

function publish(report: LabReport, out: string, modelKey: string, { json, page }: SteeringOptions): void {
  writeFileSync(join(out, `report-${modelKey}.json`), `${JSON.stringify(report)}\n`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ rows: report.rows.map(plainRow) }, null, 2)}\n`);
  if (page !== undefined) writeFileSync(page, labMarkdown([report]));
  writeFileSync(join(out, "report.html"), labHtml(report));
  process.stdout.write(`${labLines(report).join("\n")}\n\nreport: ${join(out, "report.html")}\n`);
}

/** The page from the reports of several runs, in order. */
function writePage({ from, page, beside }: PageOptions): void {
  const files = from.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^report-.*\.json$/.test(name))
      .map((name) => join(folder, name)),
  );
  const reports = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as LabReport);
  if (reports.length === 0) throw new Error("no report in these folders: a full run leaves one");
  writeFileSync(page, labMarkdown(reports, beside));
}

/** Answers of a run to label: request and answer, never the method. */
function printSheet({ out, count }: { readonly out: string; readonly count: number }): void {
  const journal = openJournal<AnswerRecord>(join(out, "answers.jsonl"));
  const texts = new Map(readLabPrompts().map(({ id, text, split }) => [id, { text, split }]));
  const labelled = new Set(readLabels().map(({ text }) => text));
  const answers = [...journal.records.values()].flatMap(({ key, text }) => {
    const [, , method = "", , id = ""] = key.split("/");
    const prompt = texts.get(id);
    const isOpen = prompt?.split === "development" && !labelled.has(text);
    return isOpen ? [{ method, text, request: prompt.text }] : [];
  });
  for (const { request, text } of drawAnswers(answers, count, SHEET_SEED))
    process.stdout.write(`${JSON.stringify({ request, text })}\n`);
  journal.close();
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
