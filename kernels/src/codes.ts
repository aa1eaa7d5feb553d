/**
 * Rows of GGUF blocks taken apart, for writers of other formats: integer codes with a scale (and a minimum) for every 16
 * or 32 columns, or plain values. Source: the block layouts of the GGUF specification; checked against an independent
 * reader in the tests. Cost: about 5 ns a weight.
 */
import { finite, halfToFloat } from "./half.ts";
import { WEIGHT_SOURCES } from "./pack.ts";
import { SUPER_KINDS, type SuperKind, type SuperKindName } from "./pack-super.ts";
import { readTableBlock } from "./pack-table.ts";
import { createSuperBlock } from "./super-block-source.ts";
import type { WeightSource } from "./types.ts";

/** Weights as codes: value = scale · (code − centre) + minimum. */
export interface CodedRows {
  /** One a weight, row by row. */
  readonly codes: Uint8Array;
  readonly centre: number;
  /** Columns that share a scale. */
  readonly columns: 16 | 32;
  /** One for every `columns` codes. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** Like `scales`; null where there are none. */
  readonly minima: Float32Array<ArrayBuffer> | null;
}

/** What the codes of a format look like, known without reading it. */
export interface CodeFormat {
  /** Codes are below 2^bits. */
  readonly bits: 4 | 5 | 8;
  readonly columns: 16 | 32;
  readonly centre: number;
  readonly hasMinima: boolean;
}

const FORMATS: Readonly<Partial<Record<WeightSource, CodeFormat>>> = {
  q4_0: { bits: 4, columns: 32, centre: 8, hasMinima: false },
  q4_1: { bits: 4, columns: 32, centre: 0, hasMinima: true },
  q5_0: { bits: 5, columns: 32, centre: 16, hasMinima: false },
  q5_1: { bits: 5, columns: 32, centre: 0, hasMinima: true },
  q8_0: { bits: 8, columns: 32, centre: 128, hasMinima: false },
  q2_k: { bits: 4, columns: 16, centre: 0, hasMinima: true },
  q3_k: { bits: 4, columns: 16, centre: 8, hasMinima: false },
  q4_k: { bits: 4, columns: 32, centre: 0, hasMinima: true },
  q5_k: { bits: 5, columns: 32, centre: 0, hasMinima: true },
  q6_k: { bits: 8, columns: 16, centre: 32, hasMinima: false },
  iq4_nl: { bits: 8, columns: 32, centre: 128, hasMinima: false },
  iq4_xs: { bits: 8, columns: 32, centre: 128, hasMinima: false },
};

/** The codes of a block format; null for plain floats. */
export function codeFormat(source: WeightSource): CodeFormat | null {
  return FORMATS[source] ?? null;
}

/**
 * Takes whole blocks apart; null for plain floats.
 * @throws KernelError ARTIFACT_INVALID for a scale that is not finite
 */
export function readCodes(source: WeightSource, from: Uint8Array): CodedRows | null {
  const format = codeFormat(source);
  if (!format) return null;
  const { columns, bytes } = WEIGHT_SOURCES[source];
  const weights = (from.length / bytes) * columns;
  const rows: CodedRows = {
    codes: new Uint8Array(weights),
    centre: format.centre,
    columns: format.columns,
    scales: new Float32Array(weights / format.columns),
    minima: format.hasMinima ? new Float32Array(weights / format.columns) : null,
  };
  if (source in SUPER_KINDS) readSuper(SUPER_KINDS[source as SuperKindName], from, rows);
  else if (source === "iq4_nl" || source === "iq4_xs") readTable(from, source === "iq4_xs", rows);
  else readPlain(source, from, bytes, rows);
  return rows;
}

/**
 * Values of whole blocks of any format.
 * @throws KernelError ARTIFACT_INVALID for a value or scale that is not finite
 */
export function readValues(source: WeightSource, from: Uint8Array): Float32Array<ArrayBuffer> {
  const coded = readCodes(source, from);
  if (!coded) return readFloats(source, from);
  const { codes, centre, columns, scales, minima } = coded;
  const values = new Float32Array(codes.length);
  for (let i = 0; i < values.length; i++) {
    const block = Math.floor(i / columns);
    values[i] = scales[block]! * (codes[i]! - centre) + (minima?.[block] ?? 0);
  }
  return values;
}

function readFloats(source: WeightSource, from: Uint8Array): Float32Array<ArrayBuffer> {
  const { buffer } = from.slice();
  if (source === "f32") {
    for (const bits of new Uint32Array(buffer)) finite(bits, 0x7f800000);
    return new Float32Array(buffer);
  }
  const halves = new Uint16Array(buffer);
  if (source === "f16") return Float32Array.from(halves, (bits) => halfToFloat(finite(bits)));
  return new Float32Array(Uint32Array.from(halves, (bits) => finite(bits, 0x7f80) << 16).buffer);
}

const half = (from: Uint8Array, at: number): number => halfToFloat(finite(from[at]! | (from[at + 1]! << 8)));

/** Q4_0, Q4_1, Q5_0, Q5_1, Q8_0: blocks of 32. */
function readPlain(source: WeightSource, from: Uint8Array, bytes: number, rows: CodedRows): void {
  const { codes, scales, minima } = rows;
  const isQ8 = source === "q8_0";
  const isQ5 = source === "q5_0" || source === "q5_1";
  for (let block = 0, at = 0; at < from.length; block++, at += bytes) {
    scales[block] = half(from, at);
    if (minima) minima[block] = half(from, at + 2);
    const high = at + (minima ? 4 : 2);
    const low = high + (isQ5 ? 4 : 0);
    for (let k = 0; k < 32; k++) {
      const to = block * 32 + k;
      if (isQ8) codes[to] = from[low + k]! ^ 128;
      else {
        const nibble = k < 16 ? from[low + k]! & 15 : from[low + k - 16]! >> 4;
        codes[to] = isQ5 ? nibble | (((from[high + (k >> 3)]! >> (k & 7)) & 1) << 4) : nibble;
      }
    }
  }
}

/** IQ4_NL, IQ4_XS: codes are the values of the table over 128. */
function readTable(from: Uint8Array, isXs: boolean, { codes, scales }: CodedRows): void {
  const values = new Int8Array(32);
  for (let block = 0; block < scales.length; block++) {
    scales[block] = readTableBlock(from, block, isXs, values);
    for (let k = 0; k < 32; k++) codes[block * 32 + k] = values[k]! + 128;
  }
}

/** Q2_K … Q6_K: superblocks of 256. */
function readSuper(kind: SuperKind, from: Uint8Array, rows: CodedRows): void {
  const { codes, scales, minima } = rows;
  const block = createSuperBlock();
  const parts = 256 / rows.columns;
  for (let index = 0, at = 0; at < from.length; index++, at += kind.sourceBytes) {
    kind.read(from, at, block);
    codes.set(block.weights, index * 256);
    const scale = half(from, at + kind.scaleAt);
    const minimum = minima ? half(from, at + kind.minimumAt) : 0;
    for (let part = 0; part < parts; part++) {
      scales[index * parts + part] = scale * block.scales[part]!;
      if (minima) minima[index * parts + part] = -minimum * block.minima[part]!;
    }
  }
}
