/**
 * The engine as the main thread sees it: promises for commands, an async iterator for generation. Commands of one
 * turn of the event loop travel in one message and take effect together, in order.
 */
import { TrimtabError } from "#kit/errors.ts";
import { isOnnxModel } from "#kit/onnx-model.ts";
import type { LoadProgress } from "../model/load.ts";
import { fromPlain } from "#kit/plain-error.ts";
import type { Answers, Command, EngineEvent, SequenceId } from "./protocol.ts";
import type { ModelInfo, RuntimeOptions } from "./runtime.ts";
import type { WorkerReply, WorkerRequest } from "./worker.ts";

/** How to make an engine; everything but the file has a default. */
export interface EngineOptions extends Partial<RuntimeOptions> {
  readonly modelPath: string;
  /** Silence of the worker after which its engine counts as dead, milliseconds. */
  readonly stallMs?: number;
}

/** A command without its call number. */
export type CommandInput<Type extends Command["type"]> = Omit<Extract<Command, { type: Type }>, "call">;

/** What streams out of a command before its answer. */
export type StreamEvent = Exclude<EngineEvent, { type: "done" | "failed" }>;

/** An engine in its worker. */
export interface Engine {
  readonly model: ModelInfo;
  /** A sequence number never used before. */
  newSequence(): SequenceId;
  /**
   * Sends a command.
   * @returns its answer
   * @throws TrimtabError (as a rejection) for a refused or failed command; SERVICE_UNAVAILABLE when the engine died
   */
  call<Type extends Command["type"]>(
    command: CommandInput<Type> & { readonly type: Type },
    onEvent?: (event: StreamEvent) => void,
  ): Promise<Answers[Type]>;
  /** The same for a generation that ends, alone, when `signal` aborts. */
  generate(
    command: CommandInput<"generate">,
    onEvent: (event: StreamEvent) => void,
    signal: AbortSignal,
  ): Promise<Answers["generate"]>;
  /** Commands not yet answered. */
  readonly pending: number;
  /** Resolves with the reason when the engine dies by itself. */
  readonly broken: Promise<TrimtabError>;
  /** Ends the engine; unanswered commands fail with `reason`. */
  close(reason?: TrimtabError): Promise<void>;
}

interface PendingCall {
  readonly onEvent: ((event: StreamEvent) => void) | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: TrimtabError) => void;
}

const ROW_BUDGET = 256;
const PREFILL_ROWS = 128;
/** While calls are open, or it is to close, the worker is asked for a sign of life; a step takes seconds at most, a stuck kernel for ever. */
const PING_MS = 5_000;
const STALL_MS = 120_000;
/**
 * Starts a worker of the backend that runs such models and loads a model into it; `onProgress` hears of the bytes read
 * meanwhile.
 * @throws TrimtabError of the loader (see `createRuntime`)
 */
