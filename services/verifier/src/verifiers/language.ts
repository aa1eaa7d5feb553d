/**
 * Is the answer in a language? By letter trigrams (franc-min). Texts too short to tell are undetermined, which
 * is a label and no failure: they are not known to be in the language. Linear in the text.
 */
import { franc } from "franc-min";
import { data } from "franc-min/data.js";
import { eachItem, type Verifier } from "../verifier.ts";

interface LanguageParameters {
  readonly language: string;
  readonly among?: readonly string[];
}

/** Letters below which trigrams tell little. */
const LEAST_CHARS = 20;
/** What franc answers when it cannot tell. */
const UNDETERMINED = "und";
/** Codes of the languages that are told by their trigrams. */
const KNOWN = Object.values(data).flatMap((languages) => Object.keys(languages));
const DEFAULT_AMONG = ["eng", "fra", "deu", "spa", "por", "ita", "nld", "pol"];

/** Creates the verifier "language". */
export function createLanguageVerifier(): Verifier {
  const code = { type: "string", enum: KNOWN };
  return {
    name: "language",
    kind: "outcome",
    access: "none",
    needs: ["text"],
    labels: ["match", "other", "undetermined"],
    description: "Whether the answer is in a language, told by letter trigrams.",
    calibration:
      "1 if the likeliest language is the one asked for, else 0; texts below 20 characters are undetermined",
    parameters: {
      type: "object",
      properties: {
        language: { ...code, description: "ISO 639-3 code, such as fra." },
        among: {
          type: "array",
          items: code,
          minItems: 1,
          maxItems: 32,
          description: `Other languages it is told from; default ${DEFAULT_AMONG.join(", ")}.`,
        },
      },
      required: ["language"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { language, among = DEFAULT_AMONG } = parameters as unknown as LanguageParameters;
      const only = [...new Set([language, ...among])];
      return {
        score: eachItem(({ text }) => {
          const found = franc(text, { minLength: LEAST_CHARS, only });
          if (found === UNDETERMINED) return { score: 0, label: "undetermined", reason: "too short to tell" };
          const hit = found === language;
          return { score: hit ? 1 : 0, label: hit ? "match" : "other", reason: `looks like ${found}` };
        }),
      };
    },
  };
}
