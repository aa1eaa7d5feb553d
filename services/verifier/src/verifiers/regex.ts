/**
 * Does the answer match a regular expression? Patterns are RE2: linear time, no look-around, no back-references.
 */
import { PATTERN_LIMITS } from "../../limits.ts";
import { compilePattern } from "../text/pattern.ts";
import { eachItem, type Verifier } from "../verifier.ts";

interface RegexParameters {
  readonly pattern: string;
  readonly flags?: string;
  readonly match?: "search" | "whole";
  readonly negate?: boolean;
}

/** Creates the verifier "regex". */
export function createRegexVerifier(): Verifier {
  return {
    name: "regex",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    labels: ["match", "no_match"],
    description: "Whether the answer contains, or wholly is, a match of an RE2 pattern.",
    calibration: "exact",
    parameters: {
      type: "object",
      properties: {
        pattern: { type: "string", minLength: 1, description: "RE2 pattern." },
        flags: { type: "string", pattern: "^[ims]{0,3}$", description: "Any of i, m, s." },
        match: { type: "string", enum: ["search", "whole"], description: "Anywhere (default) or all of it." },
        negate: { type: "boolean", description: "Score 1 where there is no match." },
      },
      required: ["pattern"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const {
        pattern,
        flags = "",
        match = "search",
        negate = false,
      } = parameters as unknown as RegexParameters;
      const compiled = compilePattern(pattern, flags, "pattern");
      return {
        score: eachItem(({ text }) => {
          if (text.length > PATTERN_LIMITS.textChars) {
            const reason = `the answer is longer than ${PATTERN_LIMITS.textChars} characters`;
            return { failure: "TOO_LARGE", reason };
          }
          const isMatch = match === "whole" ? compiled.testWhole(text) : compiled.test(text);
          return {
            score: isMatch !== negate ? 1 : 0,
            label: isMatch ? "match" : "no_match",
            reason: isMatch ? "the pattern matches" : "the pattern does not match",
          };
        }),
      };
    },
  };
}
