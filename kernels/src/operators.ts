/**
 * The operators over one instance: each checks its shapes, writes its arguments and runs a parallel region. Chunks are
 * coarse (4 to 8 a thread, never below about 3 µs): each costs two contended atomics across cores.
 */
import {
  ARGUMENTS, GATED_GELU, GATED_SILU, GROUP, ITEM_ROWS, MAX_STREAMS, OP_ADD, OP_ATTENTION, OP_EMBED, OP_GLU, OP_MATMUL, OP_MERGE,
  OP_NORM, OP_NORM_QUANTIZE, OP_PROGRAMS, OP_QUANTIZE, OP_ROPE_STORE, OP_SCALE, OP_SCATTER, STREAMS,
} from "../assembly/layout.ts"; // prettier-ignore
import { KernelError } from "./errors.ts";
import type { KernelExports, Variant } from "./module.ts";
import { packedBytes, WEIGHT_KINDS } from "./pack.ts";
import { createRanges, type Ranges } from "./ranges.ts";
import { createSampler } from "./sample.ts";
import { activationBytes, activationLayout, checkKvShape, checkRotary, checkShape } from "./sizes.ts";
import type { GateActivation, KvShape, Operators } from "./types.ts";
import { STREAM_COUNTS } from "./types.ts";

/** Bytes of a float or an integer. */
const WORD = 4;
/** Numbers (multiply-adds, or floats touched) that take about 3 µs. */
const CHUNK_MACS = 120_000;
const CHUNK_FLOATS = 3_000;
const CHUNKS_PER_THREAD = 4;
const CHUNKS_PER_THREAD_LONG = 12;
const LONG_MACS = 20_000_000;
const ITEMS_PER_THREAD = 8;
const ACTIVATIONS: Readonly<Record<GateActivation, number>> = { silu: GATED_SILU, gelu: GATED_GELU };

/** Writes arguments and starts regions. */
interface Region {
  /** Runs `operator` with u32 arguments; those in `floats` are written as f32 at their index. */
  run(
    operator: number,
    chunks: number,
    values: readonly number[],
    floats?: readonly (readonly [number, number])[],
  ): void;
}

/** Creates the operators of an instance whose threads are running. */
export function createOperators(
  kernels: KernelExports,
  memory: WebAssembly.Memory,
  threads: number,
  variant: Variant,
): Operators {
  const integers = new Uint32Array(memory.buffer, ARGUMENTS, 64);
  const reals = new Float32Array(memory.buffer, ARGUMENTS, 64);
  const region: Region = {
    run(operator, chunks, values, floats = []) {
      for (let i = 0; i < values.length; i++) integers[i] = values[i] ?? 0;
      for (const [at, value] of floats) reals[at] = value;
      kernels.runRegion(operator, chunks);
    },
  };
  const control = new Int32Array(memory.buffer, 0, 64);
  let inUse = threads;
  const threadCount = (): number => inUse;
  const byRows = (rows: number, cols: number) => rowsPerChunk(rows, cols, inUse);
  const ranges = createRanges(memory);
  return {
    get threads() {
      return inUse;
    },
    variant,
    useThreads(count) {
      if (!Number.isInteger(count) || count < 1 || count > threads) {
        throw new KernelError("FIELD_OUT_OF_RANGE", `${count} threads; 1 to ${threads} were started`);
      }
      if (count !== inUse) kernels.useThreads(count);
      inUse = count;
    },
    useStreams(count) {
      if (!STREAM_COUNTS.includes(count)) {
        throw new KernelError(
          "FIELD_OUT_OF_RANGE",
          `${count} runs; ${STREAM_COUNTS.join(" or ")} are possible`,
        );
      }
      control[STREAMS / 4] = count;
    },
    ...createRowOperators(region, ranges, byRows),
    ...createMatmul(region, ranges, threadCount),
    ...createAttention(region, threadCount, byRows),
    ...createSampler(kernels, memory),
  };
}

/** Rows of one chunk: even, so that a pair of rows has one writer. */
function rowsPerChunk(rows: number, cols: number, threads: number): number {
  if (threads === 1) return rows;
  const least = Math.max(CHUNK_FLOATS / cols, rows / (threads * CHUNKS_PER_THREAD));
  return Math.min(rows, Math.ceil(least / 2) * 2);
}

