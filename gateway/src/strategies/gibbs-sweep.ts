/**
 * One sweep of particle Gibbs over any number of chains: a filter in which the first particle of a chain follows the chain's
 * reference and is never redrawn, after which the reference is drawn anew among all particles.
 *
 * Source: Andrieu, Doucet and Holenstein 2010 (conditional SMC). With "invariant" potentials the sweep leaves the law
 * ∏ p(x_t | x_<t) · V(x_T)^β unchanged, V the score of a prefix: step t has the potential (V_t / V_{t-1})^β, an ended
 * particle the potential 1, resampling is multinomial at every step of a fixed horizon. "as_published" (2502.01618) weighs
 * by the odds of the latest score instead, ended particles included, which leaves no law unchanged.
 * Every step is a candidate of its own, so that a reference can be forked at any of its steps; those that no particle and no reference
 * goes through are given up. Cost: N − 1 answers a chain; at most N candidates a step hold keys and values.
 */
import { logWeight, resample, softmax } from "./resampling.ts";
import { isOpen } from "./standing.ts";
import type { Candidate, Decision, Search } from "./strategy.ts";

/** How particles are weighed. */
export type Potentials = "invariant" | "as_published";

/** The log-density of a trajectory, from its last score, in the law that chains aim at. */
export const densityOf = (score: number, potentials: Potentials): number =>
  logWeight(score, potentials === "invariant" ? "probability" : "coded");

/** A chain: a trajectory as candidates, one a step, and the power of its potentials. */
export interface Chain {
  readonly beta: number;
  reference: readonly Candidate[] | undefined;
}

/** What a sweep works with. */
export interface SweepOptions {
  /** Particles a chain, the reference included. */
  readonly particles: number;
  readonly horizon: number;
  readonly potentials: Potentials;
}

/** What a sweep has come to. */
interface Swept {
  /** False: the budget ended it before references were renewed. */
  readonly isWhole: boolean;
  /** Where its particles stand. */
  readonly last: readonly Candidate[];
  /** Candidates it has made and not given up. */
  readonly made: Set<Candidate>;
}

interface Particle {
  readonly chain: Chain;
  readonly isReference: boolean;
  trajectory: readonly Candidate[];
  logWeight: number;
}

/** Sweeps all chains in one batch and renews their references. */
export async function* sweep(
  search: Search,
  chains: readonly Chain[],
  options: SweepOptions,
): AsyncGenerator<Decision, Swept, void> {
  const { horizon, potentials, particles: count } = options;
  let particles = chains.flatMap((chain) =>
    Array.from({ length: count }, (_, i): Particle => ({
      chain,
      isReference: i === 0 && chain.reference !== undefined,
      trajectory: [],
      logWeight: 0,
    })),
  );
  const made = new Set<Candidate>();
  const lastOf = () => particles.map(({ trajectory }) => trajectory.at(-1) ?? search.root);
  for (let step = 1; step <= horizon; step++) {
    if (step > 1) particles = yield* redrawChains(search, chains, particles);
    keepOnly(
      search,
      made,
      particles.flatMap(({ trajectory }) => trajectory),
    );
    const grown = await extendAll(search, particles, step === horizon ? "end" : "step", made);
    if (!grown) return { isWhole: false, last: lastOf(), made };
    await weigh(search, particles, step, potentials);
    if (!lastOf().some(isOpen)) break;
  }
  for (const chain of chains) {
    const own = particles.filter((particle) => particle.chain === chain);
    const [drawn = 0] = resample(search.random, weightsOf(own), 1, "multinomial");
    chain.reference = own[drawn]?.trajectory ?? [];
  }
  return { isWhole: true, last: lastOf(), made };
}

/** Gives up those of `made` that are not `needed`: they hold keys and values. */
export function keepOnly(search: Search, made: Set<Candidate>, needed: readonly Candidate[]): void {
  const kept = new Set(needed);
  const idle = [...made].filter((one) => !kept.has(one));
  for (const one of idle) made.delete(one);
  search.drop(idle);
}

/** Redraws the free particles of each chain; references stay where they are. */
async function* redrawChains(
  search: Search,
  chains: readonly Chain[],
  particles: readonly Particle[],
): AsyncGenerator<Decision, Particle[], void> {
  const next: Particle[] = [];
  for (const chain of chains) {
    const own = particles.filter((particle) => particle.chain === chain);
    const weights = weightsOf(own);
    const free = own.filter(({ isReference }) => !isReference);
    const drawn = resample(search.random, weights, free.length, "multinomial");
    const ancestors = [
      ...own.filter(({ isReference }) => isReference),
      ...drawn.flatMap((i) => own[i] ?? []),
    ];
    const ends = (list: readonly Particle[]) => list.flatMap(({ trajectory }) => trajectory.at(-1) ?? []);
    yield {
      resampling: { candidates: ends(own), weights, ancestors: ends(ancestors), temperature: 1 / chain.beta },
    };
    next.push(
      ...ancestors.map(({ trajectory }, i) => ({
        chain,
        trajectory,
        isReference: own[i]?.isReference ?? false,
        logWeight: 0,
      })),
    );
  }
  return next;
}

/** Adds a step to every particle that has not ended: the reference's own, or a new one. */
async function extendAll(
  search: Search,
  particles: readonly Particle[],
  stride: "step" | "end",
  made: Set<Candidate>,
): Promise<boolean> {
  const free = particles.filter(
    ({ isReference, trajectory }) => !isReference && trajectory.at(-1)?.ended === undefined,
  );
  const children = await search.fork(free.map(({ trajectory }) => trajectory.at(-1) ?? search.root));
  for (const child of children) made.add(child);
  for (const [i, particle] of free.entries())
    particle.trajectory = [...particle.trajectory, ...children.slice(i, i + 1)];
  for (const particle of particles) {
    if (!particle.isReference) continue;
    particle.trajectory = particle.chain.reference?.slice(0, particle.trajectory.length + 1) ?? [];
  }
  return search.step(children, stride);
}

async function weigh(
  search: Search,
  particles: readonly Particle[],
  step: number,
  potentials: Potentials,
): Promise<void> {
  const grown = particles.filter(({ trajectory }) => trajectory.length === step);
  const judged = potentials === "invariant" ? grown : particles;
  const scores = await search.score(
    judged.map(({ trajectory }) => trajectory.at(-1) ?? search.root),
    "process",
  );
  for (const particle of particles) particle.logWeight = hasFailed(particle) ? -Infinity : 0;
  for (const [i, particle] of judged.entries()) {
    if (hasFailed(particle)) continue;
    const score = scores[i] ?? 0;
    const before = particle.trajectory.at(-2)?.scores.at(-1);
    const since = potentials === "invariant" && before !== undefined ? densityOf(before, potentials) : 0;
    particle.logWeight = (densityOf(score, potentials) - since) * particle.chain.beta;
  }
}

const hasFailed = ({ trajectory }: Particle): boolean => trajectory.at(-1)?.ended === "error";

function weightsOf(particles: readonly Particle[]): number[] {
  return softmax(particles.map(({ logWeight: weight }) => weight));
}
