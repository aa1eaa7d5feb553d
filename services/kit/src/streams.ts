/**
 * Streams that end when their user ends: client streams that cancel the call when left early, a bounded queue for the
 * sending half of a bidirectional stream, and an iterator that fails at once when a signal aborts.
 *
 * Leaving a Connect client stream with `break` or an exception does not cancel the call, so every
 * `for await (… of client.method())` goes through {@link cancelSafe}.
 */
import type { Message } from "@bufbuild/protobuf";
import type { StreamResponse, UnaryResponse } from "@connectrpc/connect";
import { TrimtabError } from "./errors.ts";

/**
 * Runs a streaming call that is cancelled when the loop over it ends in any way.
 * @param start starts the call with the signal it must pass on
 * @param outer also cancels the call, for example `ctx.signal` of the request being served
 */
export function cancelSafe<T>(
  start: (signal: AbortSignal) => AsyncIterable<T>,
  outer?: AbortSignal,
): AsyncIterableIterator<T> {
  const controller = new AbortController();
  const signal = outer ? AbortSignal.any([outer, controller.signal]) : controller.signal;
  let source: AsyncIterator<T> | undefined;
  const leave = () => {
    controller.abort();
    // The source may wait for a message that never comes: it learns of the end through the signal.
    source?.return?.().catch(() => {});
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        source ??= start(signal)[Symbol.asyncIterator]();
        const result = await source.next();
        if (result.done) controller.abort();
        return result;
      } catch (error) {
        leave();
        throw error;
      }
    },
    async return(value?: unknown) {
      leave();
      return { done: true, value };
    },
  };
}

/** A bounded queue that one consumer iterates. */
export interface Pushable<T> extends AsyncIterable<T> {
  /** Adds an item at once; false if the queue has ended. @throws TrimtabError QUEUE_FULL. */
  push(item: T): boolean;
  /** Adds an item, waiting for room; resolves to false if the queue has ended. */
  send(item: T): Promise<boolean>;
  /** Ends the iteration after the items already queued. */
  end(): void;
  /** Ends the iteration with an error after the items already queued. */
  fail(error: unknown): void;
  /** Items waiting. */
  readonly size: number;
}

