/**
 * Second phase: which blocks and how strongly, by successive halving on validation prompts with the gate open.
 * Measured: rate of the behaviour (judge), repetition, and perplexity of harmless passages. Never looks at test prompts.
 * Tokens: candidates · prompts · answer tokens in the first round, fewer after it.
 */
import { z } from "zod";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type AnswerDoses, courseOf, type DoseProfile, type LayerDose, profileDoses } from "../dose.ts";
import { takePrompts } from "../recipes/prompts.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import { beyondCaps, type Measurement, type Ranked, type SearchCaps, successiveHalving } from "../search.ts";
import { countByCandidate, judgeGenerated, type OutcomeCounts } from "../work/judge.ts";
import type { Binding } from "../work/programs.ts";
import { type AnswerLogprob, perplexityRatio, scoreAnswers } from "../work/score.ts";
import { type Rendered, renderTurns } from "../work/text.ts";
import { type PhaseContext, phaseName } from "./context.ts";
import { answerDirections, type DirectionResult } from "./direction-phase.ts";
import { keptAnswers } from "./kept.ts";
import { openBinding } from "./steer.ts";
import { storedResult } from "./stored.ts";

/** Result of the phase. */
export interface SearchResult extends AnswerDoses {
  readonly profile: DoseProfile;
  readonly measured: Measurement;
}

interface Candidate {
  /** Its place among the recipe's candidates. */
  readonly index: number;
  readonly profile: DoseProfile;
  readonly doses: readonly LayerDose[];
  readonly binding: Binding;
}

const course = z.object({ start: z.number(), holdTokens: z.int(), rest: z.number(), ending: z.number() });
const stored = z.object({
  doses: z.array(z.object({ layer: z.int(), relative: z.number() })).min(1),
  profile: z.object({ center: z.number(), blocks: z.int(), factor: z.number(), ...course.shape }),
  course,
  measured: z.object({
    hits: z.number(),
    trials: z.number(),
    repetition: z.number(),
    perplexityRatio: z.number(),
  }),
});

/** Turns that ask for the recipe's passages and are answered with them. */
export function passageTurns(
  { recipe }: Pick<PhaseContext, "recipe">,
  count: number,
): { prompt: string; answer: string }[] {
  const ask = recipe.settings.prompts.passage_prompt;
  return recipe.passages.slice(0, count).map(({ family, text }) => ({
    prompt: ask.replace("{family}", family.replaceAll("-", " ")),
    answer: text,
  }));
}

/** What speaks against the best dose: it is the best of none within the caps. */
export function searchWarnings(recipe: RecipeSource, { measured }: SearchResult): string[] {
  return beyondCaps(measured, capsOf(recipe)).map((cap) => `no dose within the caps of its search: ${cap}`);
}

/** Searches, or finds the result in the store. */
export async function searchPhase(context: PhaseContext, directions: DirectionResult): Promise<SearchResult> {
  const { search, judge } = context.recipe.settings;
  const { digest } = directions.main;
  const prompts = takePrompts(
    context.recipe.steer,
    "validation",
    search.rounds.reduce((sum, round) => sum + round.prompts, 0),
  );
  const passages = passageTurns(context, search.passages);
  const name = phaseName(context, "search", [
    search,
    judge,
    prompts,
    passages,
    digest,
    directions.ending.digest,
  ]);
  const known = await storedResult(context, name, ArtifactKind.FINDING, (bytes) =>
    stored.parse(JSON.parse(new TextDecoder().decode(bytes))),
  );
  if (known) return known;
  const rendered = await renderTurns(
    context.clients,
    context.model,
    prompts.map(({ text }) => ({ prompt: text })),
    context.scope,
  );
  const passageIds = await renderTurns(context.clients, context.model, passages, context.scope);
  context.budget(tokenBudget(context, rendered, passageIds));
  const candidates = await boundCandidates(context, directions);
  const ratios = createRatios(context, passageIds);
  const texts = prompts.map(({ text }) => text);
  const ranked = await successiveHalving(
    candidates,
    search.rounds,
    capsOf(context.recipe),
    async (alive, from, count) => {
      context.say(`${alive.length} candidates on ${Math.min(count, texts.length - from)} validation prompts`);
      return measure(context, alive, { texts, rendered, from, count }, ratios);
    },
  );
  const best = ranked[0] as Ranked<Candidate>;
  const { doses, profile } = best.candidate;
  const result = { doses, course: courseOf(profile), profile, measured: best.measured };
  context.store.put({
    name,
    kind: ArtifactKind.FINDING,
    bytes: new TextEncoder().encode(JSON.stringify(result)),
    modelDigest: context.model.digest,
    madeFrom: { direction: digest },
    replace: true,
  });
  return result;
}

