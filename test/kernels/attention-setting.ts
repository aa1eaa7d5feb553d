// Random queries, keys and values of one sequence on shuffled pages, run through ropeStore and attention in any cut.

import type { KvShape, Operators } from "#kernels";
import {
  fillRopeTable,
  kvPageBytes,
  partialBytes,
  queryBytes,
  ropeTableBytes,
  unitBytes,
  writeUnits,
} from "#kernels";
import { type Bench, createBench, createRandom } from "./support.ts";

export const ROPE_BASE = 10_000;
export const NORM_EPSILON = 1e-6;

/** What a layer does besides plain attention. */
export interface Style {
  readonly interleaved: boolean;
  /** Dims of a head that rotate. */
  readonly rotary: number;
  /** Tokens a row sees; 0 = all. */
  readonly window: number;
  /** Biases on q, k and v, norms on q and k. */
  readonly dressed: boolean;
  /** Factor on the scores. */
  readonly scoreScale: number;
}

/** One sequence under one shape. */
export interface Setting {
  readonly bench: Bench;
  readonly shape: KvShape;
  readonly heads: number;
  readonly tokens: number;
  readonly style: Style;
  /** f32 [(heads + 2·kvHeads)·headDim], [headDim], [headDim] */
  readonly bias: Float32Array;
  readonly queryNorm: Float32Array;
  readonly keyNorm: Float32Array;
  readonly qkv: { pointer: number; view: Float32Array };
  readonly out: { pointer: number; view: Float32Array };
  /** Writes garbage into all pages. */
  spoil(): void;
  /** Runs rows [from, to) as one batch; units hold at most `unitRows` rows. */
  run(operators: Operators, from: number, to: number, unitRows: number): void;
}

/** Builds the arena of a sequence of `tokens` tokens. */
export function createSetting(
  shape: KvShape,
  heads: number,
  tokens: number,
  style: Style,
  seed: number,
): Setting {
  const random = createRandom(seed);
  const bench = createBench();
  const { kvHeads, headDim } = shape;
  const width = (heads + 2 * kvHeads) * headDim;
  const qkv = bench.floats(tokens * width);
  const out = bench.floats(tokens * heads * headDim);
  for (let i = 0; i < qkv.view.length; i++) qkv.view[i] = (random() + random() - 1) * (i % 7 === 0 ? 6 : 1.5);
  const pageCount = Math.ceil(tokens / 32);
  const pageBytes = kvPageBytes(shape);
  // Pages in a shuffled order, not contiguous.
  const pages = Array.from({ length: pageCount }, () => bench.bytes(pageBytes)).sort(() => random() - 0.5);
  const table = bench.ints(pages);
  const { interleaved, rotary, window, dressed, scoreScale } = style;
  const ropeTable = bench.bytes(ropeTableBytes(tokens, rotary));
  fillRopeTable(bench.memory, ropeTable, { positions: tokens, rotary, base: ROPE_BASE });
  const [bias, queryNorm, keyNorm] = [bench.floats(width), bench.floats(headDim), bench.floats(headDim)];
  for (const { view } of [bias, queryNorm, keyNorm]) view.forEach((_, i) => (view[i] = random() + 0.5));
  const transform = {
    ...{ ropeTable, rotary, interleaved, eps: NORM_EPSILON, scoreScale },
    bias: dressed ? bias.pointer : 0,
    queryNorm: dressed ? queryNorm.pointer : 0,
    keyNorm: dressed ? keyNorm.pointer : 0,
  };
  const segments = Math.ceil(tokens / 256);
  const query = bench.bytes(queryBytes(tokens, heads, shape));
  const partials = bench.bytes(partialBytes(tokens, segments, heads, headDim));
  const rowIndices = bench.ints(Array.from({ length: tokens }, (_, i) => i));
  const units = bench.bytes(tokens * segments * unitBytes);
  const positions = bench.floats(tokens).pointer;
  const tables = bench.floats(tokens).pointer;
  const layer = shape.layers - 1;
  return {
    bench,
    shape,
    heads,
    tokens,
    style,
    bias: bias.view,
    queryNorm: queryNorm.view,
    keyNorm: keyNorm.view,
    qkv,
    out,
    spoil: () => pages.forEach((page) => new Uint8Array(bench.memory.buffer, page, pageBytes).fill(0xff)),
    run(operators, from, to, unitRows) {
      const rows = to - from;
      new Int32Array(bench.memory.buffer, positions, rows).set(
        Array.from({ length: rows }, (_, i) => from + i),
      );
      new Uint32Array(bench.memory.buffer, tables, rows).fill(table);
      const list = [];
      for (let segment = 0; segment * 256 < to; segment++) {
        for (let row = Math.max(0, segment * 256 - from); row < rows; row += unitRows) {
          const rowCount = Math.min(unitRows, rows - row);
          list.push({ segment, pageTable: table, rows: rowIndices + row * 4, rowCount });
        }
      }
      writeUnits(bench.memory, units, list);
      const common = { rows, positions, layer, shape, heads, query };
      const start = qkv.pointer + from * width * 4;
      operators.ropeStore({ ...common, qkv: start, pageTables: tables, transform });
      const target = out.pointer + from * heads * headDim * 4;
      operators.attention({
        ...common,
        units,
        unitCount: list.length,
        maxSegments: segments,
        window,
        partials,
        out: target,
      });
    },
  };
}
