/**
 * Speed of the kernels on this machine: `bun kernels/bench.ts [threads] [rows]`. Prints GMAC/s of matrix products (hot weights,
 * shapes of a 135M model), microseconds of the other operators; median of several runs. With a second argument only the
 * operators on rows and the sampler.
 */
import type { ActivationForm, KvShape, PackedMatrix, WeightKind } from "./src/index.ts";
import {
  activationBytes, createCompute, createMemory, fillRopeTable, kvPageBytes, loadModule, packedBytes, partialBytes,
  PLAIN_SAMPLE, planArena, queryBytes, repack, ropeTableBytes, unitBytes, writeUnits,
} from "./src/index.ts"; // prettier-ignore

const threads = Number(process.argv[2] ?? 1);
const ROUNDS = 9;
const ROUND_MS = 30;
const MIB = 2 ** 20;
const SHAPES: readonly (readonly [number, number])[] = [
  [960, 576],
  [3072, 576],
  [576, 1536],
  [49152, 576],
];
const BATCHES = [1, 2, 4, 16, 64, 256];
const KINDS: readonly (readonly [WeightKind, ActivationForm, number])[] = [
  ["q4_1", "a8", 20],
  ["q4_0", "a8", 18],
  ["q8_0", "a16", 34],
  ["f16", "f32", 64],
];

const plan = planArena([
  { name: "weights", sizeBytes: 64 * MIB },
  { name: "work", sizeBytes: 700 * MIB },
]);
const memory = createMemory(plan);
const { operators, close } = await createCompute({ module: await loadModule(), memory, threads });
let next = plan.offsets.get("work") ?? 0;
const allocate = (sizeBytes: number): number => {
  const pointer = next;
  next = Math.ceil((next + sizeBytes) / 64) * 64;
  return pointer;
};

