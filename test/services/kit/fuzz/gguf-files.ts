/**
 * Random GGUF files: sound ones with every kind of value and tensor, and the places of their numbers and texts, so that
 * a mutation hits what a reader looks at. Random numbers are seeded.
 */
import { GGML_TYPES } from "#kit/ggml-types.ts";
import type { createRandom } from "../../../model/strings.ts";

type Random = ReturnType<typeof createRandom>;

/** A number or text of a file. */
export interface Mark {
  readonly at: number;
  readonly sizeBytes: number;
  readonly isText: boolean;
}

/** A file and where its parts are. */
export interface MarkedFile {
  readonly bytes: Uint8Array;
  readonly marks: readonly Mark[];
}

const TYPES = [...GGML_TYPES.values()];
const VALUE_TYPES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const VALUE_BYTES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 7: 1, 10: 8, 11: 8, 12: 8 };

/** A sound file. */
export function randomFile(random: Random): MarkedFile {
  const layout = createLayout();
  const alignment = 8 << random.below(4);
  const entries = 1 + random.below(6);
  const tensors = random.below(5);
  layout.raw(Buffer.from("GGUF"));
  layout.number(2 + random.below(2), 4);
  layout.number(tensors, 8);
  layout.number(entries + 1, 8);
  layout.text("general.alignment");
  layout.number(4, 4);
  layout.number(alignment, 4);
  for (let i = 0; i < entries; i++) {
    layout.text(`${"k".repeat(1 + random.below(8))}.${i}`);
    addValue(layout, random, VALUE_TYPES[random.below(VALUE_TYPES.length)] as number);
  }
  let offset = 0;
  for (let i = 0; i < tensors; i++) {
    const type = TYPES[random.below(TYPES.length)]!;
    const dims = [
      type.blockElements * (1 + random.below(2)),
      ...Array.from({ length: random.below(3) }, () => 1 + random.below(3)),
    ];
    const elements = dims.reduce((a, b) => a * b, 1);
    layout.text(`t${i}`);
    layout.number(dims.length, 4);
    for (const dim of dims) layout.number(dim, 8);
    layout.number(type.id, 4);
    layout.number(offset, 8);
    offset += Math.ceil(((elements / type.blockElements) * type.blockBytes) / alignment) * alignment;
  }
  layout.raw(new Uint8Array((alignment - (layout.length() % alignment)) % alignment));
  layout.raw(new Uint8Array(offset));
  return layout.done();
}

function addValue(layout: Layout, random: Random, type: number): void {
  layout.number(type, 4);
  if (type === 8) return layout.text("text".repeat(random.below(5)));
  if (type !== 9)
    return layout.number(type === 7 ? random.below(2) : random.below(100), VALUE_BYTES[type] ?? 4);
  const element = [0, 4, 5, 6, 8, 12][random.below(6)] as number;
  const count = random.below(6);
  layout.number(element, 4);
  layout.number(count, 8);
  for (let i = 0; i < count; i++) {
    if (element === 8) layout.text("e".repeat(random.below(4)));
    else layout.number(random.below(100), VALUE_BYTES[element] ?? 4);
  }
}

/** Marks of the lengths, types and texts of a file that the tests' writer made: every 4 bytes of its header. */
export function markAll(bytes: Uint8Array, headerBytes: number): MarkedFile {
  const marks = Array.from({ length: Math.floor(headerBytes / 4) }, (_, i) => ({
    at: i * 4,
    sizeBytes: 4,
    isText: i % 2 === 1,
  }));
  return { bytes, marks };
}

type Layout = ReturnType<typeof createLayout>;

function createLayout() {
  const parts: Uint8Array[] = [];
  const marks: Mark[] = [];
  let at = 0;
  const raw = (bytes: Uint8Array): void => {
    parts.push(bytes);
    at += bytes.length;
  };
  const number = (value: number, sizeBytes: number): void => {
    marks.push({ at, sizeBytes, isText: false });
    raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer).subarray(0, sizeBytes));
  };
  return {
    raw,
    number,
    text(value: string): void {
      const bytes = Buffer.from(value);
      number(bytes.length, 8);
      if (bytes.length > 0) marks.push({ at, sizeBytes: bytes.length, isText: true });
      raw(bytes);
    },
    length: () => at,
    done: (): MarkedFile => ({ bytes: new Uint8Array(Buffer.concat(parts)), marks }),
  };
}
