/**
 * Evolution strategy with antithetic pairs (arXiv 1703.03864): θ ← θ + step · Σ (rank(r₊) − rank(r₋)) ε, rewards as
 * centred ranks so that their scale does not matter. Pure but for `evaluate`, which gets a whole generation at once.
 */
import type { Random } from "./random.ts";

/** Settings of a run. */
export interface EvolutionSettings {
  readonly rounds: number;
  /** Antithetic pairs a round. */
  readonly pairs: number;
  /** Deviation of the perturbations. */
  readonly deviation: number;
  readonly step: number;
}

/** What a run found. */
export interface Evolved {
  readonly parameters: Float64Array;
  /** Reward of the starting point and of the mean of every round, as evaluated with the round after it. */
  readonly rewards: readonly number[];
}

/**
 * Runs the strategy; the mean is evaluated with every round, and the best mean is kept.
 * @param evaluate rewards of parameter vectors, in order; higher is better
 */
export async function evolve(
  start: Float64Array,
  evaluate: (candidates: readonly Float64Array[]) => Promise<number[]>,
  settings: EvolutionSettings,
  random: Random,
): Promise<Evolved> {
  let mean = start;
  let best = { parameters: start, reward: Number.NEGATIVE_INFINITY };
  const rewards: number[] = [];
  for (let round = 0; round <= settings.rounds; round++) {
    const isLast = round === settings.rounds;
    const noise = isLast
      ? []
      : Array.from({ length: settings.pairs }, () => start.map(() => random.normal()));
    const moved = (sign: number) =>
      noise.map((each) => mean.map((x, i) => x + sign * settings.deviation * (each[i] as number)));
    const [reward = 0, ...others] = await evaluate([mean, ...moved(1), ...moved(-1)]);
    rewards.push(reward);
    if (reward > best.reward) best = { parameters: mean, reward };
    const ranks = centredRanks(others);
    const pull = noise.map((_, n) => (ranks[n] as number) - (ranks[noise.length + n] as number));
    mean = mean.map(
      (x, i) => x + settings.step * pull.reduce((sum, p, n) => sum + p * (noise[n]?.[i] as number), 0),
    );
  }
  return { parameters: best.parameters, rewards };
}

/** Ranks from −½ to ½; equal rewards share theirs. */
function centredRanks(rewards: readonly number[]): number[] {
  const last = Math.max(1, rewards.length - 1);
  return rewards.map((reward) => {
    const below = rewards.filter((other) => other < reward).length;
    const equal = rewards.filter((other) => other === reward).length - 1;
    return (below + equal / 2) / last - 0.5;
  });
}
