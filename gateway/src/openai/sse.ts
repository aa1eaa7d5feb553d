/**
 * Server-sent events. Headers leave with the first chunk, or after five seconds without one, so that early errors keep
 * their status. Silence is filled with comments. A normal stream ends with [DONE]; one that fails ends with an error
 * event and without it. Chunks are pulled: a client that does not read stops the generation, and is left after a while.
 */
import { LIMITS } from "../limits.ts";
import { type GivenNames, problemOf } from "./problems.ts";

const PING = ": ping\n\n";
const DONE = "data: [DONE]\n\n";

/** Times of an event stream, milliseconds. */
export interface EventStreamTimes {
  readonly pingMs: number;
  readonly headersMs: number;
  readonly readerStallMs: number;
}

type Outcome = { readonly chunk: string } | { readonly ended: string };

/**
 * Answers with a stream of `chunks` as JSON; `given` are the client's names of fields, for an error in it. `leave` is called when the
 * client is gone. Throws what the first chunk throws.
 */
export async function eventStream(
  chunks: AsyncIterator<object, void>,
  leave: () => void,
  given?: GivenNames,
  times: EventStreamTimes = LIMITS,
): Promise<Response> {
  const encoder = new TextEncoder();
  let over = false;
  const take = async (): Promise<Outcome> => {
    const result = await chunks.next();
    return result.done ? { ended: DONE } : { chunk: dataOf(result.value) };
  };
  const first = take();
  let pending: Promise<Outcome> | undefined = first;
  if ((await within(first, times.headersMs)) === undefined) first.catch(() => undefined);
  let stall: ReturnType<typeof setTimeout> | undefined;

  const stop = (): void => {
    if (over) return;
    over = true;
    clearTimeout(stall);
    leave();
    void chunks.return?.().catch(() => undefined);
  };

  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(stall);
      pending ??= take();
      const outcome = await within(
        pending.catch((error: unknown): Outcome => ({ ended: dataOf(problemOf(error, given).body) })),
        times.pingMs,
      );
      if (over) return;
      if (outcome === undefined) {
        controller.enqueue(encoder.encode(PING));
      } else if ("chunk" in outcome) {
        pending = undefined;
        controller.enqueue(encoder.encode(outcome.chunk));
      } else {
        over = true;
        controller.enqueue(encoder.encode(outcome.ended));
        controller.close();
        return;
      }
      stall = setTimeout(() => {
        stop();
        controller.error(new Error("the client does not read"));
      }, times.readerStallMs);
    },
    cancel: stop,
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    },
  });
}

function dataOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The outcome, or undefined if it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
