/** Measuring points of a sweep: answers of both classes judged, passages scored, the next-token distribution compared. */
import { SWEEP_LIMITS } from "../../limits.ts";
import { passageTurns } from "../build/search-phase.ts";
import type { FitContext } from "../fit/fit.ts";
import { type Prompt, takePrompts } from "../recipes/prompts.ts";
import { divergence, type DivergenceBase, divergenceBase } from "../work/divergence.ts";
import { generateAnswers } from "../work/generate.ts";
import { judgeAnswers } from "../work/judge.ts";
import { type AnswerLogprob, perplexityRatio, scoreAnswers } from "../work/score.ts";
import { decodeAnswers, type Rendered, renderTurns } from "../work/text.ts";
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
        const [own, other] = [steered[index] as Batch, left[index] as Batch];
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

interface Batch {
  readonly hits: number;
  readonly n: number;
  readonly repetition: number;
}

function merged(before: Tally | undefined, own: Batch, other: Batch) {
  const n = (before?.n ?? 0) + own.n;
  const mix = (old: number | undefined, sum: number, count: number) =>
    n === 0 ? 0 : ((old ?? 0) * (n - count) + sum) / n;
  return {
    n,
    effect: mix(before?.effect, own.hits, own.n),
    falseEffect: mix(before?.falseEffect, other.n === 0 ? 0 : (other.hits * own.n) / other.n, own.n),
    repetition: mix(before?.repetition, own.repetition * own.n, own.n),
  };
}

/** Outcomes of every candidate on a slice of prompts; sequences that run together share their prompt. */
async function outcomes(
  { clients, model, recipe, scope }: FitContext,
  { prompts, rendered }: PromptSet,
  candidates: readonly SweepCandidate[],
  from: number,
  count: number,
): Promise<Batch[]> {
  if (prompts.length === 0) return candidates.map(() => ({ hits: 0, n: 0, repetition: 0 }));
  const slots = Array.from(
    { length: Math.min(count, prompts.length) },
    (_, i) => (from + i) % prompts.length,
  );
  const jobs = slots.flatMap((slot) =>
    candidates.map(({ binding }) => ({ ids: (rendered[slot] as Rendered).ids, binding, replayLast: true })),
  );
  const answers = await generateAnswers(clients, model, jobs, SWEEP_LIMITS.answerTokens, scope);
  const texts = await decodeAnswers(
    clients,
    model,
    answers.map(({ ids }) => ids),
    scope,
  );
  const judged = answers.map(({ finish }, i) => ({
    prompt: (prompts[slots[Math.floor(i / candidates.length)] as number] as Prompt).text,
    text: texts[i] as string,
    finish,
  }));
  const verdicts = await judgeAnswers(clients, model, judged, recipe.settings.judge, scope);
  return candidates.map((_, index) => {
    const own = verdicts.filter((__, i) => i % candidates.length === index);
    const repetition = own.reduce((sum, verdict) => sum + verdict.repetition, 0) / Math.max(1, own.length);
    return { hits: own.filter(({ hit }) => hit).length, n: own.length, repetition };
  });
}
