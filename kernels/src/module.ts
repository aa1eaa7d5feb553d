/**
 * The compiled kernels and the choice between their two variants. Relaxed SIMD is used only where a self-test on edge
 * values (-128, 127, mixed signs, weights up to 63) shows that it computes what the kernels count on; `TRIMTAB_SIMD=plain`
 * or `relaxed` forces a variant. Both give equal bits.
 */
import { join } from "node:path";
import { SPILL } from "../assembly/layout.ts";
import { KernelError } from "./errors.ts";

/** Which SIMD variant runs. */
export type Variant = "relaxed" | "plain";

/** Both variants, compiled; `relaxed` is null where the engine lacks relaxed SIMD. */
export interface KernelModule {
  readonly relaxed: WebAssembly.Module | null;
  readonly plain: WebAssembly.Module;
}

/** Which logits count, and how: a row, its mask, largest logit, inverse temperature, least weight, cut. */
type KeptArguments = [
  logits: number,
  count: number,
  mask: number,
  top: number,
  inverse: number,
  least: number,
  cut: number,
  cutId: number,
];

/** The functions of an instance; `index.ts` of the assembly folder says what they do. */
export interface KernelExports {
  runRegion(operator: number, chunks: number): void;
  serve(thread: number): void;
  stopThreads(): void;
  useThreads(count: number): void;
  selfTest(at: number): number;
  readThrough(from: number, bytes: number): void;
  issue(turns: number): void;
  scan(logits: number, count: number): number;
  adjust(
    logits: number,
    count: number,
    bits: number,
    history: number,
    historyCount: number,
    answer: number,
    repetition: number,
    frequency: number,
    presence: number,
    biases: number,
    biasCount: number,
  ): void;
  rawLogit(logits: number, id: number, bits: number): number;
  restore(logits: number, bits: number): void;
  massAdjusted(logits: number, count: number, bits: number, top: number): number;
  largest(logits: number, count: number, mask: number): number;
  find(logits: number, count: number, mask: number, value: number): number;
  mass(...kept: [...KeptArguments, floor: number]): number;
  draw(...kept: [...KeptArguments, target: number]): number;
  fillBins(logits: number, count: number, mask: number, top: number, inverse: number): void;
  sortBin(logits: number, count: number, mask: number, top: number, inverse: number, bin: number): number;
  sortTop(logits: number, count: number, limit: number): number;
  sortedId(index: number): number;
  sortedLogit(index: number): number;
  weightOf(z: number, top: number, inverse: number): number;
  noise(k0: number, k1: number, c0: number, c1: number, c2: number): number;
}

const FOLDER = join(import.meta.dir, "..", "..", "build", "kernels");

/**
 * Reads and compiles the kernels.
 * @throws KernelError UNSUPPORTED when they have not been built
 */
export async function loadModule(): Promise<KernelModule> {
  const [plain, relaxed] = await Promise.all([compile("plain"), compile("relaxed")]);
  if (!plain) throw new KernelError("UNSUPPORTED", "this engine refuses the plain SIMD kernels");
  return { plain, relaxed };
}

async function compile(variant: Variant): Promise<WebAssembly.Module | null> {
  const file = Bun.file(join(FOLDER, `${variant}.wasm`));
  if (!(await file.exists())) {
    throw new KernelError(
      "UNSUPPORTED",
      `build/kernels/${variant}.wasm is missing: run node kernels/build.mjs`,
    );
  }
  const bytes = await file.arrayBuffer();
  try {
    return await WebAssembly.compile(bytes);
  } catch {
    return null;
  }
}

/** An instance over `memory`. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
}

/**
 * Chooses a variant and instantiates it over `memory`.
 * @param wanted `auto` lets the self-test decide; the environment variable wins over it
 * @throws KernelError UNSUPPORTED when a forced variant does not pass, INVALID_ARGUMENT for another TRIMTAB_SIMD
 */
export function chooseVariant(
  module: KernelModule,
  memory: WebAssembly.Memory,
  wanted: Variant | "auto" = "auto",
): { variant: Variant; module: WebAssembly.Module; kernels: KernelExports } {
  const forced = process.env.TRIMTAB_SIMD || wanted;
  if (forced !== "auto" && forced !== "plain" && forced !== "relaxed") {
    throw new KernelError("INVALID_ARGUMENT", `TRIMTAB_SIMD is ${forced}; it may be plain or relaxed`);
  }
  const order: readonly Variant[] = forced === "auto" ? ["relaxed", "plain"] : [forced];
  for (const variant of order) {
    const candidate = module[variant];
    if (!candidate) continue;
    const kernels = instantiate(candidate, memory);
    if (passesSelfTest(kernels, memory)) return { variant, module: candidate, kernels };
  }
  throw new KernelError("UNSUPPORTED", `no SIMD variant of ${order.join(", ")} passes its self-test here`);
}

const EDGES = [-128, 127, -127, 126, -1, 0, 1, 64, -64, 120, -120, 7, -8, 15, -16, 100];
/** Weights: those of 4, 5 and 6 bits, the largest of each among them. */
const WEIGHTS = [63, 0, 1, 14, 31, 8, 15, 63, 2, 62, 5, 10, 3, 32, 6, 9];

/** Every rotation of the weights against every rotation of the edge values, and the extremes against each other. */
function passesSelfTest(kernels: KernelExports, memory: WebAssembly.Memory): boolean {
  const signed = new Int8Array(memory.buffer, SPILL, 48);
  new Int16Array(memory.buffer, SPILL + 32, 8).fill(2048);
  const passes = (x: (i: number) => number, w: (i: number) => number): boolean => {
    for (let i = 0; i < 16; i++) {
      signed[i] = x(i);
      signed[16 + i] = w(i);
    }
    return kernels.selfTest(SPILL) !== 0;
  };
  for (let a = 0; a < 16; a++) {
    for (let b = 0; b < 16; b++) {
      if (
        !passes(
          (i) => EDGES[(i + a) % 16] ?? 0,
          (i) => WEIGHTS[(i + b) % 16] ?? 0,
        )
      )
        return false;
    }
  }
  return (
    passes(
      () => -128,
      () => 63,
    ) &&
    passes(
      () => 127,
      () => 63,
    )
  );
}
