// Arena, module and threads: refusals, addresses beyond 2 GiB, sleep when idle, regions that complete.

import { expect, test } from "bun:test";
import { activationBytes, ARENA_START, createCompute, createMemory, planArena } from "#kernels";
import { idleShare } from "../support/idle.ts";
import { createBench, createCounter, createMatrix, createRandom, fillWild, kernelModule } from "./support.ts";

const MIB = 2 ** 20;
const MOST_IDLE_SHARE = 0.15;

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
}, 120_000);

test("idle threads use no processor time, and closing ends them", async () => {
  const bench = createBench(MIB);
  const { close } = await createCompute({ module: kernelModule, memory: bench.memory, threads: 3 });
  expect(await idleShare(MOST_IDLE_SHARE)).toBeLessThan(MOST_IDLE_SHARE);
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
