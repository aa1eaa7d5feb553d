/**
 * Where the time of a step goes, and how near it is to what this machine can do:
 * `bun services/forward/bench.ts [threads] [model] [--short] [--unscored]`. Runs the forward pass of a model file on the calling thread,
 * without engine or transport. For decode at several contexts, a batch of 16, 16 branches of a prompt of 512 that also draw their tokens, a prompt of 512 and one whose every token is scored: tokens/s, the
 * share of each operator, and of one thread the bound: each product's bytes at the measured bandwidth or its vector
 * operations at the measured rate, whichever takes longer (kernels/src/roofline.ts). With one thread times are those of
 * the processor, so that other programs disturb less.
 */
import { defaultModelPath } from "#kit/paths.ts";
import { openGguf } from "#kit/gguf.ts";
import type { MachinePeak, Operators, PackedMatrix, Pointer, SampleRequest } from "#kernels";
import {
  ARENA_START,
  attentionBoundMs,
  createCompute,
  createMemory,
  loadModule,
  matmulBoundMs,
  measurePeak,
} from "#kernels";
import { createForward } from "./src/engine/step.ts";
import type { BatchRow, Forward } from "./src/engine/step.ts";
import { chooseStreams } from "./src/engine/stream-choice.ts";
import { createWorkspace } from "./src/engine/workspace.ts";
import { readConfig } from "./src/model/config.ts";
import { planMemory } from "./src/model/plan.ts";
import { loadWeights } from "./src/model/load.ts";
import { readRopeFactors } from "./src/model/weights.ts";

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const threads = Number(words[0] ?? 1);
const isShort = process.argv.includes("--short");
const ROUNDS = 7;
const MB = 1e6;

/** Milliseconds. */
function now(): number {
  if (threads > 1) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const file = openGguf(words[1] ?? defaultModelPath());
const config = readConfig(file.header);
const plan = planMemory(file.header, config, {
  ...{ kvKindOf: () => "int8", kvBytes: null, contextTokens: 4096, rowBudget: 256, logitRows: 32 },
});
const memory = createMemory(plan.totalBytes);
loadWeights(file, plan.weights, memory);
const space = createWorkspace(memory, plan, config, (rotation) =>
  readRopeFactors(file, rotation, plan.contextTokens),
);
const module = await loadModule();
const compute = await createCompute({ memory, module, threads });
const spentMs = new Map<string, number>();
const products: { readonly weight: PackedMatrix; readonly rows: number }[] = [];
const forward = chooseStreams(
  createForward(plan.weights.model, compute.operators, space),
  compute.operators,
  now,
);
const profiled = createForward(plan.weights.model, timed(compute.operators), space);
const weightBytes = plan.weights.placements.reduce((sum, { tensor }) => sum + tensor.sizeBytes, 0);

let peak: MachinePeak = { bytesPerMs: 0, operationsPerMs: 0 };

/** The operators, each adding its time to `spentMs` and each product itself to `products`. */
function timed(operators: Operators): Operators {
  const clocked = (name: string, call: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]) => {
      const from = now();
      const result = call(...args);
      let key = name;
      if (name === "matmul") {
        const { weight, rows } = args[0] as Parameters<Operators["matmul"]>[0];
        key = `matmul ${weight.kind} ${weight.rows}x${weight.cols}`;
        products.push({ weight, rows });
      }
      spentMs.set(key, (spentMs.get(key) ?? 0) + now() - from);
      return result;
    };
  };
  const entries = Object.entries(operators).map(([name, value]) => [
    name,
    typeof value === "function" ? clocked(name, value) : value,
  ]);
  return Object.fromEntries(entries) as Operators;
}

/** A sequence whose pages are its own. */
function sequence(index: number, tokens: number): BatchRow["table"] {
  const each = Math.ceil(tokens / 32);
  return { pages: Array.from({ length: each }, (_, page) => index * each + page), length: tokens };
}

function row(table: BatchRow["table"], position: number, onLogits: BatchRow["onLogits"]): BatchRow {
  const id = 300 + ((position * 7919) % 30_000);
  return { id, position, table, heads: null, collector: null, onLogits };
}

/** Nobody samples here. */
const ignore = (): void => undefined;

function score(logits: Pointer): void {
  compute.operators.logprobs({ logits, vocabulary: config.vocabulary, ids: [0] });
}

/** A draw at temperature 1 from the whole vocabulary. */
function drawOf(logits: Pointer, stream: bigint): SampleRequest {
  return {
    ...{ logits, vocabulary: config.vocabulary, temperature: 1, topK: 0, topP: 1, minP: 0, topLogprobs: 0 },
    ...{
      repetitionPenalty: 1,
      frequencyPenalty: 0,
      presencePenalty: 0,
      allowMask: 0,
      seed: 7n,
      position: 512,
    },
    ...{ history: 0, historyCount: 0, answerStart: 0, bias: 0, biasCount: 0, stream },
  };
}

