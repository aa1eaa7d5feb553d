/**
 * Errors of a trained verifier, made on purpose: noise and over-confidence on the logit of an exact value. Searches can so be
 * compared under a verifier whose errors are known. An exact value is first drawn in to 0.05 … 0.95, or no error would show.
 * The same text gets the same score whenever it is asked. Cost: one SHA-256 a text.
 */
import { createHash } from "node:crypto";

/** How a verifier errs. */
export interface ErrorModel {
  /** Standard deviation of what is added to the logit. */
  readonly noise?: number;
  /** Factor on the logit, with its noise, in the first `early_steps` steps. */
  readonly overconfidence?: number;
  readonly early_steps?: number;
  /** Other seeds, other noise. */
  readonly seed?: number;
}

/** Schema of the parameter. */
export const ERROR_MODEL_SCHEMA = {
  type: "object",
  properties: {
    noise: { type: "number", minimum: 0, maximum: 10 },
    overconfidence: { type: "number", minimum: 0.1, maximum: 10 },
    early_steps: { type: "integer", minimum: 0, maximum: 1_000 },
    seed: { type: "integer", minimum: 0, maximum: 2 ** 31 },
  },
  additionalProperties: false,
  description: "For evaluations of searches: err on purpose, by noise and over-confidence on the logit.",
};

const LEAST = 0.05;
const WORD = 2 ** 32;

/** The value as an erring verifier gives it after so many steps of `text`. */
export function withErrors(value: number, text: string, steps: number, errors: ErrorModel): number {
  const { noise = 0, overconfidence = 1, early_steps = 2, seed = 0 } = errors;
  const drawn = Math.min(1 - LEAST, Math.max(LEAST, value));
  const logit = Math.log(drawn / (1 - drawn)) + noise * normalOf(`${seed}\0${text}`);
  return 1 / (1 + Math.exp(-logit * (steps <= early_steps ? overconfidence : 1)));
}

/** A standard normal number of a text (Box and Muller). */
function normalOf(text: string): number {
  const hash = createHash("sha256").update(text).digest();
  const radius = Math.sqrt(-2 * Math.log((hash.readUInt32LE(0) + 1) / (WORD + 1)));
  return radius * Math.cos((2 * Math.PI * hash.readUInt32LE(4)) / WORD);
}
