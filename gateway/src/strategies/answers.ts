/**
 * What of a text is its answer, in a form in which equal answers are equal texts. Source: the usual practice of majority
 * votes (its_hub, lm-evaluation-harness): the last number, or what stands after a marker. Cost: linear in the text.
 */

/** Form of an answer. */
export type AnswerForm = "number" | "line" | "text";

/** Where the answer stands. */
export interface AnswerRule {
  readonly form: AnswerForm;
  /** The answer stands after the last occurrence; empty: anywhere. */
  readonly marker: string;
}

/** 1,234.50 and -7; a dash between digits is no sign. */
const NUMBER = /(?<![\d.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?/g;
/** Its sign, its whole part without leading zeros, and its fraction. */
const PARTS = /^(-?)0*(\d+)(?:\.(\d+))?$/;
const BLANKS = /\s+/g;
const FINAL_STOP = /[.!]$/;

/** The canonical answer; undefined if the text has none. */
export function answerOf(text: string, { form, marker }: AnswerRule): string | undefined {
  const at = marker === "" ? 0 : text.lastIndexOf(marker);
  if (at < 0) return undefined;
  const rest = text.slice(at + marker.length);
  if (form === "number") return lastNumber(rest);
  const chosen = form === "text" ? rest : (rest.split("\n").findLast((line) => line.trim() !== "") ?? "");
  const canonical = chosen.trim().replace(BLANKS, " ").toLowerCase().replace(FINAL_STOP, "");
  return canonical === "" ? undefined : canonical;
}

/** Digit by digit, for numbers that no double tells apart are different answers. */
function lastNumber(text: string): string | undefined {
  const found = text.match(NUMBER)?.at(-1);
  const [, sign = "", whole, fraction = ""] = found?.replaceAll(",", "").match(PARTS) ?? [];
  if (whole === undefined) return undefined;
  const behind = withoutZeros(fraction);
  const digits = behind === "" ? whole : `${whole}.${behind}`;
  return digits === "0" ? digits : sign + digits;
}

function withoutZeros(fraction: string): string {
  let end = fraction.length;
  while (end > 0 && fraction[end - 1] === "0") end--;
  return fraction.slice(0, end);
}
