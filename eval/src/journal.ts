/**
 * Raw samples in an append-only JSONL file: a record is one line, written whole and synced before the next is asked for. A run
 * that was killed goes on where it stopped; tables are always computed from the file.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** Anything with a name that no other record has. */
export interface Keyed {
  readonly key: string;
}

/** An open file. */
export interface Journal<R extends Keyed> {
  readonly records: ReadonlyMap<string, R>;
  /** Writes a record; it is on the disk when this returns. */
  append(record: R): void;
  close(): void;
}

/** Opens or creates a file. A last line cut off by a crash is removed. @throws Error if another line is not JSON. */
export function openJournal<R extends Keyed>(path: string): Journal<R> {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "a");
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) truncateSync(path, whole);
  const records = new Map<string, R>();
  for (const [index, line] of bytes.subarray(0, whole).toString("utf8").split("\n").entries()) {
    if (line === "") continue;
    const record = parse<R>(line, `${path}:${index + 1}`);
    records.set(record.key, record);
  }
  return {
    records,
    append(record) {
      // All of it, or an error: one write may stop in the middle of a line, on a disk that is full.
      writeFileSync(file, `${JSON.stringify(record)}\n`);
      fsyncSync(file);
      records.set(record.key, record);
    },
    close: () => closeSync(file),
  };
}

/** The record of a key; what the journal does not have is made and written first. */
export async function recordOf<R extends Keyed>(
  { records, append }: Journal<R>,
  key: string,
  make: (key: string) => Promise<R>,
): Promise<R> {
  const known = records.get(key);
  if (known !== undefined) return known;
  const made = await make(key);
  append(made);
  return made;
}

function parse<R>(line: string, place: string): R {
  try {
    return JSON.parse(line) as R;
  } catch {
    throw new Error(`${place}: not JSON`);
  }
}
