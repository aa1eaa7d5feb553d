/** Classes and escapes of regular expressions as sets of characters. Source: ECMA-262, without flags. */
import { TrimtabError } from "#kit/errors.ts";
import { ASCII, ASCII_CODES, type CharacterSet, singleCharacter } from "./characters.ts";

/** An expression being read. */
export interface Reader {
  readonly text: string;
  at: number;
  /** Named in errors. */
  readonly field: string;
}

/** Most characters beyond ASCII of one class, which are spelled one by one. */
const MAX_LISTED = 256;
const NONE: ReadonlySet<number> = new Set();

const matching = (pattern: RegExp): ReadonlySet<number> =>
  new Set(ASCII_CODES.filter((code) => pattern.test(String.fromCharCode(code))));
const DIGITS = matching(/\d/);
const WORD = matching(/\w/);
/** The blanks beyond ASCII cannot be told apart: `\s` is without them, `\S` with them. */
const BLANKS = matching(/\s/);

const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: { ascii: DIGITS, others: NONE },
  w: { ascii: WORD, others: NONE },
  s: { ascii: BLANKS, others: NONE },
  D: { ascii: without(DIGITS), others: "all" },
  W: { ascii: without(WORD), others: "all" },
  S: { ascii: without(BLANKS), others: "all" },
};
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Reads what follows a backslash. @throws TrimtabError UNSUPPORTED for what is no character and no class */
export function readEscape(reader: Reader): CharacterSet {
  const { text } = reader;
  const char = text[reader.at] ?? "";
  const known = CLASSES[char];
  if (known) {
    reader.at++;
    return known;
  }
  const control = CONTROLS[char];
  const numeric =
    /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|c([A-Za-z])|(0)(?!\d))/.exec(
      text.slice(reader.at, reader.at + 10),
    );
  if (numeric) {
    reader.at += numeric[0].length;
    const [, byte, unit, point, letter] = numeric;
    if (letter !== undefined) return singleCharacter(letter.charCodeAt(0) % 32);
    return singleCharacter(Number.parseInt(byte ?? unit ?? point ?? "0", 16));
  }
  reader.at++;
  if (control !== undefined) return singleCharacter(control);
  if (/[A-Za-z0-9]/.test(char)) {
    const message = `${reader.field}: \\${char} cannot be enforced`;
    throw new TrimtabError("UNSUPPORTED", message, { field: reader.field });
  }
  return singleCharacter(char.charCodeAt(0));
}

/** Reads a class whose `[` is read. @throws TrimtabError UNSUPPORTED, FIELD_OUT_OF_RANGE (characters beyond ASCII) */
export function readClass(reader: Reader): CharacterSet {
  const { text, field } = reader;
  const isNegated = text[reader.at] === "^";
  if (isNegated) reader.at++;
  const ascii = new Set<number>();
  const listed = new Set<number>();
  let allOthers = false;
  while (text[reader.at] !== "]") {
    const from = readMember(reader);
    const first = only(from);
    const isRange = text[reader.at] === "-" && text[reader.at + 1] !== "]" && first !== undefined;
    if (!isRange) {
      for (const code of from.ascii) ascii.add(code);
      if (from.others === "all") allOthers = true;
      else for (const code of from.others) listed.add(code);
      continue;
    }
    reader.at++;
    const last = only(readMember(reader));
    if (last === undefined) throw unsupported(field, "a range that ends with a class");
    for (let code = first; code <= last && listed.size <= MAX_LISTED; code++)
      (code < ASCII ? ascii : listed).add(code);
  }
  reader.at++;
  if (listed.size > MAX_LISTED) {
    const message = `${field}: more than ${MAX_LISTED} characters beyond ASCII in a class`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field, limit: MAX_LISTED });
  }
  if (!isNegated) return { ascii, others: allOthers ? "all" : listed };
  if (listed.size > 0) throw unsupported(field, "a negated class with characters beyond ASCII");
  return { ascii: without(ascii), others: allOthers ? NONE : "all" };
}

function readMember(reader: Reader): CharacterSet {
  const point = reader.text.codePointAt(reader.at) ?? 0;
  reader.at += String.fromCodePoint(point).length;
  if (point !== 0x5c) return singleCharacter(point);
  if (reader.text[reader.at] !== "b") return readEscape(reader);
  reader.at++;
  return singleCharacter(8);
}

/** The character of a set of one. */
function only({ ascii, others }: CharacterSet): number | undefined {
  if (others === "all" || ascii.size + others.size !== 1) return undefined;
  return [...ascii, ...others][0];
}

function without(set: ReadonlySet<number>): ReadonlySet<number> {
  return new Set(ASCII_CODES.filter((code) => !set.has(code)));
}

function unsupported(field: string, what: string): TrimtabError {
  return new TrimtabError("UNSUPPORTED", `${field}: ${what} cannot be enforced`, { field });
}
