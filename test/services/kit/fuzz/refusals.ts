/**
 * The closed list of refusals of a reader, taken from its source: every text that a call of `fail`, `refuse`, `invalid`
 * or `unsupported` gives as the problem, as a pattern. A refusal that no test reaches cannot be added unseen.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inProject } from "../../../../scripts/lib/project.mjs";

/** One refusal: where it stands, and what its messages look like. */
export interface Refusal {
  readonly text: string;
  readonly pattern: RegExp;
}

const CALL = /\b(?:fail|refuse|invalid|unsupported)\(/g;
const RETURNED = /return (?=["'`])/g;

/** The refusals of source files, paths from the root of the project; with `returned`, texts that are returned count too. */
export function listRefusals(paths: readonly string[], { returned = false } = {}): Refusal[] {
  return paths.flatMap((path) => {
    const source = readFileSync(join(inProject(), path), "utf8");
    const calls = [...source.matchAll(CALL)].map(
      ({ index, 0: call }) => argumentsAt(source, index + call.length)[1],
    );
    const texts = returned
      ? [...source.matchAll(RETURNED)].map(({ index, 0: word }) => literalAt(source, index + word.length))
      : [];
    return [...calls, ...texts].flatMap((literal) => {
      const text = literal === undefined ? undefined : contentOf(literal);
      return text === undefined ? [] : [{ text: `${path}: ${text}`, pattern: toPattern(text) }];
    });
  });
}

/** The arguments of a call whose parenthesis was just opened. */
function argumentsAt(source: string, start: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = start;
  for (let at = start; at < source.length; at++) {
    const char = source[at] as string;
    if (`"'\``.includes(char)) at += literalAt(source, at).length - 1;
    else if ("([{".includes(char)) depth += 1;
    else if (")]}".includes(char) && depth-- === 0) return [...found, source.slice(from, at)];
    else if (char === "," && depth === 0) {
      found.push(source.slice(from, at));
      from = at + 1;
    }
  }
  return found;
}

/** The text literal that starts here, with its quotes. */
function literalAt(source: string, start: number): string {
  const quote = source[start];
  let depth = 0;
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === "\\") at += 1;
    else if (quote === "`" && source.startsWith("${", at)) depth += 1;
    else if (depth > 0 && source[at] === "}") depth -= 1;
    else if (depth === 0 && source[at] === quote) return source.slice(start, at + 1);
  }
  return source.slice(start);
}

/** What stands between the quotes, or undefined if it is no literal. */
function contentOf(argument: string): string | undefined {
  const text = argument.trim();
  return /^["'`]/.test(text) && literalAt(text, 0) === text ? text.slice(1, -1) : undefined;
}

function toPattern(text: string): RegExp {
  const parts = text
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replace(/\\(.)/g, "$1").replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(parts.join("[^]*?"));
}
