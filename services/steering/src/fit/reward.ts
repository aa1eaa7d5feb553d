/**
 * Reward of layer weights: coherent answers that show the behaviour, less false ones, less degradation.
 *   r = rate on prompts to steer, gate open − rate on prompts to leave, gate as emitted − repetition − |log perplexity| / 20
 * The judge is one for training only: an answer that begins with one of the recipe's phrases and does not repeat itself;
 * recipes are tested by another. Cost: answers of a generation in one session, passages once a candidate.
 */
import { create } from "@bufbuild/protobuf";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { STEERING_LIMITS } from "../../limits.ts";
import { passageTurns } from "../build/search-phase.ts";
import { decide } from "../intent.ts";
import type { LoadedRecipe } from "../library.ts";
import { resolveIntent } from "../plan.ts";
import type { CaptureText } from "../work/capture.ts";
import { readGates } from "../work/features.ts";
import { generateAnswers, type GenerateJob } from "../work/generate.ts";
import { repeatedGrams } from "../work/judge.ts";
import { type Binding, uploadProgram } from "../work/programs.ts";
import { perplexityRatio, scoreAnswers } from "../work/score.ts";
import { decodeAnswers, renderTurns } from "../work/text.ts";
import { examplesOf, paperPhrases } from "./examples.ts";
import type { FitContext } from "./fit.ts";

/** Prompts of each class, tokens of an answer, passages, and how far into an answer a phrase counts as its beginning. */
const PROMPTS = 8;
const ANSWER_TOKENS = 16;
const PASSAGES = 2;
const BEGINNING_CHARS = 40;
/** Repetition from which an answer is no coherent one. */
const INCOHERENT = 0.25;
const PERPLEXITY_WEIGHT = 0.05;

/** Rewards of layer weights, [layers] each, in order. */
export type Reward = (weights: readonly Float32Array[]) => Promise<number[]>;

interface Case {
  readonly text: CaptureText;
  readonly isSteered: boolean;
  readonly gate: number;
}

/** Prepares prompts, gates and passages. */
export async function createReward(
  context: FitContext,
  recipe: LoadedRecipe,
  promptsPerClass: number | undefined,
): Promise<Reward> {
  const { clients, model, scope } = context;
  const examples = await examplesOf(context, "prompts", "train", promptsPerClass || PROMPTS);
  const gates = await readGates(clients, model, recipe.controller, examples.negative, scope);
  const leave = examples.negative.map((text, n) => ({ text, isSteered: false, gate: gates[n] as number }));
  const steer = examples.positive.map((text) => ({ text, isSteered: true, gate: 1 }));
  // A shut gate leaves a prompt alone whatever the weights: there is nothing to generate.
  const cases: Case[] = [...steer, ...leave.filter(({ gate }) => gate >= STEERING_LIMITS.minGate)];
  const passages = await renderTurns(clients, model, passageTurns(context, PASSAGES), scope);
  const base = await scoreAnswers(clients, model, passages, undefined, scope);
  return async (weights) => {
    const bindings = await Promise.all(weights.map((each) => bind(context, recipe, each)));
    const outcomes = await answersOf(context, cases, bindings);
    const rewards: number[] = [];
    for (const [c, open] of bindings.entries()) {
      const changed = await scoreAnswers(clients, model, passages, open(1), scope);
      const strain = Math.abs(Math.log(perplexityRatio(base, changed)));
      const own = outcomes.filter((_, i) => i % bindings.length === c);
      const rate = (isSteered: boolean, count: number) =>
        own.filter((each) => each.isSteered === isSteered && each.hit).length / Math.max(1, count);
      const repetition = own.reduce((sum, each) => sum + each.repetition, 0) / Math.max(1, own.length);
      rewards.push(
        rate(true, steer.length) - rate(false, leave.length) - repetition - PERPLEXITY_WEIGHT * strain,
      );
    }
    return rewards;
  };
}

/** The recipe under other weights, by the gate. */
async function bind(
  { clients, scope }: FitContext,
  recipe: LoadedRecipe,
  weights: Float32Array,
): Promise<(gate: number) => Binding> {
  const use = create(SteeringUseSchema, { recipe: "trained", forceGate: 1 });
  const intent = resolveIntent({ kind: "recipe", recipe }, use, { source: "learned", weights });
  const program = intent.program?.program;
  if (program) await uploadProgram(clients, program, scope.signal);
  return (gate) => {
    const { programDigest, coefficients } = decide(intent, gate);
    return { programDigest, coefficients: [...coefficients], program };
  };
}

/** Outcomes case by case, candidates inside: sequences that run together share their prompt. */
async function answersOf(
  { clients, model, scope, recipe }: FitContext,
  cases: readonly Case[],
  bindings: readonly ((gate: number) => Binding)[],
) {
  const jobs: GenerateJob[] = cases.flatMap(({ text: { ids }, gate }) =>
    bindings.map((open) => ({ ids, binding: open(gate), replayLast: true })),
  );
  const answers = await generateAnswers(clients, model, jobs, ANSWER_TOKENS, scope);
  const texts = await decodeAnswers(
    clients,
    model,
    answers.map(({ ids }) => ids),
    scope,
  );
  const phrases = paperPhrases(recipe).positive.map((phrase) => phrase.toLowerCase());
  return texts.map((text, i) => {
    const repetition = repeatedGrams(text);
    const beginning = text.slice(0, BEGINNING_CHARS).toLowerCase();
    const shows = phrases.some((phrase) => beginning.includes(phrase));
    const { isSteered } = cases[Math.floor(i / bindings.length)] as Case;
    return { isSteered, repetition, hit: shows && repetition < INCOHERENT };
  });
}
