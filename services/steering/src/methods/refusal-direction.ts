/**
 * Refusal direction: one vector in one block, chosen among the mean differences at the last tokens of the template.
 *   r_{i,l} = mean_steer h_l(p)_i − mean_leave h_l(p)_i,  i from the end, l below 80 % of the depth
 *   chosen: the largest log-odds of beginning like the behaviour on prompts to leave alone when r is added in its block,
 *   among those whose erasure everywhere moves the next token of such prompts by KL ≤ 0.1
 * Source: arXiv 2406.11717; added at the last prompt token and the answer, where the paper adds at all tokens.
 * Candidates that induce more than the model as it is are erased from the most inducing one on, until one passes.
 * Cost: the prompts once; a token a candidate and validation prompt; the prompts again for every one that is erased.
 */
import { mean } from "./rows.ts";

/** Tokens from the end that are read, the share of the depth looked at, and how far an erased candidate may move the model. */
export const REFUSAL_SEARCH = { positions: 3, depth: 0.8, mostNats: 0.1 } as const;

/** A candidate. */
export interface RefusalCandidate {
  readonly layer: number;
  /** Counted from the end of the prompt: 1 is the last token. */
  readonly fromEnd: number;
  readonly vector: Float32Array;
}

/** What was measured of it. */
export interface RefusalMeasurement {
  readonly candidate: RefusalCandidate;
  /** Mean log-odds of the behaviour's first tokens on prompts to leave alone, vector added. */
  readonly induced: number;
  /** KL of the next token on those prompts when it is erased everywhere, nats. */
  readonly nats: number;
}

/** Rows by block, in order of position, of one prompt. */
type PromptRows = ReadonlyMap<number, readonly Float32Array[]>;

/** All candidates of two classes of prompts. */
export function refusalCandidates(
  steer: readonly PromptRows[],
  leave: readonly PromptRows[],
  layers: number,
): RefusalCandidate[] {
  const rowsAt = (side: readonly PromptRows[], layer: number, fromEnd: number) =>
    side.map((rows) => rows.get(layer)?.at(-fromEnd) as Float32Array);
  return Array.from({ length: Math.max(1, Math.floor(REFUSAL_SEARCH.depth * layers)) }, (_, layer) =>
    Array.from({ length: REFUSAL_SEARCH.positions }, (_, at) => {
      const [a, b] = [mean(rowsAt(steer, layer, at + 1)), mean(rowsAt(leave, layer, at + 1))];
      return { layer, fromEnd: at + 1, vector: a.map((x, i) => x - (b[i] as number)) };
    }),
  )
    .flat()
    .filter(({ vector }) => vector.some((x) => x !== 0));
}
