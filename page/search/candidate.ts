/** A candidate of a search, as its events tell it. */

/** A candidate as the page knows it. */
export interface Candidate {
  readonly id: number;
  readonly parent: number;
  /** Tokens before it began: those of the candidate it continues. */
  readonly start: number;
  /** What it added, a step each, in tokens from the start of the answer. */
  readonly steps: { readonly from: number; readonly to: number; score: number | null }[];
  /** From the start of the answer. */
  text: string;
  tokens: number;
  score: number | null;
  state: "live" | "ended" | "pruned";
}