type RowOperators = Pick<
  Operators,
  | "embed"
  | "addRows"
  | "scatterRows"
  | "scaleRows"
  | "rmsNorm"
  | "quantize"
  | "rmsNormQuantize"
  | "glu"
  | "gluQuantize"
  | "applyPrograms"
>;

function createRowOperators(
  region: Region,
  { check, checkPair }: Ranges,
  byRows: (rows: number, cols: number) => number,
): RowOperators {
  return {
    embed({ table, ids, rows, scale, out }) {
      checkShape(rows, table.cols);
      checkPair(ids, rows * WORD, out, rows * table.cols * WORD);
      const each = byRows(rows, table.cols);
      const values = [WEIGHT_KINDS[table.kind].code, table.pointer, ids, rows, out, 0, table.cols / 32, each];
      region.run(OP_EMBED, Math.ceil(rows / each), values, [[5, scale]]);
    },
    addRows({ x, y, rows, cols }) {
      checkShape(rows, cols);
      checkPair(y, rows * cols * WORD, x, rows * cols * WORD);
      const each = byRows(rows, cols * 2);
      region.run(OP_ADD, Math.ceil(rows / each), [x, y, cols * 4, rows, each]);
    },
    scatterRows({ x, y, indices, factors, rows, cols }) {
      checkShape(rows, cols);
      check(x, cols * WORD);
      check(y, rows * cols * WORD);
      check(indices, rows * WORD);
      check(factors, rows * WORD);
      const each = byRows(rows, cols * 2);
      region.run(OP_SCATTER, Math.ceil(rows / each), [x, y, cols * 4, rows, each, indices, factors]);
    },
    scaleRows({ x, factor, rows, cols }) {
      checkShape(rows, cols);
      check(x, rows * cols * WORD);
      const each = byRows(rows, cols);
      region.run(OP_SCALE, Math.ceil(rows / each), [x, 0, cols * 4, rows, each], [[1, factor]]);
    },
    rmsNorm({ x, weight, eps, rows, cols, out }) {
      checkShape(rows, cols);
      check(weight, cols * WORD);
      checkPair(x, rows * cols * WORD, out, rows * cols * WORD);
      const each = byRows(rows, cols);
      region.run(OP_NORM, Math.ceil(rows / each), [x, weight, 0, rows, cols, each, out], [[2, eps]]);
    },
    quantize({ x, form, rows, cols, out }) {
      checkShape(rows, cols);
      checkPair(x, rows * cols * WORD, out, activationBytes(form, rows, cols));
      const each = byRows(rows, cols);
      region.run(OP_QUANTIZE, Math.ceil(rows / each), [
        x,
        out,
        activationLayout(form, rows),
        rows,
        cols,
        each,
      ]);
    },
    rmsNormQuantize({ x, add, weight, eps, form, rows, cols, out }) {
      checkShape(rows, cols);
      check(weight, cols * WORD);
      if (add !== 0) checkPair(add, rows * cols * WORD, x, rows * cols * WORD);
      checkPair(x, rows * cols * WORD, out, activationBytes(form, rows, cols));
      const each = byRows(rows, cols);
      const values = [x, weight, 0, rows, cols, each, out, add, activationLayout(form, rows)];
      region.run(OP_NORM_QUANTIZE, Math.ceil(rows / each), values, [[2, eps]]);
    },
    glu({ gateUp, activation, rows, cols, out }) {
      checkShape(rows, cols);
      checkPair(gateUp, 2 * rows * cols * WORD, out, rows * cols * WORD);
      const each = byRows(rows, cols * 4);
      const values = [gateUp, out, -1, rows, cols, each, ACTIVATIONS[activation]];
      region.run(OP_GLU, Math.ceil(rows / each), values);
    },
    gluQuantize({ gateUp, activation, form, rows, cols, out }) {
      checkShape(rows, cols);
      checkPair(gateUp, 2 * rows * cols * WORD, out, activationBytes(form, rows, cols));
      const each = byRows(rows, cols * 4);
      const layout = activationLayout(form, rows);
      const values = [gateUp, out, layout, rows, cols, each, ACTIVATIONS[activation]];
      region.run(OP_GLU, Math.ceil(rows / each), values);
    },
    applyPrograms({ x, xStride, rows, instances }) {
      checkShape(rows, 32);
      check(instances, rows * WORD);
      check(x, (rows - 1) * xStride * WORD);
      const each = byRows(rows, xStride * 4);
      region.run(OP_PROGRAMS, Math.ceil(rows / each), [x, xStride * 4, rows, instances, each]);
    },
  };
}

