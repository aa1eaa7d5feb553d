/**
 * Encoding without blocking: short texts where they arrive, long ones in a thread of their own, one text at a time, so
 * that a small request never waits for a large one. The thread starts with the first long text (0.2 s).
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ServedModel } from "#kit/model-identity.ts";
import { ENCODER_LIMITS } from "../limits.ts";
import { type EncodeResult, type EncodeTask, runEncodeTask } from "./encode-task.ts";
import type { EncodeAnswer, EncodeRequest } from "./encode.worker.ts";
import type { EncodeOptions, GuardedText, Tokenizer } from "./tokenizer.ts";

/** Encodes texts of any length. @throws TrimtabError QUEUE_FULL, SERVICE_UNAVAILABLE, or the reason of closing or the signal. */
export interface Encoder {
  /** Ids of each text, in order. A call whose signal aborts stops before its next text. */
  encode(
    texts: readonly string[],
    options: EncodeOptions,
    signal?: AbortSignal,
  ): Promise<ArrayLike<number>[]>;
  /** Ids of a rendered conversation. */
  encodeGuarded(guarded: GuardedText): Promise<EncodeResult>;
  /** Ends the thread; what waits for it, and long texts that come later, fail with `reason`. */
  close(reason: TrimtabError): void;
}

/** Makes an encoder; the thread reads the same file again, and refuses another one in its place. */
export function createEncoder(tokenizer: Tokenizer, source: ServedModel): Encoder {
  let thread: Thread | undefined;
  let waitingBytes = 0;
  let closed: TrimtabError | undefined;
  const runElsewhere = async (task: EncodeTask): Promise<EncodeResult> => {
    if (closed) throw closed;
    if (!thread?.isAlive()) thread = startThread(source);
    return thread.run(task);
  };
  const runAll = async (tasks: readonly EncodeTask[], signal?: AbortSignal): Promise<EncodeResult[]> => {
    const bytes = tasks.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    if (bytes <= ENCODER_LIMITS.inlineBytes) return tasks.map((task) => runEncodeTask(tokenizer, task));
    if (waitingBytes + bytes > ENCODER_LIMITS.waitingBytes) {
      throw new TrimtabError("QUEUE_FULL", "too much text waits to be tokenized", {
        limit: `${ENCODER_LIMITS.waitingBytes} bytes`,
      });
    }
    waitingBytes += bytes;
    try {
      const results: EncodeResult[] = [];
      for (const task of tasks) {
        signal?.throwIfAborted();
        results.push(await runElsewhere(task));
      }
      return results;
    } finally {
      waitingBytes -= bytes;
    }
  };
  return {
    async encode(texts, options, signal) {
      const results = await runAll(
        texts.map((text) => ({ text, options })),
        signal,
      );
      return results.map(({ ids }) => ids);
    },
    async encodeGuarded(guarded) {
      const [result] = await runAll([guarded]);
      return result as EncodeResult;
    },
    close(reason) {
      closed = reason;
      thread?.end(reason);
    },
  };
}

/** A thread that encodes in the order it is asked. */
interface Thread {
  run(task: EncodeTask): Promise<EncodeResult>;
  isAlive(): boolean;
  end(reason: TrimtabError): void;
}

function startThread(source: ServedModel): Thread {
  const worker = new Worker(new URL("./encode.worker.ts", import.meta.url));
  const calls = new Map<number, PromiseWithResolvers<EncodeResult>>();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  let isAlive = true;
  let nextCall = 1;
  const post = (request: EncodeRequest) => worker.postMessage(request);
  const end = (reason: TrimtabError) => {
    isAlive = false;
    clearTimeout(timer);
    worker.terminate();
    ready.reject(reason);
    for (const call of calls.values()) call.reject(reason);
    calls.clear();
  };
  const timer = setTimeout(() => end(died("did not start in time")), ENCODER_LIMITS.startMs);
  worker.unref();
  worker.onerror = (event) => {
    event.preventDefault();
    end(died(event.message));
  };
  worker.onmessage = ({ data }: MessageEvent<EncodeAnswer>) => {
    if (data.kind === "ready") {
      clearTimeout(timer);
      ready.resolve();
      return;
    }
    calls.get(data.call)?.resolve(data.result);
    calls.delete(data.call);
  };
  post(source);
  return {
    isAlive: () => isAlive,
    end,
    async run(task) {
      await ready.promise;
      const call = nextCall++;
      const answer = Promise.withResolvers<EncodeResult>();
      calls.set(call, answer);
      post({ call, task });
      return answer.promise;
    },
  };
}

function died(why: string): TrimtabError {
  return new TrimtabError("SERVICE_UNAVAILABLE", `the thread that tokenizes long texts ended: ${why}`);
}
