/**
 * The number an answer arrives at: marked (`#### 5`, `\boxed{5}`, "the answer is 5"), else the last one. Linear.
 */

/** A dash that begins a line and stands before a blank is a bullet. */
const SIGN = "(?:[-+−](?=[\\d.$€£])|(?<!\\n)[-+−]\\s)?";
const NUMBER = `${SIGN}(?:[$€£]\\s?)?(?:\\d{1,3}(?:,\\d{3})+|\\d+)?(?:\\.\\d+)?(?:[eE][-+]?\\d{1,3})?`;
/** Blanks around a number, so many at most: two runs of them beside each other are tried in every division. */
const BLANKS = "\\s{0,16}";
/** What stands between words and numbers: blanks, colons, emphasis, beginnings of formulas. */
const GAP = "(?:[\\s:*_$]|\\\\[(\\[]){0,6}";
/** What is calculated, up to what it comes to; a full stop is none of it. */
const CALCULATION = "(?:(?:[-+*/×÷·−()\\d $]|[.,](?=\\d)){1,64}=[ $]{0,3}){0,4}";
const MARKS: readonly RegExp[] = [
  new RegExp(`####\\s*(${NUMBER}(?:\\s?/\\s?\\d+)?%?)`, "g"),
  new RegExp(`\\\\boxed\\{${BLANKS}(${NUMBER}(?:\\s?/\\s?\\d+)?%?)${BLANKS}\\}`, "g"),
  new RegExp(
    `\\b(?:answer|result|total)${GAP}(?:is|:|=)${GAP}(?:about |equal to )?${GAP}${CALCULATION}(${NUMBER}(?:\\s?/\\s?\\d+)?%?)`,
    "gi",
  ),
];
const ANY =
  /(?<![\p{L}\p{N}_])[-+−]?[$€£]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?:\/\d+)?/gu;

/** A number found in an answer. */
export interface FoundNumber {
  readonly value: number;
  /** Its spelling. */
  readonly text: string;
}

/** The answer's final number, or undefined if it has none. Percent signs are kept out of the value. */
export function findFinalNumber(answer: string): FoundNumber | undefined {
  for (const mark of MARKS) {
    const marked = [...answer.matchAll(mark)]
      .map((match) => match[1] ?? "")
      .filter((text) => /\d/.test(text));
    const found = marked.length > 0 ? parseNumber(marked.at(-1) ?? "") : undefined;
    if (found !== undefined) return found;
  }
  const last = [...answer.matchAll(ANY)].at(-1)?.[0];
  return last === undefined ? undefined : parseNumber(last);
}

function parseNumber(text: string): FoundNumber | undefined {
  const [top = "", bottom] = text
    .replace(/[,$€£\s%]/g, "")
    .replace("−", "-")
    .split("/");
  const value = bottom === undefined ? Number(top) : Number(top) / Number(bottom);
  return top !== "" && Number.isFinite(value) ? { value, text: text.trim() } : undefined;
}
