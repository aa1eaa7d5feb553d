/** Damage to marked files and to JSON values: numbers at their limits, broken texts, cuts, repetitions. Seeded. */
import type { createRandom } from "../../../model/strings.ts";
import type { Mark, MarkedFile } from "./gguf-files.ts";

type Random = ReturnType<typeof createRandom>;

const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  5n,
  7n,
  8n,
  9n,
  13n,
  33n,
  64n,
  99n,
  1n << 16n,
  1n << 20n,
  1n << 26n,
  1n << 31n,
];
const LARGE = [
  (1n << 32n) - 1n,
  1n << 32n,
  (1n << 35n) + 8n,
  (1n << 40n) + 1n,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
];
const ALL_NUMBERS = [...NUMBERS, ...LARGE];

/** The file with one to three changes; about half of the files get only changes that a reader may well accept. */
export function mutateFile({ bytes, marks }: MarkedFile, random: Random): Uint8Array {
  let file: Uint8Array = bytes.slice();
  if (random.below(2) === 0) return harmless(file, marks, random);
  for (let i = random.below(3); i >= 0; i--) {
    const mark = marks[random.below(marks.length)];
    const kind = random.below(10);
    if (kind === 0) file = file.slice(0, random.below(file.length + 1));
    else if (kind === 1) file[random.below(file.length)] = random.below(256);
    else if (kind === 2) file = repeatPart(file, random);
    else if (kind === 3 && mark) copyOver(file, mark, marks, random);
    else if (mark?.isText)
      file[mark.at + random.below(mark.sizeBytes)] = [0xff, 0, 0xc0, 0x2e][random.below(4)]!;
    else if (mark) writeNumber(file, mark, random);
  }
  return file;
}

/** Changes letters of texts, or what follows the last mark: tensor data. */
function harmless(file: Uint8Array, marks: MarkedFile["marks"], random: Random): Uint8Array {
  const texts = marks.filter(({ isText }) => isText);
  for (let i = random.below(3); i >= 0; i--) {
    const text = texts[random.below(Math.max(1, texts.length))];
    if (text && random.below(3) === 0) file[text.at + random.below(text.sizeBytes)] = 0x61 + random.below(26);
    const end = (marks.at(-1)?.at ?? 0) + 8;
    if (file.length > end) file[end + random.below(file.length - end)] = random.below(256);
  }
  return file;
}

function writeNumber(
  file: Uint8Array,
  { at, sizeBytes }: { at: number; sizeBytes: number },
  random: Random,
): void {
  const isSmall = sizeBytes === 4 && random.below(2) === 0;
  const value = isSmall
    ? BigInt(random.below(16))
    : (ALL_NUMBERS[random.below(ALL_NUMBERS.length)] as bigint);
  const little = new Uint8Array(BigUint64Array.of(value).buffer);
  file.set(little.subarray(0, Math.min(sizeBytes, Math.max(0, file.length - at))), Math.min(at, file.length));
}

/** The bytes of one mark over those of another of its kind and size: repeated names, lengths in place of offsets. */
function copyOver(file: Uint8Array, to: Mark, marks: readonly Mark[], random: Random): void {
  const alike = marks.filter(({ sizeBytes, isText }) => sizeBytes === to.sizeBytes && isText === to.isText);
  const { at } = alike[random.below(alike.length)] as Mark;
  if (Math.max(to.at, at) + to.sizeBytes <= file.length) file.copyWithin(to.at, at, at + to.sizeBytes);
}

function repeatPart(file: Uint8Array, random: Random): Uint8Array {
  const from = random.below(file.length + 1);
  const to = Math.min(file.length, from + random.below(64));
  return new Uint8Array(Buffer.concat([file.subarray(0, to), file.subarray(from)]));
}

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 2, 1.5, 31, 64, 1e9, 2 ** 53, 1e308, "", "F32", "x", "../x"],
  ...[[], {}, [0], [1, 2], [8, 0], ["a"], { a: 1 }, [[]], "full_attention", "silu"],
];

/** A copy of a JSON value with one part replaced, removed, doubled or renamed. */
export function mutateJson(value: unknown, random: Random): unknown {
  const copy = structuredClone(value);
  const places: [Record<string, unknown>, string][] = [];
  const walk = (at: unknown, depth: number): void => {
    if (typeof at !== "object" || at === null || depth > 6) return;
    for (const key of Object.keys(at)) {
      places.push([at as Record<string, unknown>, key]);
      walk((at as Record<string, unknown>)[key], depth + 1);
    }
  };
  walk(copy, 0);
  const place = places[random.below(Math.max(1, places.length))];
  if (!place) return VALUES[random.below(VALUES.length)];
  const [parent, key] = place;
  const kind = random.below(5);
  if (kind === 0) delete parent[key];
  else if (kind === 1 && typeof parent[key] === "number")
    parent[key] = (parent[key] as number) + 1 - random.below(3);
  else if (kind === 2 && !Array.isArray(parent)) parent[`${key}2`] = parent[key];
  else parent[key] = VALUES[random.below(VALUES.length)];
  return copy;
}
