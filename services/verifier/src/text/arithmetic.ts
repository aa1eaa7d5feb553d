/**
 * Arithmetic out of text: expressions of numbers, + - * / and parentheses, and equations between them.
 * Source: recursive descent. Cost: linear in the text; nesting is bounded by name.
 */
import { ARITHMETIC_LIMITS } from "../../limits.ts";
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

const ROUNDING = 1e-9;
/** Runs of what arithmetic is written with. One expression for those with a digit would look at every run from each of its characters on. */
const RUN = /[-+*/()=.,\d\s×÷·−–]+/g;
/** Blanks before it, of its own line alone: those of the lines before would be looked at from each of them on. */
const LIST_MARK = /^[^\S\r\n\u2028\u2029]*(?:\d{1,3}[.):]\s+|step\s+\d{1,3}\s*[:.)]\s*)/gim;

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

/** The equations of a text, in order: neighbours of every "=" of which at least one side calculates something. */
export function findEquations(text: string): Equation[] {
  return arithmeticRuns(text).flatMap((run) => {
    const sides = run.split("=");
    return sides.slice(1).flatMap((right, index) => {
      const left = parseExpression(trim(sides[index] ?? ""));
      const other = parseExpression(trim(right));
      if (left === undefined || other === undefined || left.operators + other.operators === 0) return [];
      const allowed = ROUNDING * Math.max(1, Math.abs(left.value));
      const text = `${trim(sides[index] ?? "")} = ${trim(right)}`;
      return [{ text, holds: Math.abs(left.value - other.value) <= allowed }];
    });
  });
}

/** The last expression of a text that calculates something, without what it is said to equal. */
export function findLastExpression(text: string): (Expression & { readonly text: string }) | undefined {
  for (const run of arithmeticRuns(text).toReversed()) {
    for (const side of run.split("=").map(trim).toReversed()) {
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
    const at = left.indexOf(number);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** The arithmetic of a text line by line, without the numbers of its lists. */
function arithmeticRuns(text: string): string[] {
  const bare = text.replace(LIST_MARK, "");
  return bare.split("\n").flatMap((line) => (line.match(RUN) ?? []).filter((run) => /\d/.test(run)));
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
