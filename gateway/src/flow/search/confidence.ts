/**
 * How sure the model was of a token, from its reported alternatives.
 * Sources: DeepConf (2508.15260): minus the mean log-probability of the likeliest tokens; self-certainty (2502.18581):
 * KL(uniform ‖ p) = −(1/V) Σ log(V·p). Only the likeliest tokens are reported: the rest is taken to share what probability
 * is left evenly, which makes this a lower bound of self-certainty.
 */
import type { Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { Confidence } from "../../strategies/strategy.ts";

const SMALLEST = 1e-12;

/** Confidence of one token; zero without alternatives. */
export function confidenceOf({ top }: Token, vocabularySize: number): Confidence {
  if (top.length === 0) return { top: 0, certainty: 0 };
  let sum = 0;
  let mass = 0;
  for (const { logprob } of top) {
    sum += logprob;
    mass += Math.exp(logprob);
  }
  const others = vocabularySize - top.length;
  const rest = others <= 0 ? 0 : others * Math.log(Math.max(1 - mass, SMALLEST) / others);
  const certainty = -(sum + rest) / vocabularySize - Math.log(vocabularySize);
  return { top: -sum / top.length, certainty };
}
