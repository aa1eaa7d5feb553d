/** Lists in answers: the entries of a line, or lines of one entry each. Cost: linear in the text. */

/** What begins a line of a list: its number, or a bullet. A dash right before a digit is a sign. */
const MARK = /^\s*(?:(\d{1,4})[.):]|[-*+•–])\s+(?=\S)/;
const CONTENT = /[\p{L}\p{N}]/u;

/** What entries are made of, and what an entry says. */
export interface Entries<T> {
  /** Global. */
  readonly pattern: RegExp;
  valueOf(spelled: string): T;
}

/** Lines of one entry each, up to a line. */
interface Run {
  readonly length: number;
  /** They are numbered, from 1 on. */
  readonly isNumbered: boolean;
}

const NO_RUN: Run = { length: 0, isNumbered: false };

/**
 * The last list of `count` entries: that many lines that hold an entry and nothing else, numbered from 1 on, with bullets or without
 * either; or a line that holds that many, its number or what stands before its last colon left out if need be. Undefined if there is none.
 */
export function lastListOf<T>(text: string, count: number, kind: Entries<T>): readonly T[] | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const entries = lines.map((line) => entryOf(line, kind));
  const runs: Run[] = [];
  for (const [at, line] of lines.entries())
    runs.push(entries[at] === undefined ? NO_RUN : continued(runs.at(-1) ?? NO_RUN, placeOf(line)));
  for (let at = lines.length - 1; at >= 0; at--) {
    const { length, isNumbered } = runs[at] ?? NO_RUN;
    if (isNumbered ? length === count : length >= count)
      return entries.slice(at + 1 - count, at + 1).flatMap((entry) => entry ?? []);
    const line = lines[at] ?? "";
    const parts = [line, line.replace(MARK, ""), line.slice(line.lastIndexOf(":") + 1)];
    const found = parts.map((part) => entriesOf(part, kind)).find((some) => some.length === count);
    if (found) return found;
  }
  return undefined;
}

/** All entries of a text. */
export function entriesOf<T>(text: string, { pattern, valueOf }: Entries<T>): T[] {
  return (text.match(pattern) ?? []).map(valueOf);
}

/** The entry of a line that holds nothing else. */
function entryOf<T>(line: string, kind: Entries<T>): readonly [T] | undefined {
  const bare = line.replace(MARK, "");
  const [entry, ...others] = entriesOf(bare, kind);
  if (entry === undefined || others.length > 0) return undefined;
  return CONTENT.test(bare.replace(kind.pattern, "")) ? undefined : [entry];
}

/** The number that a line of a list has. */
function placeOf(line: string): number | undefined {
  const [, place] = MARK.exec(line) ?? [];
  return place === undefined ? undefined : Number(place);
}

function continued({ length, isNumbered }: Run, place: number | undefined): Run {
  if (place === undefined) return { length: isNumbered ? 1 : length + 1, isNumbered: false };
  if (place === 1) return { length: 1, isNumbered: true };
  return isNumbered && place === length + 1 ? { length: place, isNumbered: true } : NO_RUN;
}
