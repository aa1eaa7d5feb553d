/**
 * The run: what is compared is prepared, strengths are chosen on development prompts and frozen, test prompts are answered,
 * rows are made. Everything generated, read and scored is kept, so a run that was killed goes on where it stopped.
 */
import { join } from "node:path";
import { type Journal, openJournal } from "../journal.ts";
import type { Services } from "../services.ts";
import { controllerGate, probeGate } from "./activation-gates.ts";
import type { ReadingRecord } from "./activations.ts";
import { type AnswerRecord, answersOf, partsOfKey } from "./answers.ts";
import { type Arm, nameOfArm } from "./arms.ts";
import { castGate } from "./cast-gate.ts";
import { choose, type Development } from "./choose.ts";
import { developmentSetOf } from "./development.ts";
import { natsRatio, type Passage, type ScoreRecord } from "./degradation.ts";
import type { DivergenceRecord } from "./divergence.ts";
import { fluencyRatio } from "./fluency.ts";
import { frozenChoice, type FrozenChoice } from "./frozen.ts";
import { combine, type Gate, isOpen, trivialGates } from "./gate.ts";
import { createJudge, type Judge } from "./judge.ts";
import { modelKeyOf } from "./keys.ts";
import { digestOf } from "./labels.ts";
import { BASE, type Method } from "./method.ts";
import { type LabPrompt, type PromptClass, type PromptSplit, readLabPrompts } from "./prompts.ts";
import { type ReportRow, rowOf } from "./rows.ts";
import { textGates } from "./text-gates.ts";
import { readPassages, readTraining } from "./training.ts";

/** What a run works on. */
export interface LabOptions {
  readonly services: Services;
  readonly model: { readonly name: string; readonly digest: string; readonly layers: number };
  /** A second model that reads answers, if one is served. */
  readonly other: { readonly name: string; readonly digest: string } | undefined;
  /** Name of the recipe, and pinned. */
  readonly recipe: string;
  readonly pinned: string;
  /** Blocks the recipe acts on. */
  readonly blocks: readonly number[];
  readonly prompts: readonly LabPrompt[];
  readonly passages: number;
  /** Tokens of an answer: to test prompts, and to those that doses are chosen on. */
  readonly maxTokens: number;
  readonly developmentTokens: number;
  /** Folder of the kept samples. */
  readonly out: string;
  readonly onProgress: (text: string) => void;
}

/** A run with its samples at hand. */
export interface Lab extends LabOptions {
  readonly modelKey: string;
  readonly answers: Journal<AnswerRecord>;
  readonly readings: Journal<ReadingRecord>;
  readonly scores: Journal<ScoreRecord>;
  readonly divergences: Journal<DivergenceRecord>;
  readonly judge: Judge;
  close(): void;
}

/** Opens the kept samples of a run. */
export function openLab(options: LabOptions): Lab {
  const open = (name: string) => join(options.out, `${name}.jsonl`);
  const answers = openJournal<AnswerRecord>(open("answers"));
  const readings = openJournal<ReadingRecord>(open("readings"));
  const scores = openJournal<ScoreRecord>(open("scores"));
  const divergences = openJournal<DivergenceRecord>(open("divergences"));
  return {
    ...options,
    modelKey: modelKeyOf(options.model.digest),
    ...{ answers, readings, scores, divergences, judge: createJudge(options.services.referee) },
    close: () => [answers, readings, scores, divergences].forEach((journal) => journal.close()),
  };
}

/** Passages as prompts, so that gates decide on them too. */
const passagePrompts = (passages: readonly Passage[]): LabPrompt[] =>
  passages.map(({ id, request }) => ({
    ...{ id, text: request, family: "passages", split: "test", class: "harmless" },
  }));

/** The passages of a run. */
export const passagesOf = ({ recipe, passages }: LabOptions): Passage[] =>
  readPassages(recipe).slice(0, passages);

/**
 * The gates that are wanted, with the scores of every prompt of the run and of the passages' requests.
 * @param cast digest of CAST's artifact, whose gate is one of them
 */
export async function prepareGates(
  lab: Lab,
  wanted: (name: string) => boolean,
  cast: string | undefined,
): Promise<Gate[]> {
  const { services, model, modelKey, pinned, readings, onProgress } = lab;
  const prompts = [...lab.prompts, ...passagePrompts(passagesOf(lab))];
  const training = readTraining(lab.recipe);
  const source = {
    ...{ gateway: services.gateway, journal: readings, model: model.name, modelKey, recipe: pinned },
    onProgress,
  };
  const trained = training.filter(({ split }) => split === "train");
  return [
    ...[...trivialGates(prompts), ...textGates(trained, prompts)].filter(({ name }) => wanted(name)),
    ...(wanted("controller") || wanted("controller as served") ? await controllerGate(source, prompts) : []),
    ...(wanted("linear probe") ? [await probeGate(source, model.layers, training, prompts)] : []),
    ...(wanted("cast") && cast !== undefined ? [await castGate(source, cast, prompts)] : []),
  ];
}

/** An arm with what it names. */
export interface PreparedArm {
  readonly arm: Arm;
  readonly method: Method;
  readonly gate: Gate;
}

/** How strongly an arm acts, and what that was chosen by; nothing if the arm is as it is served. */
export interface Strength {
  readonly dose: number;
  readonly threshold: number;
  readonly choice: FrozenChoice | undefined;
}

/**
 * Chooses the strength of an arm on development prompts, or takes the frozen one.
 * @param isAgain a frozen one of other development prompts is chosen anew
 */