/** The recipe's candidates that push at all, with their programs at forward. */
async function boundCandidates(context: PhaseContext, directions: DirectionResult): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const [index, profile] of context.recipe.settings.search.candidates.entries()) {
    const doses = profileDoses(directions.main.direction, profile);
    if (doses.length === 0) continue;
    const given = { doses, course: courseOf(profile) };
    const binding = await openBinding(context, answerDirections(directions), given);
    candidates.push({ index, profile, doses, binding });
  }
  return candidates;
}

interface PromptSlice {
  readonly texts: readonly string[];
  readonly rendered: readonly Rendered[];
  readonly from: number;
  readonly count: number;
}

async function measure(
  context: PhaseContext,
  alive: readonly Candidate[],
  { texts, rendered, from, count }: PromptSlice,
  ratios: (candidate: Candidate) => Promise<number>,
): Promise<Measurement[]> {
  const { answer_tokens: answerTokens } = context.recipe.settings.search;
  const slice = rendered.slice(from, from + count);
  // Prompt by prompt, so that sequences that run together share their prompt.
  const jobs = slice.flatMap(({ ids }) => alive.map(({ binding }) => ({ ids, binding, replayLast: true })));
  const answers = await keptAnswers(context, `search-${from}`, jobs, answerTokens);
  const promptOf = (i: number) => texts[from + Math.floor(i / alive.length)] as string;
  const outcomes = await judgeGenerated(context, answers, promptOf, context.recipe.settings.judge);
  const counts = countByCandidate(outcomes, alive.length);
  const results: Measurement[] = [];
  for (const [c, candidate] of alive.entries())
    results.push({ ...(counts[c] as OutcomeCounts), perplexityRatio: await ratios(candidate) });
  return results;
}

/** Perplexity ratio of the passages by candidate, each measured once. */
function createRatios(
  context: PhaseContext,
  passages: readonly Rendered[],
): (candidate: Candidate) => Promise<number> {
  const { clients, model, scope, steps } = context;
  let base: readonly AnswerLogprob[] | undefined;
  return ({ index, binding }) =>
    steps.found(`ratio-${index}`, z.number(), async () => {
      base ??= await scoreAnswers(clients, model, passages, undefined, scope);
      return perplexityRatio(base, await scoreAnswers(clients, model, passages, binding, scope));
    });
}

function tokenBudget(
  { recipe }: PhaseContext,
  prompts: readonly Rendered[],
  passages: readonly Rendered[],
): number {
  const { search } = recipe.settings;
  const sum = (texts: readonly Rendered[]) => texts.reduce((total, { ids }) => total + ids.length, 0);
  const promptTokens = sum(prompts) / Math.max(1, prompts.length);
  let alive = search.candidates.length;
  let tokens = sum(passages) * (alive + 1);
  for (const round of search.rounds) {
    tokens += alive * round.prompts * (search.answer_tokens + promptTokens);
    alive = Math.min(alive, round.survivors);
  }
  return Math.round(tokens);
}

function capsOf({ settings }: RecipeSource): SearchCaps {
  const { repetition, perplexity_ratio: perplexityRatio } = settings.search.caps;
  return { repetition, perplexityRatio };
}
