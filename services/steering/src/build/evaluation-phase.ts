/**
 * Last phase: the evidence. Test prompts of topic families never seen before, base against steered, greedy, judged; of a recipe with a
 * gate besides what the same gate does in mode "reply".
 *
 * A prompt whose gate stays shut is not generated twice: no program is bound, so the tokens are the same by construction.
 * Tokens: test prompts and their answers, twice where the gate opens; passages once more with the gate forced open.
 */
import { create } from "@bufbuild/protobuf";
import {
  type Evaluation,
  type EvaluationCell,
  EvaluationCellSchema,
  EvaluationSchema,
  type GateQuality,
  GateQualitySchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { STEERING_LIMITS } from "../../limits.ts";
import { accuracy, auroc } from "../controller/metrics.ts";
import { type Prompt, takePrompts } from "../recipes/prompts.ts";
import { type RecipeSource, type Role, ROLES } from "../recipes/recipe.ts";
import { proportion } from "#kit/wilson.ts";
import { REPLY_GATE, replyText } from "../reply.ts";
import { newTokens } from "../work/capture.ts";
import { readGates } from "../work/features.ts";
import type { Binding } from "../work/programs.ts";
import { countOutcomes, type Judge, judgeAnswers, judgeGenerated, type Outcome } from "../work/judge.ts";
import { perplexityRatio, scoreAnswers } from "../work/score.ts";
import { type Rendered, renderTurns } from "../work/text.ts";
import type { PhaseContext } from "./context.ts";
import { type ControllerResult, promptsOf, renderPrompts } from "./controller-phase.ts";
import { answerDirections, type DirectionResult } from "./direction-phase.ts";
import { passageTurns, type SearchResult } from "./search-phase.ts";
import { keptAnswers } from "./kept.ts";
import { openBinding } from "./steer.ts";

/** Everything the evaluation looks at. */
export interface Built {
  readonly direction: DirectionResult;
  readonly search: SearchResult;
  /** Absent: the recipe always acts. */
  readonly controller?: ControllerResult;
}

interface TestSet {
  /** What the recipe has it for; names are its author's, and may be any text. */
  readonly role: Role;
  readonly name: string;
  readonly prompts: readonly Prompt[];
  readonly rendered: readonly Rendered[];
  readonly gates: readonly number[];
}

/** Evaluates a built recipe on its own test prompts. */
export async function evaluationPhase(context: PhaseContext, built: Built): Promise<Evaluation> {
  const { recipe } = context;
  const { evaluation: settings } = recipe.settings;
  const open = await openBinding(context, answerDirections(built.direction), built.search);
  const classes = testClasses(recipe);
  const passages = await renderTurns(
    context.clients,
    context.model,
    passageTurns(context, settings.passages),
    context.scope,
  );
  const rendered = await Promise.all(classes.map(({ prompts }) => renderPrompts(context, prompts)));
  context.budget(tokenBudget(rendered, passages, settings.answer_tokens));
  context.say("gates of test prompts");
  const sets: TestSet[] = [];
  for (const [i, each] of classes.entries()) {
    const texts = rendered[i] as Rendered[];
    sets.push({ ...each, rendered: texts, gates: await gatesOf(context, built, texts) });
  }
  const cells: EvaluationCell[] = [];
  for (const set of sets) {
    context.say(`${set.prompts.length} ${set.name} prompts, base and steered`);
    cells.push(...(await evaluateSet(context, set, open)));
  }
  context.say("perplexity of harmless text");
  const ratios = await perplexity(context, built, passages, open);
  const gate = await gateQualities(context, built, sets);
  return create(EvaluationSchema, {
    cells,
    gate,
    perplexityRatio: ratios.emitted,
    perplexityRatioForcedOpen: ratios.open,
    judge: judgeName(recipe.settings.judge),
  });
}

/** Test prompts of the classes that the recipe has. */
function testClasses({ settings, ...recipe }: RecipeSource): Pick<TestSet, "role" | "name" | "prompts">[] {
  const count = settings.evaluation.prompts_per_class;
  return ROLES.flatMap((role) => {
    const named = settings.prompts[role];
    return named ? [{ role, name: named.class, prompts: takePrompts(recipe[role], "test", count) }] : [];
  });
}

function gatesOf(
  { clients, model, scope }: PhaseContext,
  { controller }: Built,
  rendered: readonly Rendered[],
): Promise<number[]> {
  return readGates(clients, model, controller?.runner, promptsOf(rendered), scope);
}

/** The binding a gate gives; undefined if the request is left alone. */
function bindingAt(open: Binding, gate: number): Binding | undefined {
  if (gate < STEERING_LIMITS.minGate) return undefined;
  return { ...open, coefficients: open.coefficients.map((c) => Math.fround(gate * c)) };
}

async function evaluateSet(context: PhaseContext, set: TestSet, open: Binding): Promise<EvaluationCell[]> {
  const { clients, model, scope, recipe } = context;
  const { judge } = recipe.settings;
  const bindings = set.gates.map((gate) => bindingAt(open, gate));
  // Base and steered of one prompt side by side, so that they share its pages.
  const jobs = set.rendered.flatMap(({ ids }, i) => {
    const binding = bindings[i];
    const base = { ids, replayLast: false };
    return binding ? [base, { ids, binding, replayLast: true }] : [base];
  });
  const answers = await keptAnswers(
    context,
    `evaluation-${set.role}`,
    jobs,
    recipe.settings.evaluation.answer_tokens,
  );
  const prompts = set.prompts.flatMap(({ text }, i) => (bindings[i] ? [text, text] : [text]));
  const outcomes = await judgeGenerated(context, answers, (i) => prompts[i] as string, judge);
  const arms = { base: [] as Outcome[], steered: [] as Outcome[] };
  let next = 0;
  for (const binding of bindings) {
    const base = outcomes[next++] as Outcome;
    arms.base.push(base);
    arms.steered.push(binding ? (outcomes[next++] as Outcome) : base);
  }
  const cells = [cell(set.name, "base", arms.base), cell(set.name, "steered", arms.steered)];
  if (!recipe.settings.controller) return cells;
  const replies = set.prompts.map(({ text }) => ({
    prompt: text,
    text: replyText(recipe),
    finish: FinishReason.STOP,
  }));
  const replied = await judgeAnswers(clients, model, replies, judge, scope);
  const given = arms.base.map((base, i) =>
    (set.gates[i] as number) < REPLY_GATE ? base : (replied[i] as Outcome),
  );
  return [...cells, cell(set.name, "reply", given)];
}

/** How tables name a judge. */
const judgeName = ({ verifier, label }: Judge): string => (label === "" ? verifier : `${verifier}: ${label}`);

function cell(prompts: string, arm: string, outcomes: readonly Outcome[]): EvaluationCell {
  const labels = Map.groupBy(outcomes, ({ label }) => label);
  const rates = Object.fromEntries(
    [...labels].map(([label, same]) => [label, same.length / outcomes.length]),
  );
  const { hits, trials, repetition } = countOutcomes(outcomes);
  return create(EvaluationCellSchema, {
    prompts,
    arm,
    rate: proportion(hits, trials),
    outcomes: rates,
    repetition,
  });
}

/** Perplexity ratios of the passages, with the gate of each passage's own prompt and with the gate forced open. */
async function perplexity(context: PhaseContext, built: Built, passages: readonly Rendered[], open: Binding) {
  const { clients, model, scope } = context;
  const gates = await gatesOf(context, built, passages);
  const base = await scoreAnswers(clients, model, passages, undefined, scope);
  const forced = await scoreAnswers(clients, model, passages, open, scope);
  const emitted = [...base];
  for (const [i, gate] of gates.entries()) {
    const binding = bindingAt(open, gate);
    if (binding)
      emitted.splice(i, 1, ...(await scoreAnswers(clients, model, passages.slice(i, i + 1), binding, scope)));
  }
  return { emitted: perplexityRatio(base, emitted), open: perplexityRatio(base, forced) };
}

async function gateQualities(
  context: PhaseContext,
  built: Built,
  [steer, leave, borderline]: readonly TestSet[],
): Promise<GateQuality[]> {
  if (!built.controller) return [];
  const { recipe } = context;
  const count = recipe.settings.evaluation.prompts_per_class;
  const validation = async (prompts: readonly Prompt[]) =>
    gatesOf(context, built, await renderPrompts(context, takePrompts(prompts, "validation", count)));
  const quality = (set: string, positive: readonly number[], negative: readonly number[]): GateQuality =>
    create(GateQualitySchema, {
      set,
      auroc: auroc({ positive, negative }),
      accuracy: accuracy({ positive, negative }),
      n: positive.length + negative.length,
    });
  return [
    quality("validation", await validation(recipe.steer), await validation(recipe.leave)),
    quality("test", steer?.gates ?? [], leave?.gates ?? []),
    ...(borderline ? [quality("borderline", steer?.gates ?? [], borderline.gates)] : []),
  ];
}

function tokenBudget(
  rendered: readonly (readonly Rendered[])[],
  passages: readonly Rendered[],
  answerTokens: number,
): number {
  const prompts = rendered.reduce((sum, texts) => sum + newTokens(texts), 0);
  const answers = rendered.reduce((sum, texts) => sum + texts.length, 0) * answerTokens;
  const passageTokens = passages.reduce((sum, { ids }) => sum + ids.length, 0);
  // Prompts are read for the gate and again for the answers; about half of the prompts are answered twice.
  return Math.round(2 * prompts + 1.5 * answers + 3 * passageTokens);
}