function createMatmul(
  region: Region,
  { check, checkPair }: Ranges,
  threadCount: () => number,
): Pick<Operators, "matmul"> {
  return {
    matmul({ weight, x, rows, y, yStride, accumulate }) {
      checkShape(rows, weight.cols);
      if (yStride < weight.rows && rows > 1) {
        throw new KernelError("SHAPE_MISMATCH", `rows of ${weight.rows} outputs at a stride of ${yStride}`);
      }
      const { code, form } = WEIGHT_KINDS[weight.kind];
      const outBytes = ((rows - 1) * yStride + weight.rows) * WORD;
      checkPair(x, activationBytes(form, rows, weight.cols), y, outBytes);
      check(weight.pointer, packedBytes(weight.kind, weight.rows, weight.cols));
      const threads = threadCount();
      const groups = Math.ceil(weight.rows / GROUP);
      const macs = weight.rows * weight.cols * rows;
      const most = threads * (macs > LONG_MACS ? CHUNKS_PER_THREAD_LONG : CHUNKS_PER_THREAD);
      const chunks = threads === 1 ? 1 : Math.max(1, Math.min(most, groups, Math.floor(macs / CHUNK_MACS)));
      // One row goes through up to MAX_STREAMS runs of groups at once: chunks of whole runs.
      const whole = rows === 1 && chunks > 1 ? MAX_STREAMS : 1;
      const each = Math.ceil(groups / chunks / whole) * whole;
      const values = [
        code,
        weight.pointer,
        x,
        rows,
        y,
        yStride * 4,
        accumulate ? 1 : 0,
        weight.rows,
        weight.cols / 32,
        each,
      ];
      region.run(OP_MATMUL, Math.ceil(groups / each), values);
    },
  };
}

function createAttention(
  region: Region,
  threadCount: () => number,
  byRows: (rows: number, cols: number) => number,
): Pick<Operators, "ropeStore" | "attention"> {
  const isWide = (shape: KvShape) => (shape.kind === "int16" ? 1 : 0);
  return {
    ropeStore({ qkv, rows, positions, pageTables, layer, shape, heads, transform, query }) {
      const { kvHeads, headDim } = shape;
      const { ropeTable, rotary, interleaved, bias, queryNorm, keyNorm, eps, scoreScale } = transform;
      checkShape(rows, headDim);
      checkKvShape(shape, heads);
      checkRotary(rotary, headDim);
      const each = byRows(rows, (heads + 2 * kvHeads) * headDim * 2);
      // prettier-ignore
      const values = [
        qkv, positions, pageTables, layer, kvHeads, headDim, isWide(shape), heads, ropeTable, interleaved ? 1 : 0, query,
        0, rows, each, rotary, bias, queryNorm, keyNorm,
      ];
      const floats = [
        [11, scoreScale * Math.LOG2E],
        [18, eps],
      ] as const;
      region.run(OP_ROPE_STORE, Math.ceil(rows / each), values, floats);
    },
    attention(call) {
      const { query, units, unitCount, rows, positions, layer, shape, heads, maxSegments, partials, out } =
        call;
      const { kvHeads, headDim } = shape;
      checkShape(rows, headDim);
      checkKvShape(shape, heads);
      if (!(unitCount >= 1 && maxSegments >= 1))
        throw new KernelError("SHAPE_MISMATCH", "attention without units");
      const threads = threadCount();
      const rowBlocks = Math.ceil(rows / ITEM_ROWS);
      const items = unitCount * kvHeads * rowBlocks;
      const each = threads === 1 ? items : Math.ceil(items / (threads * ITEMS_PER_THREAD));
      // prettier-ignore
      const values = [
        query, units, items, positions, layer, kvHeads, headDim, isWide(shape), heads, maxSegments, partials, rowBlocks,
        each, call.window,
      ];
      region.run(OP_ATTENTION, Math.ceil(items / each), values);
      const rowsEach = byRows(rows, heads * headDim);
      region.run(OP_MERGE, Math.ceil(rows / rowsEach), [
        partials,
        positions,
        rows,
        heads,
        headDim,
        maxSegments,
        out,
        rowsEach,
        call.window,
      ]);
    },
  };
}
