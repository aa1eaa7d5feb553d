/** Where the time of a request went. Monotonic clock, milliseconds. */
import { create } from "@bufbuild/protobuf";
import { type Timings, TimingsSchema } from "#proto/trimtab/type/v1/generation_pb.ts";

/** Collects the times of one request. */
export interface Stopwatch {
  /** Times that were measured elsewhere or by `measure`. */
  readonly parts: { queueMs: number; tokenizeMs: number; prefillMs: number; planMs: number };
  /** Milliseconds since the request was accepted. */
  elapsedMs(): number;
  /** The first token of the first choice is there; later calls change nothing. */
  firstToken(): void;
  /** The answer's timings; `tokens` over all choices. */
  finish(tokens: number): Timings;
}

/** Starts a stopwatch. */
export function startStopwatch(now = (): number => performance.now()): Stopwatch {
  const started = now();
  const parts = { queueMs: 0, tokenizeMs: 0, prefillMs: 0, planMs: 0 };
  let first: number | undefined;
  return {
    parts,
    elapsedMs: () => now() - started,
    firstToken() {
      first ??= now();
    },
    finish(tokens) {
      const ended = now();
      const decodingMs = first === undefined ? 0 : ended - first;
      return create(TimingsSchema, {
        ...parts,
        timeToFirstTokenMs: first === undefined ? 0 : first - started,
        totalMs: ended - started,
        tokensPerSecond: decodingMs > 0 && tokens > 1 ? ((tokens - 1) * 1_000) / decodingMs : 0,
      });
    },
  };
}
