/**
 * What the fixed order of sums costs: `bun kernels/bench-order.ts`. The kernels beside a build of the same sources that
 * may fuse multiplications with additions (order-free.ts); calls in turn, one thread, processor time. Per product: ordered /
 * free, median of the rounds with the lowest and the highest. A second freedom, several sums for one result, could win
 * nothing: the sums of a tile wait 8 of the 29 cycles that the operations of a block take.
 */
import { join } from "node:path";
import type { ActivationForm, Operators, PackedMatrix, WeightKind } from "./src/index.ts";
import {
  activationBytes, createCompute, createMemory, loadModule, packedBytes, planArena, repack,
} from "./src/index.ts"; // prettier-ignore

const MIB = 2 ** 20;
const ROUNDS = 9;
const ROUND_MS = 40;
const [OUTPUTS, COLS] = [3072, 576];
const BATCHES = [1, 16, 128];
const KINDS: readonly (readonly [WeightKind, ActivationForm, number])[] = [
  ["q4_1", "a8", 20],
  ["q8_0", "a16", 34],
];

const plan = planArena([
  { name: "weights", sizeBytes: 8 * MIB },
  { name: "work", sizeBytes: 8 * MIB },
]);
const module = await loadModule();
const path = join(import.meta.dir, "..", "build", "kernels-free", "free.wasm");
const built = Bun.spawnSync(["node", join(import.meta.dir, "build.mjs"), "free"]);
if (!built.success) throw new Error(built.stderr.toString());
const free = await WebAssembly.compile(await Bun.file(path).arrayBuffer());

/** One build in a memory of its own, with a matrix and activations of its own. */
async function createSide(relaxed: WebAssembly.Module | null) {
  const memory = createMemory(plan);
  const { operators } = await createCompute({ module: { ...module, relaxed }, memory, threads: 1 });
  return { memory, operators };
}

/** Milliseconds of this process on the processor. */
function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Small scales and minima; the nibbles and bytes are any. */
function source(kind: WeightKind, blockBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from({ length: (OUTPUTS * COLS * blockBytes) / 32 }, (_, i) => (i * 7919) >> 5);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    view.setUint16(at, 0x2400, true);
    if (kind === "q4_1") view.setUint16(at + 2, 0xa800, true);
  }
  return bytes;
}

type Side = Awaited<ReturnType<typeof createSide>>;

/** A call that multiplies `batch` rows. */
function product(
  { memory, operators }: Side,
  kind: WeightKind,
  form: ActivationForm,
  batch: number,
): () => void {
  const x = plan.offsets.get("work") ?? 0;
  new Float32Array(memory.buffer, x, batch * COLS).fill(0.5);
  const quantized = x + MIB;
  const y = quantized + Math.ceil(activationBytes(form, batch, COLS) / MIB) * MIB;
  operators.quantize({ x, form, rows: batch, cols: COLS, out: quantized });
  const pointer = plan.offsets.get("weights") ?? 0;
  const weight: PackedMatrix = {
    kind,
    rows: OUTPUTS,
    cols: COLS,
    pointer,
    sizeBytes: packedBytes(kind, OUTPUTS, COLS),
  };
  const call: Parameters<Operators["matmul"]>[0] = {
    ...{ weight, x: quantized, rows: batch, y, yStride: OUTPUTS, accumulate: false },
  };
  return () => operators.matmul(call);
}

/** Ratios of the processor time of two calls, taken in turn. */
function compare(ordered: () => void, unordered: () => void): number[] {
  const time = (call: () => void, repeats: number): number => {
    const from = now();
    for (let i = 0; i < repeats; i++) call();
    return now() - from;
  };
  time(ordered, 30);
  time(unordered, 30);
  const repeats = Math.max(1, Math.ceil((ROUND_MS * 30) / time(ordered, 30)));
  return Array.from({ length: ROUNDS }, (_, round) => {
    const first = time(round % 2 ? unordered : ordered, repeats);
    const second = time(round % 2 ? ordered : unordered, repeats);
    return round % 2 ? second / first : first / second;
  }).toSorted((a, b) => a - b);
}

const sides = [await createSide(module.relaxed), await createSide(free)] as const;
const medians: number[] = [];
for (const [kind, form, blockBytes] of KINDS) {
  for (const { memory } of sides) {
    const weight = { kind, rows: OUTPUTS, cols: COLS, pointer: plan.offsets.get("weights") ?? 0 };
    repack(memory, { ...weight, sizeBytes: packedBytes(kind, OUTPUTS, COLS) }, source(kind, blockBytes));
  }
  for (const batch of BATCHES) {
    const ratios = compare(product(sides[0], kind, form, batch), product(sides[1], kind, form, batch));
    const [low, middle, high] = [0, ROUNDS >> 1, ROUNDS - 1].map((i) => (ratios[i] ?? Number.NaN).toFixed(3));
    medians.push(Number(middle));
    console.log(
      `${kind} ${OUTPUTS}x${COLS}, ${batch} rows: ${middle} (${low} to ${high}) of the time without a fixed order`,
    );
  }
}
const mean = medians.reduce((sum, ratio) => sum + ratio, 0) / medians.length;
console.log(`cost of the fixed order: ${(100 * (mean - 1)).toFixed(1)} %`);
