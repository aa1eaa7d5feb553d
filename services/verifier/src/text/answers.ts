/**
 * What an answer comes down to, spelled so that equal answers are equal strings. Cost: linear in the text.
 */
import { extractJson, parseJson, spellJson } from "./json.ts";
import { findFinalNumber } from "./numbers.ts";
import { canonical, trimEndOf } from "./words.ts";

/** Where the answer is looked for, as callers spell it. */
export const ANSWER_FORMS = ["number", "last_line", "text", "json"] as const;
/** One of {@link ANSWER_FORMS}. */
export type AnswerForm = (typeof ANSWER_FORMS)[number];

/** The answer in canonical spelling; undefined if the text has none of that form. */
export function canonicalAnswer(text: string, form: AnswerForm): string | undefined {
  if (form === "number") {
    const value = findFinalNumber(text)?.value;
    return value === undefined ? undefined : String(value);
  }
  if (form === "json") {
    const parsed = parseJson(extractJson(text));
    return "value" in parsed ? spellJson(parsed.value) : undefined;
  }
  const lines = canonical(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const kept = form === "last_line" ? lines.at(-1) : lines.join("\n");
  return kept === undefined || kept === "" ? undefined : trimEndOf(kept, /[.!\s]/);
}
