/**
 * Sets of characters as EBNF. XGrammar 0.1.27 in WASM gets characters beyond ASCII in classes wrong ([é-ü] matches nothing,
 * [一-鿿] matches "a"), so classes hold ASCII only: other characters are spelled one by one, or all of them are allowed
 * at once by a negated class.
 */

/** Characters: ASCII ones by code, and of the others those listed or all. */
export interface CharacterSet {
  readonly ascii: ReadonlySet<number>;
  readonly others: "all" | ReadonlySet<number>;
}

/** Codes below this are ASCII. */
export const ASCII = 128;
/** All ASCII codes. */
export const ASCII_CODES: readonly number[] = Array.from({ length: ASCII }, (_, code) => code);

const FIRST_PRINTABLE = 0x20;

/** A set of one. */
export function singleCharacter(code: number): CharacterSet {
  const own = new Set([code]);
  const none = new Set<number>();
  return code < ASCII ? { ascii: own, others: none } : { ascii: none, others: own };
}

/** A quoted literal. */
export function literal(text: string): string {
  const escaped = [...text].map((char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const code = char.codePointAt(0) ?? 0;
    return code < FIRST_PRINTABLE ? hex(code) : char;
  });
  return `"${escaped.join("")}"`;
}

/** Alternatives that together are one character of a set, without characters in common. */
export function oneOf({ ascii, others }: CharacterSet): string[] {
  if (others === "all") return [`[^${ranges(ASCII_CODES.filter((code) => !ascii.has(code)))}]`];
  const codes = [...ascii].sort((a, b) => a - b);
  const spelled = [...others].map((code) => literal(String.fromCodePoint(code)));
  return [...(codes.length > 0 ? [`[${ranges(codes)}]`] : []), ...spelled];
}

/** Ascending codes as `\x..-\x..`. */
function ranges(codes: readonly number[]): string {
  let text = "";
  for (let i = 0; i < codes.length; i++) {
    const first = codes[i] ?? 0;
    while (codes[i + 1] === (codes[i] ?? 0) + 1) i++;
    const last = codes[i] ?? 0;
    text += first === last ? hex(first) : `${hex(first)}-${hex(last)}`;
  }
  return text;
}

function hex(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}
