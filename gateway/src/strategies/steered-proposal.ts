/**
 * The steered model as a proposal: candidates are sampled under steering q and weighted so that what comes out are samples of
 * the *unsteered* model p, conditioned on what the verifier asks for: w = ∏ p(token)/q(token) · V, V the score.
 *
 * Steering makes the wanted rare answer frequent; the weights take back everything else that steering changes. Source:
 * twisted sequential Monte Carlo (2404.17546) with a steered model in place of a learned twist; the combination is ours.
 * Exact as N grows; with few particles the law is biased towards q. Temperature must be 1 and nothing filtered.
 * Cost: N answers, and each of their tokens read once by the unsteered model (billed as verifier tokens).
 */
import { FILTER_PROPERTIES, type FilterParameters } from "./filter.ts";
import { drawIndex } from "./random.ts";
import { effectiveSampleSize, logWeight, redraw, resample, softmax } from "./resampling.ts";
import { startAll } from "./sampling.ts";
import { isOpen, isSound } from "./standing.ts";
import { type Candidate, type Run, type Search, type Strategy, withParameters } from "./strategy.ts";

type Parameters = Pick<FilterParameters, "resampler" | "ess_threshold" | "max_steps">;

/** Samples of the unsteered model under a condition, proposed by the steered one. */
export const steeredProposal: Strategy = {
  name: "steered-proposal",
  description:
    "Proposes with the steered model, weighs by the unsteered one: its samples, under a condition.",
  parameters: {
    type: "object",
    properties: {
      resampler: { ...FILTER_PROPERTIES.resampler, default: "systematic" },
      ess_threshold: {
        ...FILTER_PROPERTIES.ess_threshold,
        default: 0,
        description:
          "Redraw when the effective sample size is at most this share of N; 0: only at the end. Redrawing early " +
          "throws the rare beginnings away that steering proposes, unless a process verifier speaks for them.",
      },
      max_steps: FILTER_PROPERTIES.max_steps,
    },
    additionalProperties: false,
  },
  source: "arXiv:2404.17546 with a steered model as the twist (ours)",
  cost: "N answers, each token read once more by the unsteered model; N verdicts a step or at the end",
  verifiers: ["process", "outcome"],
  needsVerifier: true,
  needsPlainSampling: true,
  stepwise: true,
  votes: false,
  candidates: 16,
  run: withParameters(run),
};

async function* run(search: Search, { resampler, ess_threshold, max_steps }: Parameters): Run {
  let live = await startAll(search);
  /** Log-weight at which a candidate was last redrawn. */
  let anchors = new Map<number, number>();
  const relative = (logWeights: readonly number[]): number[] =>
    softmax(live.map(({ id }, i) => (logWeights[i] ?? 0) - (anchors.get(id) ?? 0)));
  for (let step = 1; live.some(isOpen); step++) {
    if (!(await search.step(live, step > max_steps ? "end" : "step")) || !live.some(isOpen)) break;
    const logWeights = await weigh(search, live, search.judges("process") ? "process" : undefined);
    const weights = relative(logWeights);
    if (effectiveSampleSize(weights) > ess_threshold * live.length) continue;
    const ancestors = resample(search.random, weights, live.length, resampler).flatMap((i) => live[i] ?? []);
    const resampling = { candidates: live, weights, ancestors, temperature: 1 };
    yield { resampling };
    const weightOf = new Map(live.map(({ id }, i) => [id, logWeights[i] ?? 0]));
    live = await redraw(search, resampling);
    anchors = new Map(live.map(({ id, parent }) => [id, weightOf.get(id) ?? weightOf.get(parent) ?? 0]));
  }
  const weights = relative(await weigh(search, live, "outcome"));
  yield { resampling: { candidates: live, weights, ancestors: [], temperature: 1 } };
  const chosen = live[drawIndex(search.random, weights)] ?? search.root;
  return { chosen };
}

/** ln of ∏ p/q over all tokens of each candidate, and of its score if it is judged. */
async function weigh(
  search: Search,
  live: readonly Candidate[],
  judging: "process" | "outcome" | undefined,
): Promise<number[]> {
  const base = await search.baseLogprobs(live);
  const scores = judging ? await search.score(live, judging) : live.map(() => 1);
  const isWanted = (one: Candidate, i: number): boolean => isSound(one) && (scores[i] ?? 0) > 0;
  // However much likelier the unsteered model finds it, what is not wanted is not chosen before what is.
  const weighs = live.some(isWanted) ? isWanted : isSound;
  return live.map((one, i) => {
    if (!weighs(one, i)) return -Infinity;
    return (base[i] ?? 0) - one.logprob + logWeight(scores[i] ?? 0, "probability");
  });
}
