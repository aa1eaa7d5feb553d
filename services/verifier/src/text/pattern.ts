/**
 * Callers' regular expressions, matched in linear time by RE2 (re2js). The engines of JavaScript take exponential time
 * on patterns such as `(a+)+$`; RE2 has no look-around and no back-references, and says so.
 * Cost: at most program size × characters.
 */
import { RE2JS } from "re2js";
import { TrimtabError } from "#kit/errors.ts";
import { PATTERN_LIMITS } from "../../limits.ts";

/** A compiled pattern. */
export interface Pattern {
  /** Instructions of its program, the factor of its cost. */
  readonly programSize: number;
  /** True if the text contains a match. */
  test(text: string): boolean;
  /** True if the whole text is a match. */
  testWhole(text: string): boolean;
}

/**
 * Compiles a pattern.
 * @param flags any of "i" (case), "m" (^ and $ at lines), "s" (dot takes line breaks)
 * @throws TrimtabError INVALID_ARGUMENT or TOO_LARGE that names `field`.
 */
export function compilePattern(source: string, flags: string, field: string): Pattern {
  if (source.length > PATTERN_LIMITS.patternChars) {
    throw new TrimtabError("TOO_LARGE", `${field} is too long`, {
      field,
      limit: `${PATTERN_LIMITS.patternChars} characters`,
    });
  }
  const compiled = compile(source, flags, field);
  const programSize = compiled.programSize();
  if (programSize > PATTERN_LIMITS.programSize) {
    throw new TrimtabError("TOO_LARGE", `${field} compiles to ${programSize} instructions`, {
      field,
      limit: `${PATTERN_LIMITS.programSize} instructions`,
    });
  }
  return {
    programSize,
    test: (text) => compiled.matcher(text).find(),
    testWhole: (text) => compiled.matcher(text).matches(),
  };
}

function compile(source: string, flags: string, field: string): RE2JS {
  const bits =
    (flags.includes("i") ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes("m") ? RE2JS.MULTILINE : 0) |
    (flags.includes("s") ? RE2JS.DOTALL : 0);
  try {
    return RE2JS.compile(source, bits);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 200) : "";
    throw new TrimtabError("INVALID_ARGUMENT", `${field} is not an RE2 pattern: ${why}`, { field, cause });
  }
}