/** Prefills `table` up to `tokens` in chunks of 128; the last token's logits are read, or all are scored. */
function prefill(by: Forward, table: BatchRow["table"], tokens: number, isScored = false): void {
  for (let first = 0; first < tokens; first += 128) {
    const rows = Math.min(128, tokens - first);
    const read = (position: number) => (isScored ? score : position === tokens - 1 ? ignore : null);
    by.run(Array.from({ length: rows }, (_, i) => row(table, first + i, read(first + i))));
  }
}

function best(call: () => void): { readonly medianMs: number; readonly leastMs: number } {
  call();
  const times = Array.from({ length: ROUNDS }, () => {
    const from = now();
    call();
    return now() - from;
  }).toSorted((a, b) => a - b);
  return { medianMs: times[ROUNDS >> 1] ?? 0, leastMs: times[0] ?? 0 };
}

/** Measures the machine again and keeps the best: other programs make it look slower than it is. */
function notePeak(): void {
  const { bytesPerMs, operationsPerMs } = measurePeak(module, memory, ARENA_START, weightBytes, now);
  peak = {
    bytesPerMs: Math.max(peak.bytesPerMs, bytesPerMs),
    operationsPerMs: Math.max(peak.operationsPerMs, operationsPerMs),
  };
}

/** What a run would take at the bounds of its products and of `contexts` tokens of attention; null if one is not known. */
function boundMs(contexts: number): number | null {
  const { layers, headsWidth } = config;
  let sum = attentionBoundMs(2 * layers * headsWidth * contexts, peak);
  for (const { weight, rows } of products) {
    const least = matmulBoundMs(weight, rows, peak);
    if (least === null) return null;
    sum += least;
  }
  return sum;
}

/**
 * Runs `call` `ROUNDS` times; prints tokens/s, the bound, and the profile of one more run.
 * @param contexts sum over the tokens of the tokens each looks at
 */
function report(title: string, tokens: number, contexts: number, call: (by: Forward) => void): void {
  notePeak();
  const { medianMs, leastMs } = best(() => call(forward));
  notePeak();
  spentMs.clear();
  products.length = 0;
  call(profiled);
  console.log(
    `${title}: ${((1000 * tokens) / medianMs).toFixed(1)} tokens/s, ${(medianMs / tokens).toFixed(2)} ms a token`,
  );
  const bound = threads === 1 ? boundMs(contexts) : null;
  if (bound !== null) {
    const { bytesPerMs, operationsPerMs } = peak;
    console.log(
      `  bound ${(bound / tokens).toFixed(2)} ms a token (${(bytesPerMs / MB).toFixed(1)} GB/s, ` +
        `${(operationsPerMs / MB).toFixed(1)} G vector operations/s): ${((100 * bound) / medianMs).toFixed(0)} % reached, ` +
        `${((100 * bound) / leastMs).toFixed(0)} % at best`,
    );
  }
  const inside = [...spentMs.values()].reduce((sum, ms) => sum + ms, 0);
  for (const [name, ms] of [...spentMs].toSorted((a, b) => b[1] - a[1])) {
    const share = ((100 * ms) / inside).toFixed(1).padStart(5);
    console.log(`  ${share} %  ${((1000 * ms) / tokens).toFixed(1).padStart(8)} us a token  ${name}`);
  }
}

const all = sequence(0, 2400);
const steps = 24;
const decode = (context: number) => (by: Forward) => {
  for (let i = 0; i < steps; i++) by.run([row(all, context + i, ignore)]);
};
console.log(
  `${compute.operators.variant} SIMD, ${threads} threads, weights ${(weightBytes / MB).toFixed(1)} MB`,
);
for (let position = 0; forward.isChoosing; position++) forward.run([row(all, position, ignore)]);
prefill(forward, all, isShort ? 512 : 2300);
report("decode at context 0", steps, steps * 12, decode(0));
if (!isShort) report("decode at context 2048", steps, steps * 2060, decode(2048));
const sixteen = Array.from({ length: 16 }, (_, i) => sequence(i, 64));
report("batch of 16", 16 * 8, 16 * 8 * 12, (by) => {
  for (let i = 0; i < 8; i++) by.run(sixteen.map((table) => row(table, 8 + i, ignore)));
});
prefill(forward, all, 512);
const prefix = all.pages.slice(0, 16);
const branches = Array.from({ length: 16 }, (_, i) => ({ pages: [...prefix, 100 + i], length: 544 }));
let draws = 0n;
const drawWith = (operators: Operators) => (logits: Pointer) =>
  void operators.sample(drawOf(logits, draws++));
const [drawPlainly, drawTimed] = [drawWith(compute.operators), drawWith(timed(compute.operators))];
report("16 branches of a prompt of 512", 16 * 8, 16 * 8 * 520, (by) => {
  const read = by === profiled ? drawTimed : drawPlainly;
  for (let i = 0; i < 8; i++) by.run(branches.map((table) => row(table, 512 + i, read)));
});
report("prefill 512", 512, 512 * 256, (by) => prefill(by, all, 512));
if (!process.argv.includes("--unscored"))
  report("score 512", 512, 512 * 256, (by) => prefill(by, all, 512, true));
await compute.close();
file.close();
