// Rotary positions, KV pages and attention: values against f64, bits against every way of cutting the same work up.

import { expect, test } from "bun:test";
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
import { attend, KV_LIMITS, quantizeBlocks, rotate } from "./attention-reference.ts";
import { type Bench, createBench, createRandom, underAll } from "./support.ts";

const SEED = 77;
const BASE = 10_000;

interface Setting {
  readonly bench: Bench;
  readonly shape: KvShape;
  readonly heads: number;
  readonly tokens: number;
  readonly interleaved: boolean;
  readonly qkv: { pointer: number; view: Float32Array };
  readonly out: { pointer: number; view: Float32Array };
  /** Writes garbage into all pages. */
  spoil(): void;
  /** Runs rows [from, to) as one batch; units hold at most `unitRows` rows. */
  run(operators: Operators, from: number, to: number, unitRows: number): void;
}

function createSetting(
  shape: KvShape,
  heads: number,
  tokens: number,
  interleaved: boolean,
  seed = SEED,
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
  const ropeTable = bench.bytes(ropeTableBytes(tokens, headDim));
  fillRopeTable(bench.memory, ropeTable, { positions: tokens, headDim, base: BASE });
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
    interleaved,
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
      operators.ropeStore({ ...common, qkv: start, pageTables: tables, ropeTable, interleaved });
      const target = out.pointer + from * heads * headDim * 4;
      operators.attention({
        ...common,
        units,
        unitCount: list.length,
        maxSegments: segments,
        partials,
        out: target,
      });
    },
  };
}

/** Checks some rows of the output against the definition. */
function expectDefinition({ shape, heads, interleaved, qkv, out }: Setting, rows: readonly number[]): void {
  const { headDim, kvHeads, kind } = shape;
  const limits = KV_LIMITS[kind];
  const width = (heads + 2 * kvHeads) * headDim;
  const head = (row: number, index: number) => {
    const start = row * width + index * headDim;
    return qkv.view.subarray(start, start + headDim);
  };
  const last = Math.max(...rows);
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const keys = Array.from({ length: last + 1 }, (_, t) =>
      quantizeBlocks(rotate(head(t, heads + kvHead), t, BASE, interleaved), limits.kv),
    );
    const values = Array.from({ length: last + 1 }, (_, t) =>
      quantizeBlocks(head(t, heads + kvHeads + kvHead), limits.kv),
    );
    for (const row of rows) {
      for (let h = kvHead * (heads / kvHeads); h < (kvHead + 1) * (heads / kvHeads); h++) {
        const query = quantizeBlocks(rotate(head(row, h), row, BASE, interleaved), limits.query);
        const exact = attend(query, keys.slice(0, row + 1), values.slice(0, row + 1));
        for (let d = 0; d < headDim; d++) {
          const got = out.view[(row * heads + h) * headDim + d] ?? Number.NaN;
          // Keys whose exact value lies between two steps may round either way: a few steps of one key's last bit.
          expect(Math.abs(got - (exact[d] ?? 0))).toBeLessThan(kind === "int8" ? 0.02 : 0.002);
        }
      }
    }
  }
}

const CASES: readonly (readonly [KvShape, number, boolean])[] = [
  [{ layers: 2, kvHeads: 3, headDim: 64, kind: "int8" }, 9, true],
  [{ layers: 1, kvHeads: 2, headDim: 64, kind: "int8" }, 14, false],
  [{ layers: 2, kvHeads: 1, headDim: 256, kind: "int8" }, 4, false],
  [{ layers: 1, kvHeads: 2, headDim: 96, kind: "int16" }, 2, true],
  [{ layers: 1, kvHeads: 1, headDim: 32, kind: "int16" }, 3, false],
];

for (const [shape, heads, interleaved] of CASES) {
  const name = `${heads} heads on ${shape.kvHeads} of ${shape.headDim}, ${shape.kind}`;
  test(`${name}: attention equals f64 over the quantized cache (seed ${SEED})`, async () => {
    const setting = createSetting(shape, heads, 290, interleaved);
    await underAll(setting.bench, (operators) => {
      setting.spoil();
      setting.run(operators, 0, 290, 64);
      if (operators.threads === 1) expectDefinition(setting, [0, 1, 31, 32, 200, 255, 256, 289]);
    });
    expect(setting.bench.intact()).toBe(true);
  });

  test(`${name}: bits depend neither on chunks, units, threads nor SIMD variant`, async () => {
    const setting = createSetting(shape, heads, 290, interleaved, SEED + 1);
    let expected: Float32Array | null = null;
    await underAll(setting.bench, (operators) => {
      for (const chunk of [290, 256, 33, 7, 1]) {
        if (chunk === 1 && operators.threads === 2) continue;
        setting.spoil();
        setting.out.view.fill(Number.NaN);
        for (let from = 0; from < 290; from += chunk)
          setting.run(operators, from, Math.min(290, from + chunk), 5 + (chunk % 60));
        expected ??= setting.out.view.slice();
        expect(setting.out.view).toEqual(expected);
      }
    });
    expect(setting.bench.intact()).toBe(true);
  });
}
