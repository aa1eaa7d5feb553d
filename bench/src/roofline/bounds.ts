/**
 * What this machine can do at most, measured in the same run: bytes read a second (from a buffer as large as the weights, so
 * that it lies where they lie) and 8-bit products a second, by as many threads as the engine has. WebAssembly, as our kernels
 * are: an engine with wider vectors has a higher bound of products.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import asc from "assemblyscript/asc";

/** The bounds of one machine for one number of threads. */
export interface Bounds {
  readonly bytesPerSecond: number;
  readonly productsPerSecond: number;
}

const SOURCE = join(import.meta.dir, "..", "..", "assembly", "roofline.ts");
const WORKER = join(import.meta.dir, "bounds.worker.ts");
const ROUNDS = 7;
const TURNS = 4_000_000;
const PRODUCTS_A_TURN = 8 * 16;
/** Eight runs of whole cache lines. */
const READ_STEP_BYTES = 512;

/** Measures both with `threads` threads at once; `bytes` is the size of what is read. */
export async function measureBounds(threads: number, bytes: number): Promise<Bounds> {
  const module = await WebAssembly.compile(await compile());
  const whole = Math.floor(bytes / threads / READ_STEP_BYTES) * READ_STEP_BYTES;
  const workers = Array.from({ length: threads }, () => new Worker(WORKER));
  try {
    await Promise.all(workers.map((worker) => ask(worker, { module, bytes: whole })));
    const readSeconds = await best(workers, { bytes: whole });
    const multiplySeconds = await best(workers, { turns: TURNS });
    return {
      bytesPerSecond: (threads * whole) / readSeconds,
      productsPerSecond: (threads * TURNS * PRODUCTS_A_TURN) / multiplySeconds,
    };
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

async function compile(): Promise<Uint8Array<ArrayBuffer>> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-roofline-"));
  const out = join(directory, "roofline.wasm");
  try {
    const flags = ["-O1", "--runtime", "stub", "--noAssert", "--enable", "simd", "--enable", "relaxed-simd"];
    const { error, stderr } = await asc.main([SOURCE, "--outFile", out, ...flags]);
    if (error) throw new Error(`the roofline does not compile: ${stderr.toString()}`);
    return Uint8Array.from(readFileSync(out));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Seconds of the fastest round, in which the slowest thread counts: a bound is what the machine can do undisturbed. */
async function best(workers: readonly Worker[], task: object): Promise<number> {
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const all = await Promise.all(workers.map((worker) => ask(worker, task)));
    seconds = Math.min(seconds, Math.max(...all));
  }
  return seconds;
}

function ask(worker: Worker, task: object): Promise<number> {
  const answer = Promise.withResolvers<number>();
  worker.onmessage = ({ data }: MessageEvent<number>) => answer.resolve(data);
  worker.onerror = ({ message }) => answer.reject(new Error(message));
  worker.postMessage(task);
  return answer.promise;
}