export async function freeze(
  lab: Lab,
  { arm, method, gate }: PreparedArm,
  isAgain: boolean,
): Promise<Strength> {
  if (arm.dose !== undefined && gate.threshold !== undefined)
    return { dose: arm.dose, threshold: gate.threshold, choice: undefined };
  const { model, pinned: recipe, maxTokens, developmentTokens } = lab;
  const path = join(lab.out, `frozen-${lab.modelKey}.json`);
  const training = digestOf(JSON.stringify(readTraining(lab.recipe)));
  const run = { modelDigest: model.digest, recipe, maxTokens, developmentTokens, training };
  const make = async () => {
    lab.onProgress(`development: ${nameOfArm(arm)}`);
    const [harmful, harmless] = [some(lab, "development", "harmful"), some(lab, "development", "harmless")];
    const development: Development = {
      ...{ harmful, harmless, judge: lab.judge },
      base: await generate(lab, BASE, 0, [...harmful, ...harmless], developmentTokens),
      steered: (one, dose, prompts) => generate(lab, one, dose, prompts, developmentTokens),
    };
    return choose(development, method, gate);
  };
  const choice = await frozenChoice({
    ...{ path, run, arm, isAgain, make, isTestOpened: () => isTestOpened(lab) },
    development: developmentSetOf(lab.prompts),
  });
  return { dose: choice.dose, threshold: choice.threshold, choice };
}

/** Has a test prompt been answered by this model in this folder? */
function isTestOpened({ answers, modelKey }: Lab): boolean {
  const tested = new Set(readLabPrompts().flatMap(({ id, split }) => (split === "test" ? [id] : [])));
  return [...answers.records.keys()]
    .map(partsOfKey)
    .some(({ model, prompt }) => model === modelKey && tested.has(prompt));
}

/** The row of an arm on the test prompts, at its frozen strength. */
export async function testArm(
  lab: Lab,
  { arm, method, gate }: PreparedArm,
  { dose, threshold, choice }: Strength,
): Promise<ReportRow> {
  lab.onProgress(`test: ${nameOfArm(arm)}`);
  const prompts = lab.prompts.filter(({ split }) => split === "test");
  const opened = prompts.filter((prompt) => isOpen(gate, threshold, prompt));
  const base = await generate(lab, BASE, 0, prompts);
  const steered = await generate(lab, method, dose, opened);
  const answers = combine(gate, threshold, prompts, base, steered);
  const judgements = await lab.judge.judge(answers);
  const passages = passagesOf(lab);
  const byId = new Map(passagePrompts(passages).map((prompt) => [prompt.id, prompt]));
  const source = {
    ...{ gateway: lab.services.gateway, journal: lab.scores },
    ...{ model: lab.model.name, modelKey: lab.modelKey },
  };
  const ratio = async (decide: (passage: Passage) => boolean) =>
    (await natsRatio(source, method, dose, passages, decide)) ?? null;
  return rowOf(
    {
      ...{ model: lab.model.name, recipe: lab.recipe, gate: gate.name, method: method.name },
      site: method.site,
    },
    {
      ...{ part: arm.part, primary: arm.primary, dose, choice },
      nllRatio: await ratio(({ id }) => isOpen(gate, threshold, byId.get(id)!)),
      nllRatioOpen: await ratio(() => true),
      otherRatio: await readByOther(
        lab,
        opened.filter((prompt) => prompt.class === "harmful"),
        { steered, base },
      ),
    },
    prompts.map((prompt, at) => ({ prompt, answer: answers[at]!, judgement: judgements[at]! })),
  );
}

async function readByOther(
  { other, services: { gateway }, scores: journal }: Lab,
  opened: readonly LabPrompt[],
  { steered, base }: { readonly [side in "steered" | "base"]: ReadonlyMap<string, AnswerRecord> },
): Promise<number | null> {
  if (other === undefined) return null;
  const source = { gateway, journal, model: other.name, modelKey: modelKeyOf(other.digest) };
  const pairs = opened.map(({ id }) => ({ steered: steered.get(id)!, base: base.get(id)! }));
  return (await fluencyRatio(source, pairs)) ?? null;
}

/** The row of the unsteered model. */
export async function testBase(lab: Lab): Promise<ReportRow> {
  const prompts = lab.prompts.filter(({ split }) => split === "test");
  const base = await generate(lab, BASE, 0, prompts);
  const answers = prompts.map(({ id }) => base.get(id)!);
  const judgements = await lab.judge.judge(answers);
  return rowOf(
    { model: lab.model.name, recipe: lab.recipe, gate: "none", method: BASE.name, site: BASE.site },
    {
      part: "base",
      primary: undefined,
      dose: 0,
      choice: undefined,
      nllRatio: 1,
      nllRatioOpen: 1,
      otherRatio: null,
    },
    prompts.map((prompt, at) => ({ prompt, answer: answers[at]!, judgement: judgements[at]! })),
  );
}

const some = ({ prompts }: Lab, split: PromptSplit, name: PromptClass): LabPrompt[] =>
  prompts.filter((prompt) => prompt.split === split && prompt.class === name);

async function generate(
  lab: Lab,
  method: Method,
  dose: number,
  prompts: readonly LabPrompt[],
  maxTokens = lab.maxTokens,
): Promise<Map<string, AnswerRecord>> {
  const { services, answers: journal, model, modelKey, onProgress } = lab;
  const source = { gateway: services.gateway, journal, model: model.name, modelKey, maxTokens, onProgress };
  return answersOf(source, method, dose, prompts);
}
