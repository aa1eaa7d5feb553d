// Arena, module and threads: refusals, addresses beyond 2 GiB, sleep when idle, regions that complete.

import { expect, test } from "bun:test";
import type { KernelError } from "#kernels";
import { activationBytes, ARENA_START, createCompute, createMemory, planArena } from "#kernels";
import { createBench, createCounter, createMatrix, createRandom, fillWild, kernelModule } from "./support.ts";

const MIB = 2 ** 20;

test("a plan aligns every region to 64 bytes and refuses more than 3.75 GiB", () => {
  const plan = planArena([
    { name: "a", sizeBytes: 65 },
    { name: "b", sizeBytes: 1 },
    { name: "c", sizeBytes: 0 },
  ]);
  expect([...plan.offsets]).toEqual([
    ["a", ARENA_START],
    ["b", ARENA_START + 128],
    ["c", ARENA_START + 192],
  ]);
  expect(plan.totalBytes).toBe(ARENA_START + 192);
  const sizeBytes = 3840 * MIB - ARENA_START + 1;
  expect(() => planArena([{ name: "kv", sizeBytes }])).toThrow("the limit is");
  expect(() => createMemory(3841 * MIB)).toThrow("the limit is");
});

test("both variants import nothing but the memory and carry no data of their own", () => {
  for (const module of [kernelModule.plain, kernelModule.relaxed]) {
    if (!module) continue;
    expect(WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`)).toEqual([
      "env.memory",
    ]);
    expect(WebAssembly.Module.exports(module).every(({ kind }) => kind === "function")).toBe(true);
  }
});

test("addresses above 2 GiB give the bits of addresses below", async () => {
  const results: Float32Array[] = [];
  for (const start of [ARENA_START, 3 * 1024 * MIB]) {
    const bench = createBench(4 * MIB, start);
    const random = createRandom(5);
    const { matrix } = await createMatrix(bench, "q4_1", 64, 96, random);
    const x = bench.floats(3 * 96);
    fillWild(x.view, random);
    const quantized = bench.bytes(activationBytes("a8", 3, 96));
    const y = bench.floats(3 * 64);
    const { operators, close } = await createCompute({
      module: kernelModule,
      memory: bench.memory,
      threads: 2,
    });
    operators.quantize({ x: x.pointer, form: "a8", rows: 3, cols: 96, out: quantized });
    operators.matmul({ weight: matrix, x: quantized, rows: 3, y: y.pointer, yStride: 64, accumulate: false });
    const ids = bench.ints([63]);
    const embedded = bench.floats(96);
    operators.embed({ table: matrix, ids, rows: 1, scale: 1, out: embedded.pointer });
    await close();
    results.push(Float32Array.from([...y.view, ...embedded.view]));
  }
  expect(results[1]).toEqual(results[0] as Float32Array);
});

test("4,000 regions on two threads, with pauses long enough to sleep, each do all of their work", async () => {
  const { close, addOne, holds } = await createCounter({ threads: 2, spinPolls: 200 });
  const regions = 4_000;
  for (let i = 0; i < regions; i++) {
    addOne();
    if (i % 400 === 0) await Bun.sleep(2);
  }
  await close();
  expect(holds(regions)).toBe(true);
}, 30_000);

test("idle threads use no processor time, and closing ends them", async () => {
  const bench = createBench(MIB);
  const { close } = await createCompute({ module: kernelModule, memory: bench.memory, threads: 3 });
  await Bun.sleep(100);
  const before = process.cpuUsage();
  await Bun.sleep(400);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(60);
  await close();
});

/** Why a call is refused; "none" if it runs. */
function reasonOf(call: () => void): string {
  try {
    call();
  } catch (error) {
    return (error as KernelError).reason;
  }
  return "none";
}

test("F13 shapes that no kernel serves are refused before anything runs", async () => {
  const bench = createBench(MIB);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 1,
  });
  const { pointer } = bench.floats(64);
  const out = bench.bytes(activationBytes("a8", 1, 32));
  const add = (rows: number, cols: number) => operators.addRows({ x: pointer, y: pointer, rows, cols });
  const cases = [[1, 33], [5_000, 32], [0, 32], [-1, 32], [1.5, 32], [2 ** 31, 32], [1, 0], [1, 2 ** 31]] as const; // prettier-ignore
  for (const [rows, cols] of [...cases, [Number.NaN, 32], [1, Number.NaN]] as const) {
    expect(reasonOf(() => add(rows, cols))).toBe("SHAPE_MISMATCH");
    expect(reasonOf(() => operators.quantize({ x: pointer, form: "a8", rows, cols, out }))).toBe(
      "SHAPE_MISMATCH",
    );
  }
  expect(reasonOf(() => add(2, 32))).toBe("none");
  await close();
  const many = { module: kernelModule, memory: bench.memory, threads: 17 };
  await expect(createCompute(many)).rejects.toThrow("17 threads");
});

test("F13 pointers out of the arena, between floats or into what is read are refused before a byte is written", async () => {
  const bench = createBench(MIB);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 1,
  });
  const [rows, cols] = [2, 32];
  const bytes = rows * cols * 4;
  const end = bench.memory.buffer.byteLength;
  const { matrix } = await createMatrix(bench, "q4_1", cols, cols, createRandom(1));
  const [from, to] = [bench.floats(2 * rows * cols).pointer, bench.floats(2 * rows * cols).pointer];
  const calls: Readonly<Record<string, (from: number, to: number) => void>> = {
    addRows: (y, x) => operators.addRows({ x, y, rows, cols }),
    rmsNorm: (x, out) => operators.rmsNorm({ x, weight: from, eps: 1, rows, cols, out }),
    quantize: (x, out) => operators.quantize({ x, form: "a8", rows, cols, out }),
    glu: (gateUp, out) => operators.glu({ gateUp, activation: "silu", rows, cols, out }),
    embed: (ids, out) => operators.embed({ table: matrix, ids, rows, scale: 1, out }),
    matmul: (x, y) => operators.matmul({ weight: matrix, x, rows, y, yStride: cols, accumulate: false }),
  };
  const bad = [0, 4, ARENA_START - 4, from + 1, from + 2, end - 4, end, 2 ** 32, -64, Number.NaN, 0.5];
  for (const [name, call] of Object.entries(calls)) {
    for (const pointer of bad) {
      expect([name, pointer, reasonOf(() => call(pointer, to))]).toEqual([
        name,
        pointer,
        "FIELD_OUT_OF_RANGE",
      ]);
      expect([name, pointer, reasonOf(() => call(from, pointer))]).toEqual([
        name,
        pointer,
        "FIELD_OUT_OF_RANGE",
      ]);
    }
    expect([name, reasonOf(() => call(from, from + 4))]).toEqual([name, "FIELD_OUT_OF_RANGE"]);
    expect([name, reasonOf(() => call(from, to))]).toEqual([name, "none"]);
  }
  // In place, and side by side.
  expect(reasonOf(() => operators.rmsNorm({ x: to, weight: from, eps: 1, rows, cols, out: to }))).toBe(
    "none",
  );
  expect(reasonOf(() => operators.addRows({ x: to, y: to + bytes, rows, cols }))).toBe("none");
  expect(bench.intact()).toBe(true);
  await close();
});

test("compute threads start from inside a worker", async () => {
  const worker = new Worker(new URL("./nested.worker.ts", import.meta.url).href);
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(answer).toEqual({ threads: 2, sum: 4_096 });
});

test("F14 a trap in any thread fails the region instead of hanging it, and the pool still closes", async () => {
  const bench = createBench(MIB);
  const rows = 64;
  const cols = 32;
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 2,
  });
  // Half of the rows are to be added beyond the end of the memory.
  const beyond = bench.memory.buffer.byteLength / (cols * 4);
  const indices = bench.ints(Array.from({ length: rows }, (_, i) => (i < rows / 2 ? i : beyond + i)));
  const [x, y, factors] = [rows * cols, rows * cols, rows].map((count) => bench.floats(count).pointer) as [
    number,
    number,
    number,
  ];
  const add = () => operators.scatterRows({ x, y, indices, factors, rows, cols });
  for (let i = 0; i < 10; i++) expect(add).toThrow(WebAssembly.RuntimeError);
  await close();
});
