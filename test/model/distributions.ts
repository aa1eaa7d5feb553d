/** Distributions over the vocabulary, and how the engine gives one whole. */
import type { Engine } from "../../services/forward/index.ts";
import type { CommandInput } from "../../services/forward/src/engine/client.ts";
import { open } from "../support/forward-engine.ts";

/** Log-probabilities of logits. */
export function logSoftmax(logits: Float32Array): Float64Array {
  const largest = logits[argMax(logits)] as number;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) - largest);
  const normalizer = largest + Math.log(sum);
  const logprobs = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) logprobs[i] = (logits[i] as number) - normalizer;
  return logprobs;
}

/** Kullback-Leibler divergence of `other` from `exact`, in nats; both log-probabilities. */
export function divergence(exact: Float64Array, other: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < exact.length; i++) {
    const logprob = exact[i] as number;
    sum += Math.exp(logprob) * (logprob - (other[i] as number));
  }
  return sum;
}

/** Index of the largest value; the first of equals. */
export function argMax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[best] as number)) best = i;
  return best;
}

/** By how much the likeliest token is likelier than the second, in nats. */
export function marginOf(logprobs: Float64Array): number {
  let [best, second] = [-Infinity, -Infinity];
  for (let i = 0; i < logprobs.length; i++) {
    const logprob = logprobs[i] as number;
    if (logprob > best) [best, second] = [logprob, best];
    else if (logprob > second) second = logprob;
  }
  return best - second;
}

/** Ids of all tokens, made once an engine. */
const everyId = new WeakMap<Engine, readonly number[]>();

/** Log-probabilities of every token after `ids`, and the sequence, which the caller releases. */
export async function distributionAfter(
  engine: Engine,
  ids: readonly number[],
  options: Partial<CommandInput<"open">> = {},
): Promise<{ sequence: number; logprobs: readonly number[] }> {
  const candidates = everyId.get(engine) ?? Array.from({ length: engine.model.vocabulary }, (_, id) => id);
  everyId.set(engine, candidates);
  // The engine scores a token that is given: any one, its own probability is among the candidates.
  const scored = [...ids, 0];
  const score = { first: ids.length, topLogprobs: 0, candidates };
  const { sequence, candidateLogprobs } = await open(engine, scored, { score, ...options });
  return { sequence, logprobs: candidateLogprobs };
}
