// How many of the started threads work.

import { expect, test } from "bun:test";
import { createCompute } from "#kernels";
import { createBench, kernelModule } from "./support.ts";

const MIB = 2 ** 20;

test("threads out of use take no chunk and no processor time, and work again when asked", async () => {
  const bench = createBench(4 * MIB);
  const [rows, cols] = [64, 512];
  const x = bench.floats(rows * cols);
  const y = bench.floats(rows * cols);
  y.view.fill(1);
  const { operators, close } = await createCompute({
    module: kernelModule,
    memory: bench.memory,
    threads: 3,
  });
  let regions = 0;
  for (const count of [1, 3, 2, 1, 3]) {
    operators.useThreads(count);
    expect(operators.threads).toBe(count);
    for (let i = 0; i < 50; i++, regions++) operators.addRows({ x: x.pointer, y: y.pointer, rows, cols });
  }
  expect(x.view.every((value) => value === regions)).toBe(true);
  expect(() => operators.useThreads(4)).toThrow("1 to 3");
  operators.useThreads(1);
  await Bun.sleep(50);
  const before = process.cpuUsage();
  await Bun.sleep(200);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(30);
  await close();
});
