/**
 * Where the time of a step goes: `bun services/forward/bench.ts [threads] [model] [--short]`. Runs the forward pass of a
 * model file on the calling thread, without engine, sampling or transport, and prints for decode at several contexts, a
 * batch of 16 and a prompt of 512 the tokens/s, and the share of each operator.
 */
import { defaultModelPath } from "#kit/paths.ts";
import { openGguf } from "#kit/gguf.ts";
import type { Operators } from "#kernels";
import { createCompute, createMemory, loadModule } from "#kernels";
import { createForward } from "./src/engine/step.ts";
import type { BatchRow } from "./src/engine/step.ts";
import { createWorkspace } from "./src/engine/workspace.ts";
import { readConfig } from "./src/model/config.ts";
import { planMemory } from "./src/model/plan.ts";
import { loadWeights, readRopeFactors } from "./src/model/weights.ts";

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const threads = Number(words[0] ?? 1);
const isShort = process.argv.includes("--short");
const ROUNDS = 5;
const MB = 1e6;

const file = openGguf(words[1] ?? defaultModelPath());
const config = readConfig(file.header);
const plan = planMemory(file.header, config, {
  ...{ kvKind: "int8", kvBytes: null, contextTokens: 4096, rowBudget: 256, logitRows: 32 },
});
const memory = createMemory(plan.totalBytes);
loadWeights(file, plan.weights, memory);
const space = createWorkspace(memory, plan, config, (rotation) =>
  readRopeFactors(file, rotation, plan.contextTokens),
);
const compute = await createCompute({ memory, module: await loadModule(), threads });
const spentMs = new Map<string, number>();
const forward = createForward(plan.weights.model, timed(compute.operators), space);

/** The operators, each adding its time to `spentMs`. */
function timed(operators: Operators): Operators {
  const clocked = (name: string, call: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]) => {
      const from = performance.now();
      const result = call(...args);
      const key =
        name === "matmul" ? `matmul ${describe(args[0] as Parameters<Operators["matmul"]>[0])}` : name;
      spentMs.set(key, (spentMs.get(key) ?? 0) + performance.now() - from);
      return result;
    };
  };
  const entries = Object.entries(operators).map(([name, value]) => [
    name,
    typeof value === "function" ? clocked(name, value) : value,
  ]);
  return Object.fromEntries(entries) as Operators;
}

function describe({ weight }: Parameters<Operators["matmul"]>[0]): string {
  return `${weight.kind} ${weight.rows}x${weight.cols}`;
}

/** A sequence whose pages are its own. */
function sequence(index: number, tokens: number): BatchRow["table"] {
  const each = Math.ceil(tokens / 32);
  return { pages: Array.from({ length: each }, (_, page) => index * each + page), length: tokens };
}

function row(table: BatchRow["table"], position: number, reads: boolean): BatchRow {
  const id = 300 + ((position * 7919) % 30_000);
  return { id, position, table, heads: null, collector: null, onLogits: reads ? () => undefined : null };
}

/** Prefills `table` up to `tokens` in chunks of 128. */
function prefill(table: BatchRow["table"], tokens: number): void {
  for (let first = 0; first < tokens; first += 128) {
    const rows = Math.min(128, tokens - first);
    forward.run(Array.from({ length: rows }, (_, i) => row(table, first + i, first + i === tokens - 1)));
  }
}

/** Runs `call` `ROUNDS` times, prints tokens/s of the median and the profile of all. */
function report(title: string, tokens: number, call: () => void): void {
  call();
  spentMs.clear();
  const times = Array.from({ length: ROUNDS }, () => {
    const from = performance.now();
    call();
    return performance.now() - from;
  });
  const total = times.reduce((sum, ms) => sum + ms, 0);
  const median = times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  console.log(
    `${title}: ${((1000 * tokens) / median).toFixed(1)} tokens/s, ${(median / tokens).toFixed(2)} ms a token`,
  );
  const inside = [...spentMs.values()].reduce((sum, ms) => sum + ms, 0);
  const parts = [...spentMs, ["outside the operators", total - inside] as const];
  for (const [name, ms] of parts.toSorted((a, b) => b[1] - a[1])) {
    const share = ((100 * ms) / total).toFixed(1).padStart(5);
    console.log(
      `  ${share} %  ${((1000 * ms) / ROUNDS / tokens).toFixed(1).padStart(8)} us a token  ${name}`,
    );
  }
}

const all = sequence(0, 2400);
const steps = 24;
const decode = (context: number) => () => {
  for (let i = 0; i < steps; i++) forward.run([row(all, context + i, true)]);
};
const weightBytes = plan.weights.placements.reduce((sum, { tensor }) => sum + tensor.sizeBytes, 0);
console.log(
  `${compute.operators.variant} SIMD, ${threads} threads, weights ${(weightBytes / MB).toFixed(1)} MB`,
);
prefill(all, isShort ? 512 : 2300);
report("decode at context 0", steps, decode(0));
if (!isShort) report("decode at context 2048", steps, decode(2048));
const sixteen = Array.from({ length: 16 }, (_, i) => sequence(i, 64));
report("batch of 16", 16 * 8, () => {
  for (let i = 0; i < 8; i++) forward.run(sixteen.map((table) => row(table, 8 + i, true)));
});
report("prefill 512", 512, () => prefill(all, 512));
await compute.close();
file.close();