interface Taker<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** Creates a {@link Pushable} that holds at most `capacity` items. */
export function createPushable<T>(capacity = 256): Pushable<T> {
  const items: T[] = [];
  const takers: Taker<T>[] = [];
  const senders: (() => void)[] = [];
  let state: "open" | "ended" = "open";
  let failure: { error: unknown } | undefined;

  const close = (why?: { error: unknown }) => {
    if (state === "ended") return;
    state = "ended";
    failure = why;
    for (const wake of senders.splice(0)) wake();
    for (const taker of takers.splice(0)) {
      if (why) taker.reject(why.error);
      else taker.resolve({ done: true, value: undefined });
    }
  };
  const add = (item: T) => {
    const taker = takers.shift();
    if (taker) taker.resolve({ done: false, value: item });
    else items.push(item);
  };
  const iterator: AsyncIterator<T, undefined> = {
    next: () => {
      if (items.length > 0) {
        const value = items.shift() as T;
        senders.shift()?.();
        return Promise.resolve({ done: false, value });
      }
      if (failure) return Promise.reject(failure.error);
      if (state === "ended") return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve, reject) => takers.push({ resolve, reject }));
    },
    return: () => {
      items.length = 0;
      close();
      return Promise.resolve({ done: true, value: undefined });
    },
    throw: (error) => {
      items.length = 0;
      close({ error });
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return {
    push(item) {
      if (state === "ended") return false;
      if (items.length >= capacity) {
        throw new TrimtabError("QUEUE_FULL", `the queue holds its ${capacity} items`, { limit: capacity });
      }
      add(item);
      return true;
    },
    async send(item) {
      while (state === "open" && items.length >= capacity) {
        await new Promise<void>((resolve) => senders.push(resolve));
      }
      if (state === "ended") return false;
      add(item);
      return true;
    },
    end: () => close(),
    fail: (error) => close({ error }),
    get size() {
      return items.length;
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** What is to be told of a stream, each at most once and only one of them. */
export interface StreamWatch {
  /** It came to its end. */
  readonly ended?: () => void;
  /** It failed; answers with the error that its reader gets. */
  readonly failed?: (error: unknown) => unknown;
  /** Its reader left early. */
  readonly left?: () => void;
}

/** One function for all of them, which gets the error, or what `early` makes of a reader that leaves. */
export const endings = (end: (error?: unknown) => void, early: () => unknown): StreamWatch => ({
  ended: () => end(),
  failed(error) {
    end(error);
    return error;
  },
  left: () => end(early()),
});

/** Passes the messages of `source` on. Several around each other are one: this is done once a streamed token. */
export function watched<T>(source: AsyncIterable<T>, watch: StreamWatch): AsyncIterable<T> {
  if (source instanceof Watched) return new Watched<T>(source.inner, [...source.watches, watch]);
  return new Watched(source, [watch]);
}

/** Has a call answered, and how it ends told: by its answer, its last message, or an error. */
export async function watchedCall<Request, Response extends UnaryResponse | StreamResponse>(
  next: (request: Request) => Promise<Response>,
  request: Request,
  watch: StreamWatch,
): Promise<Response> {
  try {
    const response = await next(request);
    if (response.stream) return { ...response, message: watched<Message>(response.message, watch) };
    watch.ended?.();
    return response;
  } catch (error) {
    throw watch.failed ? watch.failed(error) : error;
  }
}

class Watched<T> implements AsyncIterable<T> {
  readonly inner: AsyncIterable<T>;
  /** The innermost first. */
  readonly watches: readonly StreamWatch[];

  constructor(inner: AsyncIterable<T>, watches: readonly StreamWatch[]) {
    this.inner = inner;
    this.watches = watches;
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    const { watches } = this;
    const inner = this.inner[Symbol.asyncIterator]();
    let isOver = false;
    const pass = (result: IteratorResult<T>): IteratorResult<T> => {
      if (!result.done || isOver) return result;
      isOver = true;
      for (const { ended } of watches) ended?.();
      return result;
    };
    const fail = (error: unknown): never => {
      if (isOver) throw error;
      isOver = watches.some(({ failed }) => failed);
      throw watches.reduce((seen, { failed }) => (failed ? failed(seen) : seen), error);
    };
    return {
      next: () =>
        isOver ? Promise.resolve({ done: true, value: undefined }) : inner.next().then(pass, fail),
      async return(value?: unknown) {
        if (!isOver) {
          isOver = true;
          for (const { left } of watches.toReversed()) left?.();
          await inner.return?.();
        }
        return { done: true, value };
      },
    };
  }
}

/**
 * Iterates `source`, but fails with the reason of `signal` as soon as it aborts, even while `source` is stuck.
 * On abort or early end `source.return()` is called, so that its `finally` blocks run.
 */
export function abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      let interrupt: ((reason: unknown) => void) | undefined;
      const onAbort = () => {
        interrupt?.(signal.reason);
        inner.return?.()?.then(undefined, () => {});
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const done = () => signal.removeEventListener("abort", onAbort);
      return {
        // Done once a streamed token: one promise, and no race of two.
        next() {
          if (signal.aborted) return Promise.reject(signal.reason);
          return new Promise((resolve, reject) => {
            interrupt = reject;
            inner.next().then(
              (result) => {
                interrupt = undefined;
                if (result.done) done();
                resolve(result);
              },
              (error: unknown) => {
                interrupt = undefined;
                done();
                reject(error);
              },
            );
          });
        },
        async return(value?: unknown) {
          done();
          await inner.return?.();
          return { done: true, value };
        },
      };
    },
  };
}
