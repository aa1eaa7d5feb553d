/**
 * The compute threads of one arena. The calling thread is thread 0; further ones are workers inside wasm that meet it at
 * tickets (assembly/pool.ts), poll for about 0.1 ms when there is nothing to do, and then sleep without cost.
 */
import { ACTIVE, FAULT, MAX_STREAMS, MAX_THREADS, SPIN, STOP, STREAMS } from "../assembly/layout.ts";
import { KernelError } from "./errors.ts";
import type { KernelModule, Variant } from "./module.ts";
import { chooseVariant } from "./module.ts";
import { createOperators } from "./operators.ts";
import type { Operators } from "./types.ts";

/** What a compute pool is made from. */
export interface ComputeOptions {
  readonly module: KernelModule;
  readonly memory: WebAssembly.Memory;
  /** Threads in all, the caller included: 1 to 16. 1 starts no worker. */
  readonly threads: number;
  /** `auto` (default) lets the self-test choose; TRIMTAB_SIMD wins over both. */
  readonly simd?: Variant | "auto";
  /** Polls before an idle thread sleeps. */
  readonly spinPolls?: number;
}

/** A running pool. */
export interface Compute {
  readonly operators: Operators;
  /** Ends the threads; the operators must not be used afterwards. */
  close(): Promise<void>;
}

const SPIN_POLLS = 20_000;
const START_TIMEOUT_MS = 20_000;

/**
 * Starts the threads and waits until each has instantiated the kernels. A memory serves one pool at a time.
 * @throws KernelError FIELD_OUT_OF_RANGE for the number of threads, UNSUPPORTED when no variant or worker starts
 */
export async function createCompute(options: ComputeOptions): Promise<Compute> {
  const { module, memory, threads, simd = "auto", spinPolls = SPIN_POLLS } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new KernelError("FIELD_OUT_OF_RANGE", `${threads} threads; 1 to ${MAX_THREADS} are possible`);
  }
  const chosen = chooseVariant(module, memory, simd);
  const control = new Int32Array(memory.buffer, 0, 64);
  control[SPIN / 4] = spinPolls;
  Atomics.store(control, ACTIVE / 4, threads);
  control[STREAMS / 4] = MAX_STREAMS;
  Atomics.store(control, STOP / 4, 0);
  Atomics.store(control, FAULT / 4, 0);
  const workers = Array.from({ length: threads - 1 }, (_, i) =>
    startThread({ module: chosen.module, memory, thread: i + 1 }),
  );
  const close = async (): Promise<void> => {
    chosen.kernels.stopThreads();
    await Promise.all(workers.map(endThread));
  };
  try {
    await Promise.all(workers.map(({ ready }) => ready));
  } catch (error) {
    for (const { worker } of workers) worker.terminate();
    throw error;
  }
  return { operators: createOperators(chosen.kernels, memory, threads, chosen.variant), close };
}

interface Thread {
  readonly worker: Worker;
  /** Settles when the thread is inside wasm, or will never be. */
  readonly ready: Promise<void>;
  /** Settles when the thread has left wasm, in order or by a trap. */
  readonly ended: Promise<void>;
}

function startThread(data: {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
}): Thread {
  const worker = new Worker(new URL("./compute-thread.ts", import.meta.url).href);
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const fail = (message: string) =>
    ready.reject(new KernelError("UNSUPPORTED", `compute thread ${data.thread}: ${message}`));
  const timer = setTimeout(() => fail("did not start"), START_TIMEOUT_MS);
  worker.onmessage = ({ data: message }) => {
    clearTimeout(timer);
    // A sleeping thread must not keep the process alive.
    worker.unref();
    if (message === "ready") ready.resolve();
    else ended.resolve();
  };
  worker.onerror = (event) => {
    clearTimeout(timer);
    fail(event.message);
    ended.resolve();
  };
  worker.postMessage(data);
  return { worker, ready: ready.promise, ended: ended.promise };
}

async function endThread({ worker, ended }: Thread): Promise<void> {
  worker.ref();
  await ended;
  worker.terminate();
}
