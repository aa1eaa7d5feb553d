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

/** Sends a chunk at once, past the iterator; false: the client has not asked for more yet, and the chunk is to be yielded. */
export type Push = (chunk: object) => boolean;

/**
 * Answers with a stream of the chunks that `open` makes, as JSON; `given` are the client's names of fields, for an error in it. `leave` is
 * called when the client is gone. Throws what the first chunk throws.
 */
export async function eventStream(
  open: (push: Push) => AsyncIterator<object, void>,
  leave: () => void,
  given?: GivenNames,
  times: EventStreamTimes = LIMITS,
): Promise<Response> {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let over = false;
  /** The client waits for more. */
  let isAsked = false;
  const clock = createClock(times);
  const write = (text: string): void => {
    controller?.enqueue(encoder.encode(text));
    clock.restart();
  };
  const hasRoom = (): boolean => isAsked && !over && (controller?.desiredSize ?? 0) > 0;
  const chunks = open((chunk) => {
    if (!hasRoom()) return false;
    write(dataOf(chunk));
    return true;
  });
  const take = async (): Promise<Outcome> => {
    const result = await chunks.next();
    return result.done ? { ended: DONE } : { chunk: dataOf(result.value) };
  };
  const first = take();
  let pending: Promise<Outcome> | undefined = first;
  if ((await within(first, times.headersMs)) === undefined) first.catch(() => undefined);

  const stop = (): void => {
    if (over) return;
    over = true;
    clock.stop();
    leave();
    void chunks.return?.().catch(() => undefined);
  };
  const look = (quietMs: number): void => {
    if (hasRoom()) {
      if (quietMs >= times.pingMs) write(PING);
    } else if (quietMs >= times.readerStallMs) {
      stop();
      controller?.error(new Error("the client does not read"));
    }
  };

  const body = new ReadableStream<Uint8Array>({
    start(made) {
      controller = made;
      clock.start(look);
    },
    async pull(made) {
      isAsked = true;
      clock.restart();
      pending ??= take();
      const outcome = await pending.catch((error: unknown): Outcome => ({
        ended: dataOf(problemOf(error, given).body),
      }));
      pending = undefined;
      if (over) return;
      isAsked = false;
      write("chunk" in outcome ? outcome.chunk : outcome.ended);
      if ("chunk" in outcome) return;
      over = true;
      clock.stop();
      made.close();
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

/** How long a stream has been quiet, looked at in time for its limits: one timer a stream that no chunk moves. */
function createClock({ pingMs, readerStallMs }: EventStreamTimes) {
  const limits = [pingMs, readerStallMs];
  let sinceMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    restart: (): void => void (sinceMs = performance.now()),
    start(look: (quietMs: number) => void): void {
      const turn = (): void => {
        const quietMs = performance.now() - sinceMs;
        const leftMs = limits.filter((limit) => limit > quietMs).map((limit) => limit - quietMs);
        timer = setTimeout(turn, Math.min(...limits, ...leftMs));
        look(quietMs);
      };
      sinceMs = performance.now();
      timer = setTimeout(turn, Math.min(...limits));
    },
    stop: (): void => clearTimeout(timer),
  };
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
