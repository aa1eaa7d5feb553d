/**
 * Particle Gibbs: sweeps of a particle filter, each of which keeps a trajectory of the one before among its particles.
 * Source: Puri et al. (2502.01618), Andrieu et al. 2010; see gibbs-sweep.ts. The paper finds no gain over one larger filter.
 * Cost: about N answers and N verdicts a step and sweep.
 */
import { choose, CHOOSE, type Choosing } from "./choosing.ts";
import { type Chain, keepOnly, type Potentials, sweep } from "./gibbs-sweep.ts";
import { isSound } from "./standing.ts";
import {
  JUDGED_STEPS,
  type Candidate,
  holding,
  type Run,
  type Search,
  type Strategy,
  withParameters,
} from "./strategy.ts";

/** Parameters of Gibbs sweeps. */
export interface GibbsParameters {
  readonly sweeps: number;
  readonly horizon: number;
  readonly potentials: Potentials;
  readonly choose: Choosing;
}

/** Schema of what Gibbs sweeps take. */
export const GIBBS_PROPERTIES = {
  sweeps: {
    type: "integer",
    minimum: 1,
    maximum: 64,
    default: 2,
    description: "Sweeps; the first is a plain filter.",
  },
  horizon: {
    type: "integer",
    minimum: 1,
    maximum: 64,
    default: 16,
    description: "Steps of a sweep; the last one goes to the end of the answer.",
  },
  potentials: {
    type: "string",
    enum: ["invariant", "as_published"],
    default: "invariant",
    description: "Ratios of scores, under which sweeps keep the target law; or odds of the latest score.",
  },
  choose: {
    ...CHOOSE,
    description: "The best judged, the answer with most weight, or the trajectory drawn last.",
  },
};

/** The steps that the particles of a sweep go through, and where those of the sweep before ended. */
export const GIBBS_HOLDS = holding<GibbsParameters>(
  (candidates, { sweeps, horizon }) => candidates * (horizon + Number(sweeps > 1)),
);

/** Particle Gibbs. */
export const particleGibbs: Strategy = {
  name: "particle-gibbs",
  description: "Repeated particle filters, each built around a trajectory of the one before.",
  parameters: { type: "object", properties: GIBBS_PROPERTIES, additionalProperties: false },
  source: "arXiv:2502.01618",
  cost: "about N answers, N verdicts a step, for each sweep",
  ...JUDGED_STEPS,
  holds: GIBBS_HOLDS,
  run: withParameters(run),
};

async function* run(search: Search, parameters: GibbsParameters): Run {
  const chains = [{ beta: 1, reference: undefined }];
  return yield* sweepChains(search, chains, search.width, parameters, () => undefined);
}

/** Sweeps chains as often as is asked for and chooses among their last particles; `between` runs after each sweep. */
export async function* sweepChains(
  search: Search,
  chains: readonly Chain[],
  particles: number,
  { sweeps, horizon, potentials, choose: choosing }: GibbsParameters,
  between: (chains: readonly Chain[]) => void,
): Run {
  let finalists: readonly Candidate[] = [];
  const held = new Set<Candidate>();
  for (let done = 0; done < sweeps; done++) {
    const { isWhole, last, made } = yield* sweep(search, chains, { particles, horizon, potentials });
    if (isWhole || finalists.length === 0) finalists = last;
    if (!isWhole) break;
    for (const one of made) held.add(one);
    keepOnly(search, held, [...finalists, ...chains.flatMap(({ reference }) => reference ?? [])]);
    between(chains);
  }
  const finals = [...new Set([...finalists, ...chains.flatMap(({ reference }) => reference?.at(-1) ?? [])])];
  const eligible = finals.filter(({ id }) => id !== 0);
  if (eligible.length === 0) eligible.push(...(await search.fork([search.root])));
  search.drop([search.root]);
  // The trajectory of the last (coldest) chain is the draw from the target law.
  const drawn = chains.at(-1)?.reference?.at(-1);
  if (choosing === "sample" && drawn && isSound(drawn)) return { chosen: drawn };
  return choose(search, eligible, choosing);
}
