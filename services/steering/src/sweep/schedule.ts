/**
 * Rounds of a sweep under a token budget: every round costs about the same, halves the candidates and doubles the prompts,
 * so that the best are measured best (successive halving, arXiv 1502.07943). Pure.
 */

/** One round. */
export interface SweepRound {
  readonly candidates: number;
  /** Prompts of each class every candidate of the round is measured on. */
  readonly prompts: number;
}

/** Fewest and most prompts of a class in one round, and candidates of the last round. */
export const SWEEP_ROUNDS = { fewest: 2, most: 32, last: 4 } as const;

/**
 * The rounds that fit the budget; at least one, with the fewest prompts, even if that is beyond it.
 * @param tokensPerPrompt tokens that one answer of one candidate costs
 */
export function sweepRounds(candidates: number, tokenBudget: number, tokensPerPrompt: number): SweepRound[] {
  const sizes = [candidates];
  while ((sizes.at(-1) as number) > SWEEP_ROUNDS.last)
    sizes.push(Math.max(SWEEP_ROUNDS.last, Math.ceil((sizes.at(-1) as number) / 2)));
  const share = tokenBudget / sizes.length;
  const rounds: SweepRound[] = [];
  let left = tokenBudget;
  for (const size of sizes) {
    const affordable = Math.floor(share / (2 * size * tokensPerPrompt));
    const prompts = Math.min(SWEEP_ROUNDS.most, Math.max(SWEEP_ROUNDS.fewest, affordable));
    const cost = 2 * size * prompts * tokensPerPrompt;
    if (rounds.length > 0 && cost > left) break;
    rounds.push({ candidates: size, prompts });
    left -= cost;
  }
  return rounds;
}