/** Milliseconds: processor time on one thread (other work on the machine disturbs it less), else the clock. */
function now(): number {
  if (threads > 1) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Median microseconds of a call. */
function measure(call: () => void): number {
  for (let i = 0; i < 30; i++) call();
  const startedAt = performance.now();
  call();
  const repeats = Math.max(1, Math.ceil(ROUND_MS / Math.max(0.001, performance.now() - startedAt)));
  const times = Array.from({ length: ROUNDS }, () => {
    const from = now();
    for (let i = 0; i < repeats; i++) call();
    return ((now() - from) * 1000) / repeats;
  });
  return times.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function randomMatrix(kind: WeightKind, blockBytes: number, rows: number, cols: number): PackedMatrix {
  const source = new Uint8Array((rows * cols * blockBytes) / 32);
  for (let i = 0; i < source.length; i++) source[i] = Math.random() * 256;
  const view = new DataView(source.buffer);
  const step = kind === "f16" ? 2 : blockBytes;
  for (let at = 0; at < source.length; at += step) {
    view.setUint16(at, 0x2400, true);
    if (kind === "q4_1") view.setUint16(at + 2, 0xa800, true);
  }
  const pointer = plan.offsets.get("weights") ?? 0;
  const matrix = { kind, rows, cols, pointer, sizeBytes: packedBytes(kind, rows, cols) };
  const from = performance.now();
  repack(memory, matrix, source);
  const seconds = (performance.now() - from) / 1000;
  if (rows > 10_000) console.log(`${kind} repack ${(source.length / MIB / seconds).toFixed(0)} MiB/s`);
  return matrix;
}

function benchProducts(): void {
  const floats = new Float32Array(memory.buffer);
  const x = allocate(256 * 1536 * 4);
  for (let i = 0; i < 256 * 1536; i++) floats[x / 4 + i] = Math.random() - 0.5;
  const quantized = allocate(activationBytes("a16", 256, 1536) * 2);
  const y = allocate(256 * 49152 * 4);
  for (const [kind, form, blockBytes] of KINDS) {
    for (const [rows, cols] of SHAPES) {
      if (kind === "f16" && rows > 10_000) continue;
      const weight = randomMatrix(kind, blockBytes, rows, cols);
      const cells = BATCHES.filter((batch) => batch * rows < 4_000_000).map((batch) => {
        operators.quantize({ x, form, rows: batch, cols, out: quantized });
        const us = measure(() =>
          operators.matmul({ weight, x: quantized, rows: batch, y, yStride: rows, accumulate: false }),
        );
        return `${batch}: ${((rows * cols * batch) / us / 1000).toFixed(1)}`;
      });
      console.log(`${kind} ${rows}x${cols} GMAC/s  ${cells.join("  ")}`);
    }
  }
}

function benchAttention(): void {
  const shape: KvShape = { layers: 1, kvHeads: 3, headDim: 64, kind: "int8" };
  const heads = 9;
  const tokens = 2048;
  const floats = new Float32Array(memory.buffer);
  const width = (heads + 6) * 64;
  const qkv = allocate(256 * width * 4);
  for (let i = 0; i < 256 * width; i++) floats[qkv / 4 + i] = Math.random() - 0.5;
  const pages = Array.from({ length: tokens / 32 }, () => allocate(kvPageBytes(shape)));
  const table = allocate(pages.length * 4);
  new Uint32Array(memory.buffer, table, pages.length).set(pages);
  const ropeTable = allocate(ropeTableBytes(tokens, 64));
  fillRopeTable(memory, ropeTable, { positions: tokens, rotary: 64, base: 1e5 });
  const transform = {
    ...{ ropeTable, rotary: 64, interleaved: true, bias: 0, queryNorm: 0, keyNorm: 0, eps: 0 },
    scoreScale: 1 / 8,
  };
  const [positions, pageTables, rowIndices] = [allocate(1024), allocate(1024), allocate(1024)];
  new Int32Array(memory.buffer, rowIndices, 256).set(Array.from({ length: 256 }, (_, i) => i));
  new Uint32Array(memory.buffer, pageTables, 256).fill(table);
  const query = allocate(queryBytes(256, heads, shape));
  const partials = allocate(partialBytes(256, 8, heads, 64));
  const units = allocate(unitBytes * 64);
  const out = allocate(256 * heads * 64 * 4);
  for (const [rows, first] of [
    [1, 10],
    [1, 255],
    [1, 511],
    [1, 2047],
    [16, 511],
    [128, 0],
    [256, 0],
    [256, 1792],
  ] as const) {
    new Int32Array(memory.buffer, positions, rows).set(Array.from({ length: rows }, (_, i) => first + i));
    const list = [];
    for (let segment = 0; segment * 256 < first + rows; segment++) {
      for (let row = 0; row < rows; row += 64) {
        list.push({
          segment,
          pageTable: table,
          rows: rowIndices + row * 4,
          rowCount: Math.min(64, rows - row),
        });
      }
    }
    writeUnits(memory, units, list);
    const common = { rows, positions, layer: 0, shape, heads, query };
    const store = measure(() => operators.ropeStore({ ...common, qkv, pageTables, transform }));
    const attend = measure(() =>
      operators.attention({
        ...common,
        units,
        unitCount: list.length,
        maxSegments: 8,
        window: 0,
        partials,
        out,
      }),
    );
    console.log(
      `rows ${rows} from ${first}: ropeStore ${store.toFixed(1)} us, attention ${attend.toFixed(1)} us`,
    );
  }
}

function benchRows(): void {
  const x = allocate(256 * 3072 * 4);
  const floats = new Float32Array(memory.buffer);
  for (let i = 0; i < 256 * 3072; i++) floats[x / 4 + i] = Math.random() - 0.5;
  const out = allocate(activationBytes("a8", 256, 1536));
  for (const rows of [1, 16, 256]) {
    const norm = measure(() =>
      operators.rmsNormQuantize({ x, add: 0, weight: x, eps: 1e-5, form: "a8", rows, cols: 576, out }),
    );
    const silu = measure(() =>
      operators.gluQuantize({ gateUp: x, activation: "silu", form: "a8", rows, cols: 1536, out }),
    );
    console.log(
      `rows ${rows}: rmsNormQuantize 576 ${norm.toFixed(1)} us, gluQuantize 1536 ${silu.toFixed(1)} us`,
    );
  }
  const vocabulary = 49152;
  const logits = allocate(vocabulary * 4);
  for (let i = 0; i < vocabulary; i++)
    floats[logits / 4 + i] = (Math.random() + Math.random() + Math.random() - 1.5) * 12;
  const request = { ...PLAIN_SAMPLE, logits, vocabulary, seed: 1n, stream: 1n, position: 1 };
  for (const change of [
    {},
    { temperature: 0.7 },
    { temperature: 0.7, topP: 0.95 },
    { temperature: 0.7, topK: 40, topLogprobs: 5 },
  ]) {
    const us = measure(() => operators.sample({ ...request, ...change }));
    console.log(`sample ${JSON.stringify(change)} ${us.toFixed(0)} us`);
  }
}

console.log(`${operators.variant} SIMD, ${threads} threads`);
benchRows();
const isShort = process.argv[3] !== undefined;
if (!isShort) benchAttention();
if (!isShort) benchProducts();
await close();
