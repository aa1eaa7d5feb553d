/**
 * Parallel tempering: M chains of particle Gibbs whose potentials are raised to powers 1/T_1 < … < 1/T_M = 1; after each sweep
 * neighbours swap their trajectories with probability min{1, exp((1/T_k − 1/T_{k+1})(s_{k+1} − s_k))}, s the log-density: the
 * log-score, or "as_published" its log-odds, by which particles are weighed there.
 * Source: Puri et al. (2502.01618), min{1, π_k(x')π_{k+1}(x)/(π_k(x)π_{k+1}(x'))} with π_k ∝ exp(s/T_k). The paper measured one sweep.
 * Cost: as particle-gibbs; N is shared between the chains.
 */
import { type Chain, densityOf, type Potentials } from "./gibbs-sweep.ts";
import { GIBBS_HOLDS, GIBBS_PROPERTIES, type GibbsParameters, sweepChains } from "./particle-gibbs.ts";
import { JUDGED_STEPS, type Run, type Search, type Strategy, withParameters } from "./strategy.ts";

interface Parameters extends GibbsParameters {
  readonly chains: number;
  readonly hottest: number;
}

/** Chains of particle Gibbs at different temperatures. */
export const parallelTempering: Strategy = {
  name: "parallel-tempering",
  description: "Chains of particle Gibbs at different temperatures that swap trajectories.",
  parameters: {
    type: "object",
    properties: {
      ...GIBBS_PROPERTIES,
      chains: { type: "integer", minimum: 2, maximum: 16, default: 2, description: "M; at most N/2." },
      hottest: {
        type: "number",
        minimum: 1,
        maximum: 100,
        default: 4,
        description: "T_1; the others are geometric, down to 1.",
      },
    },
    additionalProperties: false,
  },
  source: "arXiv:2502.01618",
  cost: "as particle-gibbs, N shared between the chains",
  ...JUDGED_STEPS,
  holds: GIBBS_HOLDS,
  run: withParameters(run),
};

async function* run(search: Search, parameters: Parameters): Run {
  const count = Math.max(1, Math.min(parameters.chains, Math.floor(search.width / 2)));
  const chains = Array.from({ length: count }, (_, k): Chain => {
    const power = count === 1 ? 0 : 1 - k / (count - 1);
    return { beta: parameters.hottest ** -power, reference: undefined };
  });
  const particles = Math.floor(search.width / count);
  return yield* sweepChains(search, chains, particles, parameters, (swept) =>
    swapNeighbours(search, swept, parameters.potentials),
  );
}

/** Swaps trajectories of neighbouring chains, each pair once, from the hottest down. */
function swapNeighbours(search: Search, chains: readonly Chain[], potentials: Potentials): void {
  const densityOfChain = ({ reference }: Chain): number =>
    densityOf(reference?.at(-1)?.scores.at(-1) ?? 0, potentials);
  for (const [k, hot] of chains.entries()) {
    const cold = chains[k + 1];
    if (!cold) return;
    const gain = (hot.beta - cold.beta) * (densityOfChain(cold) - densityOfChain(hot));
    if (search.random.uniform() >= Math.exp(Math.min(0, gain))) continue;
    [hot.reference, cold.reference] = [cold.reference, hot.reference];
  }
}
