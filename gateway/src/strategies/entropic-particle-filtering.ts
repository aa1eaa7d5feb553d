/**
 * Entropic particle filtering: while few particles carry the weight early on, weights are flattened, so that an
 * over-confident early verdict does not leave copies of one particle. Source: 2510.05825 and its code (its_hub PR 144): at
 * step t of T with e = ESS/N, if e < `low_share` and t/T < `early_share`, log-weights are divided by
 *   ess: max(1, (1 − t/T)/e)    entropy: 1/(H + (1 − H)·t/T), H the normalized entropy    base: 2 − t/T
 * Look-ahead modulation is our reconstruction of the paper's, as an auxiliary particle filter: the odds of a greedy next step
 * multiply the weight of a particle, and are divided out of its next one.
 * Cost: as particle filtering; look-ahead adds a step and a verdict a particle and step.
 */
import { choose } from "./choosing.ts";
import { filter, FILTER_PROPERTIES, type FilterParameters } from "./filter.ts";
import { effectiveSampleSize, logWeight } from "./resampling.ts";
import { startAll } from "./sampling.ts";
import { isOpen } from "./standing.ts";
import {
  JUDGED_STEPS,
  type Candidate,
  type Run,
  type Search,
  type Strategy,
  withParameters,
} from "./strategy.ts";

interface Parameters extends FilterParameters {
  readonly annealing: "ess" | "entropy" | "base";
  readonly expected_steps: number;
  readonly low_share: number;
  readonly early_share: number;
  readonly look_ahead: boolean;
}

/** Particle filtering with annealed weights. */
export const entropicParticleFiltering: Strategy = {
  name: "entropic-particle-filtering",
  description: "Particle filtering whose early weights are flattened while few particles carry them.",
  parameters: {
    type: "object",
    properties: {
      ...FILTER_PROPERTIES,
      resampler: { ...FILTER_PROPERTIES.resampler, default: "systematic" },
      annealing: { type: "string", enum: ["ess", "entropy", "base"], default: "ess" },
      expected_steps: {
        type: "integer",
        minimum: 2,
        maximum: 256,
        default: 16,
        description: "Steps of a usual answer: what progress is measured against.",
      },
      low_share: {
        type: "number",
        minimum: 0,
        maximum: 1,
        default: 0.5,
        description: "ESS/N that is too low.",
      },
      early_share: {
        type: "number",
        minimum: 0,
        maximum: 1,
        default: 0.5,
        description: "Progress that is early.",
      },
      look_ahead: { type: "boolean", default: false, description: "Reconstruction, see the documentation." },
    },
    additionalProperties: false,
  },
  source: "arXiv:2510.05825; look_ahead is our reconstruction",
  cost: "as particle-filtering; look_ahead adds a step and a verdict a particle and step",
  ...JUDGED_STEPS,
  run: withParameters(run),
};

async function* run(search: Search, parameters: Parameters): Run {
  const last = yield* filter(search, await startAll(search), parameters, {
    temperature: (weights, step) => annealed(weights, step, parameters),
    ...(parameters.look_ahead ? { lookAhead: (live) => lookAhead(search, live, parameters) } : {}),
  });
  return choose(search, last, parameters.choose, parameters.weights);
}

/** What log-weights are divided by; 1 unless few particles carry the weight early on. */
export function annealed(
  weights: readonly number[],
  step: number,
  { annealing, expected_steps, low_share, early_share }: Parameters,
): number {
  const count = weights.length;
  const share = effectiveSampleSize(weights) / count;
  const progress = Math.min(1, step / expected_steps);
  if (count < 2 || share >= low_share || progress >= early_share) return 1;
  if (annealing === "base") return Math.max(1, 2 - progress);
  if (annealing === "ess") return Math.max(1, (1 - progress) / share);
  const entropy = weights.reduce((sum, w) => sum - (w > 0 ? w * Math.log(w) : 0), 0) / Math.log(count);
  return Math.max(1, 1 / (entropy + (1 - entropy) * progress));
}

/** Log-odds of a greedy next step of each particle; of a finished one, of itself. */
async function lookAhead(
  search: Search,
  live: readonly Candidate[],
  { weights }: Parameters,
): Promise<number[]> {
  const open = live.filter(isOpen);
  const peeks = await search.fork(open);
  await search.step(peeks, "step", { temperature: 0 });
  const scores = await search.score(peeks, "process");
  search.drop(peeks);
  const ahead = new Map(open.map((candidate, i) => [candidate.id, logWeight(scores[i] ?? 0, weights)]));
  return live.map(({ id, scores: own }) => ahead.get(id) ?? logWeight(own.at(-1) ?? 0, weights));
}