export async function createEngine(
  options: EngineOptions,
  onProgress: LoadProgress = () => {},
): Promise<Engine> {
  const resolved: RuntimeOptions = {
    quantize: null,
    expectedDigest: "",
    threads: "auto",
    simd: "auto",
    kvKind: null,
    kvBytes: null,
    contextTokens: null,
    rowBudget: ROW_BUDGET,
    prefillRows: PREFILL_ROWS,
    prefixCache: true,
    ...options,
  };
  const program = isOnnxModel(options.modelPath) ? "../backends/onnx/worker.ts" : "./worker.ts";
  const worker = new Worker(new URL(program, import.meta.url).href, { type: "module" });
  const post = (message: WorkerRequest) => worker.postMessage(message);
  const link = connect(worker, post, onProgress, options.stallMs ?? STALL_MS);
  try {
    post({ type: "load", options: resolved });
    const model = await link.ready;
    return {
      ...link.engine,
      model,
      get pending() {
        return link.engine.pending;
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

function connect(
  worker: Worker,
  post: (message: WorkerRequest) => void,
  onProgress: LoadProgress,
  stallMs: number,
) {
  const calls = new Map<number, PendingCall>();
  const ready = Promise.withResolvers<ModelInfo>();
  const broken = Promise.withResolvers<TrimtabError>();
  const closed = Promise.withResolvers<void>();
  let dead: TrimtabError | null = null;
  let nextCall = 1;
  let nextSequence = 1;
  let outbox: Command[] = [];

  const die = (error: TrimtabError): void => {
    watchdog.end();
    dead ??= new TrimtabError("SERVICE_UNAVAILABLE", "the engine is not running", { cause: error });
    ready.reject(error);
    closed.resolve();
    for (const call of calls.values()) call.reject(dead);
    calls.clear();
    broken.resolve(error);
  };
  const deliver = (event: EngineEvent): void => {
    const call = calls.get(event.call);
    if (!call) return;
    if (event.type !== "done" && event.type !== "failed") return call.onEvent?.(event);
    calls.delete(event.call);
    if (event.type === "done") call.resolve(event.value as never);
    else call.reject(fromPlain(event.error));
  };
  worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
    watchdog.replied();
    if (data.type === "events") for (const event of data.events) deliver(event);
    else if (data.type === "loading") onProgress(data.loadedBytes, data.totalBytes);
    else if (data.type === "ready") ready.resolve(data.model);
    else if (data.type === "closed") closed.resolve();
    else die(fromPlain(data.error));
  };
  worker.onerror = (event) =>
    die(new TrimtabError("SERVICE_UNAVAILABLE", `the engine failed: ${event.message}`));
  let isLoading = true;
  let isClosing = false;
  const loaded = (): void => void (isLoading = false);
  ready.promise.then(loaded, loaded);
  const watchdog = startWatchdog(stallMs, {
    // A thread that the system does not give says nothing, ever; a model that is being read says how far it is.
    isIdle: () => calls.size === 0 && !isLoading && !isClosing,
    ping: () => void (isLoading || engine.call({ type: "stats" }).catch(() => undefined)),
    onStall: die,
  });
  const flush = (): void => {
    const commands = outbox;
    outbox = [];
    if (dead === null) post({ type: "commands", commands });
  };
  const engine: Omit<Engine, "model"> = {
    get pending() {
      return calls.size;
    },
    broken: broken.promise,
    newSequence: () => nextSequence++,
    call: (command, onEvent) =>
      new Promise((resolve, reject) => {
        if (dead) return reject(dead);
        const call = nextCall++;
        calls.set(call, { onEvent, resolve: resolve as PendingCall["resolve"], reject });
        if (outbox.push({ ...command, call } as Command) === 1) queueMicrotask(flush);
      }),
    generate(command, onEvent, signal) {
      const only = nextCall;
      const answer = engine.call(command, onEvent);
      const stop = (): void =>
        void engine.call({ type: "stop", sequences: [command.sequence], only }).catch(() => undefined);
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
      return answer.finally(() => signal.removeEventListener("abort", stop));
    },
    async close(reason) {
      if (dead === null) post({ type: "close" });
      isClosing = true;
      dead ??= reason ?? new TrimtabError("SERVICE_UNAVAILABLE", "the engine is closed");
      await closed.promise;
      watchdog.end();
      for (const call of calls.values()) call.reject(dead);
      calls.clear();
      worker.terminate();
    },
  };
  return { engine, ready: ready.promise };
}

/** Asks a worker with open calls for a sign of life, and tells when there is none for too long. */
function startWatchdog(
  stallMs: number,
  watched: {
    readonly isIdle: () => boolean;
    readonly ping: () => void;
    readonly onStall: (error: TrimtabError) => void;
  },
) {
  const everyMs = Math.min(PING_MS, stallMs / 2);
  let silentMs = 0;
  let lookedAt = performance.now();
  const replied = (): void => void (silentMs = 0);
  const timer = setInterval(() => {
    const now = performance.now();
    // When this thread did not run either (the process was stopped, the machine slept), the silence is not the engine's.
    silentMs += Math.min(now - lookedAt, 2 * everyMs);
    lookedAt = now;
    if (watched.isIdle()) return replied();
    if (silentMs <= stallMs) return watched.ping();
    const limit = `${stallMs} ms`;
    watched.onStall(new TrimtabError("SERVICE_UNAVAILABLE", "the engine does not answer", { limit }));
  }, everyMs);
  timer.unref();
  return { replied, end: () => clearInterval(timer) };
}
