/** Measuring points of a sweep: answers of both classes judged, passages scored, the next-token distribution compared. */
import { SWEEP_LIMITS } from "../../limits.ts";
import { passageTurns } from "../build/search-phase.ts";
import type { FitContext } from "../fit/fit.ts";
import { type Prompt, takePrompts } from "../recipes/prompts.ts";
import { chunks } from "../work/call.ts";
import { divergence, type DivergenceBase, divergenceBase } from "../work/divergence.ts";
import { generateAnswers } from "../work/generate.ts";
import { countByCandidate, judgeGenerated, type OutcomeCounts } from "../work/judge.ts";
import { uploadProgram } from "../work/programs.ts";
import { type AnswerLogprob, perplexityRatio, scoreAnswers } from "../work/score.ts";
import { type Rendered, renderTurns } from "../work/text.ts";
import { createAbility } from "./ability.ts";
import type { SweepCandidate } from "./candidates.ts";
import { SWEEP_ROUNDS } from "./schedule.ts";

/** What was measured of a point so far. */
export interface Tally {
  readonly effect: number;
  readonly falseEffect: number;
  /** Prompts to steer, each counted once. */
  readonly n: number;
  /** Prompts to leave alone. */
  readonly leaveN: number;
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
  const runTogether: Measures["run"] = async (candidates, { from, count }, tallies) => {
    base ??= {
      logprobs: await scoreAnswers(clients, model, passages, undefined, scope),
      distributions: await divergenceBase(context, texts),
    };
    for (const { program } of candidates) await uploadProgram(clients, program.program, scope.signal);
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
  };
  return {
    baseAbility,
    async run(candidates, prompts, tallies) {
      for (const some of chunks(candidates, SWEEP_LIMITS.together)) await runTogether(some, prompts, tallies);
    },
  };
}

function merged(before: Tally | undefined, own: OutcomeCounts, other: OutcomeCounts) {
  const [n, leaveN] = [before?.n ?? 0, before?.leaveN ?? 0];
  return {
    ...{ n: n + own.trials, leaveN: leaveN + other.trials },
    effect: mean([before?.effect, n], [own.hits / own.trials, own.trials]),
    falseEffect: mean([before?.falseEffect, leaveN], [other.hits / other.trials, other.trials]),
    repetition: mean([before?.repetition, n], [own.repetition, own.trials]),
  };
}

/** Mean of shares by their counts; 0 of none. */
function mean(...parts: readonly (readonly [share: number | undefined, count: number])[]): number {
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  const sum = parts.reduce((all, [share = 0, count]) => (count === 0 ? all : all + share * count), 0);
  return total === 0 ? 0 : sum / total;
}

/** Outcomes of every candidate on a slice of prompts, as far as there are any; sequences that run together share their prompt. */
async function outcomes(
  context: FitContext,
  { prompts, rendered }: PromptSet,
  candidates: readonly SweepCandidate[],
  from: number,
  count: number,
): Promise<OutcomeCounts[]> {
  const { clients, model, recipe, scope } = context;
  const jobs = rendered
    .slice(from, from + count)
    .flatMap(({ ids }) => candidates.map(({ binding }) => ({ ids, binding, replayLast: true })));
  const answers = await generateAnswers(clients, model, jobs, SWEEP_LIMITS.answerTokens, scope);
  const promptOf = (i: number) => (prompts[from + Math.floor(i / candidates.length)] as Prompt).text;
  const verdicts = await judgeGenerated(context, answers, promptOf, recipe.settings.judge);
  return countByCandidate(verdicts, candidates.length);
}
