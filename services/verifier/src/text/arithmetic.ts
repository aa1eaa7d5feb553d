/**
 * Arithmetic out of text: expressions of numbers, + - * / and parentheses, and equations between them.
 * Source: recursive descent. Cost: linear in the text; nesting is bounded by name.
 */
import { ARITHMETIC_LIMITS } from "../../limits.ts";
import { isSameNumber, mayBecome } from "./same-number.ts";
import { trimEndOf } from "./words.ts";

/** A parsed expression: its value and the numbers it is made of, in order. */
export interface Expression {
  readonly value: number;
  readonly numbers: readonly number[];
  readonly operators: number;
}

/** An equation as written, and whether it holds. */
export interface Equation {
  readonly text: string;
  readonly holds: boolean;
}

/**
 * Runs of what arithmetic is written with. Powers, roots and functions (a letter before a parenthesis) belong to them so that a side
 * that has one is no expression, rather than what is left of it without. One expression for runs with a digit would look at every run
 * from each of its characters on.
 */
const RUN = /(?:\p{L}(?=\())?[-+*/^√()=.,\d\s×÷·−–]+/gu;
/**
 * Numbers and bullets of lists: a dash before a blank is no sign. Blanks before it, of its own line alone: those of the lines before would
 * be looked at from each of them on.
 */
const LIST_MARK =
  /^[^\S\r\n\u2028\u2029]*(?:\d{1,3}[.):]\s+|[-*+•–−][^\S\r\n\u2028\u2029]+|step\s+\d{1,3}\s*[:.)]\s*)/gim;
/** As TeX writes it, or a letter. */
const TIMES = /\\(?:times|cdot)(?![a-z])|(?<=[\d)] {0,2})(?<!\b0)x(?= {0,2}[\d(])/gi;
const DIVIDED = /\\div(?![a-z])/g;

/** Parses a text that is one expression and nothing else; undefined if it is none or not finite. */
function parseExpression(text: string): Expression | undefined {
  const tokens = spell(text).match(/\d+(?:\.\d+)?|\.\d+|[-+*/()]|\S/g) ?? [];
  const numbers: number[] = [];
  let at = 0;
  let operators = 0;
  let depth = 0;
  const sum = (): number => {
    let value = product();
    for (let sign = tokens[at]; sign === "+" || sign === "-"; sign = tokens[at]) {
      at++;
      operators++;
      value = sign === "+" ? value + product() : value - product();
    }
    return value;
  };
  const product = (): number => {
    let value = factor();
    for (let sign = tokens[at]; sign === "*" || sign === "/"; sign = tokens[at]) {
      at++;
      operators++;
      value = sign === "*" ? value * factor() : value / factor();
    }
    return value;
  };
  const factor = (): number => {
    const token = tokens[at++] ?? "";
    if (++depth > ARITHMETIC_LIMITS.depth) return Number.NaN;
    let value = Number.NaN;
    if (token === "-") value = -factor();
    else if (token === "(") {
      value = sum();
      if (tokens[at++] !== ")") value = Number.NaN;
    } else if (/\d/.test(token)) {
      value = Number(token);
      numbers.push(value);
    }
    depth--;
    return value;
  };
  const value = sum();
  return at === tokens.length && Number.isFinite(value) ? { value, numbers, operators } : undefined;
}

/**
 * The equations of a text, in order: neighbours of every "=" of which at least one side calculates something. Of a text in the making,
 * one whose last digits may still come is none yet.
 */
export function findEquations(text: string, isInMaking: boolean): Equation[] {
  return arithmeticRuns(text).flatMap((run) => {
    const sides = sidesOf(run);
    return sides.slice(1).flatMap((right, index) => {
      const left = parseExpression(sides[index] ?? "");
      const other = parseExpression(right);
      if (left === undefined || other === undefined || left.operators + other.operators === 0) return [];
      const holds = isSameNumber(other.value, left.value);
      if (isInMaking && !holds && text.endsWith(right) && mayBecome(right, left.value)) return [];
      return [{ text: `${sides[index]} = ${right}`, holds }];
    });
  });
}

/** The last expression of a text that calculates something, without what it is said to equal. */
export function findLastExpression(text: string): (Expression & { readonly text: string }) | undefined {
  for (const run of arithmeticRuns(text).toReversed()) {
    for (const side of sidesOf(run).toReversed()) {
      const parsed = parseExpression(side);
      if (parsed !== undefined && parsed.operators > 0) return { ...parsed, text: side };
    }
  }
  return undefined;
}

/** Are the numbers among those given, each taken once? With `useAll` none may be left. */
export function isWithin(used: readonly number[], given: readonly number[], useAll: boolean): boolean {
  if (used.length > given.length || (useAll && used.length < given.length)) return false;
  const left = [...given];
  return used.every((number) => {
    const at = left.findIndex((one) => isSameNumber(number, one));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** The arithmetic of a text line by line, without the numbers of its lists. */
function arithmeticRuns(text: string): string[] {
  const bare = text.replace(LIST_MARK, "").replace(TIMES, "*").replace(DIVIDED, "/");
  return bare.split("\n").flatMap((line) => (line.match(RUN) ?? []).filter((run) => /\d/.test(run)));
}

/** What stands between the signs of equality. A dash before a blank at the start has something to its left that is no arithmetic. */
function sidesOf(run: string): string[] {
  const [first = "", ...others] = run.split("=").map(trim);
  return [/^[-−–]\s/.test(first) ? "" : first, ...others];
}

function trim(side: string): string {
  return trimEndOf(side.trim(), /[.,]/)
    .replace(/^[.,]+/, "")
    .trim();
}

function spell(text: string): string {
  return text
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, "")
    .replace(/[×·]/g, "*")
    .replaceAll("÷", "/")
    .replace(/[−–]/g, "-");
}
