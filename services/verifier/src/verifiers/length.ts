/**
 * Is the answer as long as asked? Score 1 within the bounds; outside, the ratio to the nearer bound. Linear.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { wordsOf } from "../text/words.ts";
import { eachItem, type Verifier } from "../verifier.ts";

interface LengthParameters {
  readonly unit?: "words" | "chars" | "tokens";
  readonly min?: number;
  readonly max?: number;
}

const MEASURES: Record<"words" | "chars" | "tokens", (item: ScoreItem) => number> = {
  words: (item) => wordsOf(item.text).length,
  chars: (item) => [...item.text].length,
  tokens: (item) => item.tokens.length,
};

/** Creates the verifier "length". */
export function createLengthVerifier(): Verifier {
  const bound = { type: "integer", minimum: 0, maximum: 10_000_000 };
  return {
    name: "length",
    kind: "outcome",
    access: "none",
    needs: ["text", "tokens"],
    labels: ["within", "too_short", "too_long"],
    description: "Whether the answer has between min and max words, characters or tokens.",
    calibration: "1 within the bounds, outside the ratio to the nearer bound",
    parameters: {
      type: "object",
      properties: {
        unit: {
          type: "string",
          enum: ["words", "chars", "tokens"],
          description: "What is counted; default words.",
        },
        min: { ...bound, description: "Smallest length; default 0." },
        max: { ...bound, description: "Largest length; default none." },
      },
      anyOf: [{ required: ["min"] }, { required: ["max"] }],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { unit = "words", min = 0, max } = parameters as unknown as LengthParameters;
      if (max !== undefined && max < min) {
        throw new TrimtabError("FIELD_OUT_OF_RANGE", "max is below min", { field: "max", limit: min });
      }
      return {
        score: eachItem((item) => {
          if (unit === "tokens" && item.tokens.length === 0 && item.text !== "") {
            return { failure: "FIELD_REQUIRED", reason: "the item carries no tokens to count" };
          }
          const size = MEASURES[unit](item);
          if (size < min)
            return { score: size / min, label: "too_short", reason: `${size} of at least ${min} ${unit}` };
          if (max !== undefined && size > max) {
            return { score: max / size, label: "too_long", reason: `${size} of at most ${max} ${unit}` };
          }
          return { score: 1, label: "within", reason: `${size} ${unit}` };
        }),
      };
    },
  };
}
