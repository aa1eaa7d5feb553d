/** The budget of one search and what was spent of it. Tokens are counted where they are made; time is the runtime's. */
import type { Member } from "./members.ts";
import type { Stride } from "./strategy.ts";
import type { GrowOrder, Reading } from "./world.ts";

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

/** A search of this budget may be ended before it is done. */
export const isBounded = ({ tokens, milliseconds }: Budget): boolean =>
  Math.min(tokens, milliseconds) < Infinity;

/** Of a small budget questions about candidates take no more than this share away from the candidates. */
const QUESTION_SHARE = 0.25;

/** Tokens that may be spent on growing, given the candidates that a model is still to read, and how. */
export function tokensToGrow(
  ledger: Ledger,
  waiting: readonly Pick<Member, "tokens" | "read">[],
  { perToken, perCandidate }: Reading,
): number {
  const left = ledger.tokensLeft();
  if (perToken + perCandidate === 0) return left;
  const unread = waiting.reduce((sum, { tokens, read }) => sum + tokens - read, 0);
  return left - perToken * unread - Math.min(perCandidate * waiting.length, QUESTION_SHARE * left);
}

/** What is ordered of a candidate with `share` tokens, of which its stride has `left` and its answer `room`. */
export function orderOf(
  stride: Stride,
  share: number,
  left: number,
  room: number,
): Pick<GrowOrder, "tokens" | "toStep" | "fillsStep" | "fillsAnswer"> {
  const toStep = stride === "step";
  const tokens = Math.min(share, left);
  // Where the answer is full it ends for length, and no step with it.
  return { tokens, toStep, fillsStep: toStep && left <= share && left < room, fillsAnswer: tokens >= room };
}
