/** The budget of one search and what was spent of it. Tokens are counted where they are made; time is the runtime's. */

/** Bounds; `Infinity` is none. */
export interface Budget {
  /** Tokens generated and read by verifiers, over all candidates. */
  readonly tokens: number;
  /** Candidates that grow at once, or are sampled in all. */
  readonly candidates: number;
  /** Milliseconds from acceptance. */
  readonly milliseconds: number;
}

/** Books of one search. */
export interface Ledger {
  readonly spent: Spending;
  /** Tokens that may still be spent. */
  tokensLeft(): number;
}

/** What was spent. */
export interface Spending {
  candidates: number;
  generated: number;
  verifierTokens: number;
  verifierCalls: number;
}

/** Opens the books. */
export function createLedger({ tokens }: Budget): Ledger {
  const spent = { candidates: 0, generated: 0, verifierTokens: 0, verifierCalls: 0 };
  return { spent, tokensLeft: () => Math.max(0, tokens - spent.generated - spent.verifierTokens) };
}
