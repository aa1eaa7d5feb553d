/**
 * Encoding without blocking: short texts where they arrive, long ones in a thread of their own, one text at a time, so
 * that a small request never waits for a large one. The thread starts with the first long text (0.2 s).
 */
import { TrimtabError } from "#kit/errors.ts";
import { createJobThread } from "#kit/job-thread.ts";
import type { ServedModel } from "#kit/model-identity.ts";
import { ENCODER_LIMITS } from "../limits.ts";
import { type EncodeResult, type EncodeTask, runEncodeTask } from "./encode-task.ts";
import type { EncodeOptions, GuardedText, Tokenizer } from "./tokenizer.ts";

/** Encodes texts of any length. @throws TrimtabError QUEUE_FULL, those of `JobThread.run`, or the reason of the signal. */
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
  const { startMs } = ENCODER_LIMITS;
  const program = new URL("./encode.worker.ts", import.meta.url);
  const options = { what: "tokenizes long texts", startMs, setup: source };
  const thread = createJobThread<EncodeTask, EncodeResult>(program, options);
  let waitingBytes = 0;
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
        results.push(await thread.run(task));
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
    close: thread.close,
  };
}
