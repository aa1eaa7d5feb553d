// A worker that owns a compute pool, as the engine worker does: adds ones on two threads and reports the sum.

import { createCompute } from "#kernels";
import { createBench, kernelModule } from "./support.ts";

const bench = createBench(2 ** 20);
const x = bench.floats(64 * 64);
const y = bench.floats(64 * 64);
y.view.fill(1);
const { operators, close } = await createCompute({ module: kernelModule, memory: bench.memory, threads: 2 });
operators.addRows({ x: x.pointer, y: y.pointer, rows: 64, cols: 64 });
await close();
postMessage({ threads: operators.threads, sum: x.view.reduce((a, b) => a + b, 0) });
