/**
 * Regular expressions → trees. ECMAScript syntax, matched as a whole. What an automaton cannot do (look-around, back
 * references, word boundaries, properties, anchors inside) is refused by name. Cost: one pass.
 */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_CONSTRAINT_DEPTH } from "../../limits.ts";
import { type Expression, textOf } from "./automaton.ts";
import { ASCII_CODES, type CharacterSet, singleCharacter } from "./characters.ts";
import { readClass, readEscape, type Reader } from "./regex-classes.ts";

/** Where the text stands: by itself, or between the quotes of a JSON string. */
export type TextKind = "plain" | "json";

interface Parser extends Reader {
  readonly kind: TextKind;
}

const QUANTIFIER = /^(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})/;
const GROUP = /^\((?:\?:|\?<[A-Za-z_$][\w$]*>|(?!\?))/;
/** `.`: all but the ends of lines. U+2028 and U+2029, which are ends of lines too, cannot be left out. */
const ANY: CharacterSet = {
  ascii: new Set(ASCII_CODES.filter((code) => code !== 0x0a && code !== 0x0d)),
  others: "all",
};
const FIRST_PRINTABLE = 0x20;

/**
 * The tree of an expression.
 * @param kind in JSON strings, quotes, backslashes and controls are escaped; classes that are "all but" leave them out
 * @param field named in errors
 * @throws TrimtabError INVALID_ARGUMENT for what is no expression, UNSUPPORTED, FIELD_OUT_OF_RANGE (nesting)
 */
export function readRegex(pattern: string, kind: TextKind, field: string): Expression {
  try {
    new RegExp(pattern);
  } catch (error) {
    const message = `${field}: ${error instanceof Error ? error.message : "is no regular expression"}`;
    throw new TrimtabError("INVALID_ARGUMENT", message, { field });
  }
  return readChoice({ text: pattern, at: 0, field, kind }, 0);
}

function readChoice(parser: Parser, depth: number): Expression {
  const { field } = parser;
  if (depth > MAX_CONSTRAINT_DEPTH) {
    const message = `${field}: nested deeper than ${MAX_CONSTRAINT_DEPTH}`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field, limit: MAX_CONSTRAINT_DEPTH });
  }
  const parts = [readSequence(parser, depth)];
  while (parser.text[parser.at] === "|") {
    parser.at++;
    parts.push(readSequence(parser, depth));
  }
  return { kind: "choice", parts };
}

function readSequence(parser: Parser, depth: number): Expression {
  const parts: Expression[] = [];
  const start = parser.at;
  for (;;) {
    const char = parser.text[parser.at];
    if (char === undefined || char === "|" || char === ")") return { kind: "sequence", parts };
    if (char === "^" || char === "$") {
      const next = parser.text[parser.at + 1];
      const isAtEnd = char === "^" ? parser.at === start : next === undefined || next === "|";
      if (depth > 0 || !isAtEnd) refuse(parser, `"${char}" inside the expression`);
      parser.at++;
      continue;
    }
    parts.push(readRepeat(parser, readAtom(parser, depth)));
  }
}

function readRepeat(parser: Parser, body: Expression): Expression {
  const found = QUANTIFIER.exec(parser.text.slice(parser.at, parser.at + 12));
  if (!found) {
    if (/^\{\d/.test(parser.text.slice(parser.at, parser.at + 2))) refuse(parser, "a count of this size");
    return body;
  }
  const [whole, low, more, high] = found;
  parser.at += whole.length;
  // How a match is found does not matter to whether there is one.
  if (parser.text[parser.at] === "?") parser.at++;
  const least = low === undefined ? (whole === "+" ? 1 : 0) : Number(low);
  const open = low === undefined ? whole !== "?" : more !== undefined && high === "";
  const most = open
    ? Number.POSITIVE_INFINITY
    : low === undefined
      ? 1
      : more === undefined
        ? least
        : Number(high);
  return { kind: "repeat", body, least, most };
}

function readAtom(parser: Parser, depth: number): Expression {
  const { text, at } = parser;
  const char = text[at] ?? "";
  if (char === "(") {
    const opening = GROUP.exec(text.slice(at, at + 64))?.[0];
    if (opening === undefined) return refuse(parser, "look-around and flags in groups");
    parser.at += opening.length;
    const inner = readChoice(parser, depth + 1);
    parser.at++;
    return inner;
  }
  const code = text.codePointAt(at) ?? 0;
  parser.at += String.fromCodePoint(code).length;
  if (char === "[") return written(parser, readClass(parser));
  if (char === "\\") return written(parser, readEscape(parser));
  return written(parser, char === "." ? ANY : singleCharacter(code));
}

/** A character of a set, as it is written where the text stands. */
function written(parser: Parser, set: CharacterSet): Expression {
  if (set.others !== "all" && set.ascii.size + set.others.size === 0)
    refuse(parser, "a class without characters");
  if (parser.kind === "plain") return { kind: "set", set };
  const isPlain = (code: number) => code >= FIRST_PRINTABLE && code !== 0x22 && code !== 0x5c;
  const plain: Expression = {
    kind: "set",
    set: { ascii: new Set([...set.ascii].filter(isPlain)), others: set.others },
  };
  if (set.others === "all") return plain;
  const escaped = [...set.ascii]
    .filter((code) => !isPlain(code))
    .map((code) => JSON.stringify(String.fromCharCode(code)));
  return { kind: "choice", parts: [plain, ...escaped.map((text) => textOf(text.slice(1, -1)))] };
}

function refuse({ field, at }: Parser, what: string): never {
  throw new TrimtabError("UNSUPPORTED", `${field}: ${what} (at ${at}) cannot be enforced`, { field });
}
