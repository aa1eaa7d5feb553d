/** Measuring points of a sweep: answers of both classes judged, passages scored, the next-token distribution compared. */
import { SWEEP_LIMITS } from "../../limits.ts";
import { passageTurns } from "../build/search-phase.ts";
import type { FitContext } from "../fit/fit.ts";
import { type Prompt, takePrompts } from "../recipes/prompts.ts";
import { divergence, type DivergenceBase, divergenceBase } from "../work/divergence.ts";
import { generateAnswers } from "../work/generate.ts";
import { countByCandidate, judgeGenerated, type OutcomeCounts } from "../work/judge.ts";
import { type AnswerLogprob, perplexityRatio, scoreAnswers } from "../work/score.ts";
import { type Rendered, renderTurns } from "../work/text.ts";
import { createAbility } from "./ability.ts";
import type { SweepCandidate } from "./candidates.ts";
import { SWEEP_ROUNDS } from "./schedule.ts";

/** What was measured of a point so far. */
export interface Tally {
  readonly effect: number;
  readonly falseEffect: number;
  /** Prompts of each class. */
  readonly n: number;
  readonly repetition: number;
  readonly perplexityRatio: number;
  readonly nats: number;
  /** Share of easy questions whose right answer is the likeliest, steered. */
  readonly ability: number;
}

/** Measures points. */
export interface Measures {
  /** The ability slice of the model as it is. */
  readonly baseAbility: number;
  /** Runs every candidate on a slice of the prompts of both classes and adds to its tally. */
  run(
    candidates: readonly SweepCandidate[],
    prompts: { readonly from: number; readonly count: number },
    tallies: Map<SweepCandidate, Tally>,
  ): Promise<void>;
}

interface PromptSet {
  readonly prompts: readonly Prompt[];
  readonly rendered: readonly Rendered[];
}

/** Prepares validation prompts and passages. */
export async function createMeasures(context: FitContext): Promise<Measures> {
  const { clients, model, recipe, scope } = context;
  const most = SWEEP_ROUNDS.most * 8;
  const setOf = async (prompts: readonly Prompt[]): Promise<PromptSet> => ({
    prompts,
    rendered: await renderTurns(
      clients,
      model,
      prompts.map(({ text }) => ({ prompt: text })),
      scope,
    ),
  });
  const steer = await setOf(takePrompts(recipe.steer, "validation", most));
  const leave = await setOf(takePrompts(recipe.leave, "validation", most));
  const passages = await renderTurns(clients, model, passageTurns(context, SWEEP_LIMITS.passages), scope);
  const texts = passages.map(({ ids, answerTokens }) => ({ ids, first: ids.length - answerTokens }));
  const abilityOf = await createAbility(context);
  const baseAbility = await abilityOf(undefined);
  let base: { logprobs: readonly AnswerLogprob[]; distributions: DivergenceBase } | undefined;
  return {
    baseAbility,
    async run(candidates, { from, count }, tallies) {
      base ??= {
        logprobs: await scoreAnswers(clients, model, passages, undefined, scope),
        distributions: await divergenceBase(context, texts),
      };
      const steered = await outcomes(context, steer, candidates, from, count);
      const left = await outcomes(context, leave, candidates, from, count);
      for (const [index, candidate] of candidates.entries()) {
        const before = tallies.get(candidate);
        const [own, other] = [steered[index] as OutcomeCounts, left[index] as OutcomeCounts];
        const { binding } = candidate;
        const changed = before ? [] : await scoreAnswers(clients, model, passages, binding, scope);
        tallies.set(candidate, {
          ...merged(before, own, other),
          perplexityRatio: before?.perplexityRatio ?? perplexityRatio(base.logprobs, changed),
          ability: before?.ability ?? (await abilityOf(binding)),
          nats: before?.nats ?? (await divergence(context, base.distributions, binding)),
        });
      }
    },
  };
}

function merged(before: Tally | undefined, own: OutcomeCounts, other: OutcomeCounts) {
  const n = (before?.n ?? 0) + own.trials;
  const mix = (old: number | undefined, sum: number, count: number) =>
    n === 0 ? 0 : ((old ?? 0) * (n - count) + sum) / n;
  return {
    n,
    effect: mix(before?.effect, own.hits, own.trials),
    falseEffect: mix(
      before?.falseEffect,
      other.trials === 0 ? 0 : (other.hits * own.trials) / other.trials,
      own.trials,
    ),
    repetition: mix(before?.repetition, own.repetition * own.trials, own.trials),
  };
}

/** Outcomes of every candidate on a slice of prompts; sequences that run together share their prompt. */
async function outcomes(
  context: FitContext,
  { prompts, rendered }: PromptSet,
  candidates: readonly SweepCandidate[],
  from: number,
  count: number,
): Promise<OutcomeCounts[]> {
  if (prompts.length === 0) return countByCandidate([], candidates.length);
  const { clients, model, recipe, scope } = context;
  const slots = Array.from(
    { length: Math.min(count, prompts.length) },
    (_, i) => (from + i) % prompts.length,
  );
  const jobs = slots.flatMap((slot) =>
    candidates.map(({ binding }) => ({ ids: (rendered[slot] as Rendered).ids, binding, replayLast: true })),
  );
  const answers = await generateAnswers(clients, model, jobs, SWEEP_LIMITS.answerTokens, scope);
  const promptOf = (i: number) =>
    (prompts[slots[Math.floor(i / candidates.length)] as number] as Prompt).text;
  const verdicts = await judgeGenerated(context, answers, promptOf, recipe.settings.judge);
  return countByCandidate(verdicts, candidates.length);
}
