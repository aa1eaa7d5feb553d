/** Load on a server: so many clients that each wait for their answer (closed), or arrivals that wait for nobody (open). */
import type { Ask, Seen } from "./one-request.ts";

/** Sends the n-th request. */
export type Send = (number: number) => Promise<Seen>;

/** What a stretch of load gave. */
export interface Offered {
  readonly seen: readonly Seen[];
  /** Answered within the stretch itself, requests and tokens a second. */
  readonly requestsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly offeredPerSecond: number;
}

const MS_PER_SECOND = 1_000;
const LENGTHS = [16, 24, 32, 48];
const TOPICS = ["the tides", "glass making", "bees", "bicycles", "bridges", "salt", "printing", "volcanoes"];

/** Requests of mixed lengths; the number comes first, so that no cache knows the prompt. */
export function askOf(number: number): Ask {
  const topic = TOPICS[number % TOPICS.length];
  return {
    content: `${number}. Explain to a class of twelve year olds where ${topic} come from and why people cared.`,
    maxTokens: LENGTHS[number % LENGTHS.length] ?? 16,
  };
}

/** `clients` that each send their next request when the last is answered. */
export async function offerClosed(send: Send, clients: number, seconds: number): Promise<Offered> {
  const run = startRun(seconds);
  let number = 0;
  const one = async (): Promise<void> => {
    while (!run.isOver()) run.note(await send(number++));
  };
  await Promise.all(Array.from({ length: clients }, one));
  return run.result(number);
}

/** Poisson arrivals at `perSecond`, whatever becomes of those before; `random` is uniform in [0, 1). */
export async function offerOpen(
  send: Send,
  perSecond: number,
  seconds: number,
  random: () => number,
): Promise<Offered> {
  const run = startRun(seconds);
  const pending: Promise<void>[] = [];
  let number = 0;
  let atMs = performance.now();
  while (!run.isOver()) {
    atMs += (-Math.log(1 - random()) / perSecond) * MS_PER_SECOND;
    const waitMs = atMs - performance.now();
    // A generator that is late sends at once: the offer does not wait for a busy machine.
    if (waitMs > 0) await Bun.sleep(waitMs);
    pending.push(send(number++).then(run.note));
  }
  await Promise.all(pending);
  return run.result(number);
}

function startRun(seconds: number) {
  const beganMs = performance.now();
  const seen: Seen[] = [];
  let answers = 0;
  let tokens = 0;
  const isOver = (): boolean => performance.now() - beganMs >= seconds * MS_PER_SECOND;
  return {
    isOver,
    note(one: Seen): void {
      seen.push(one);
      if (one.kind !== "answered" || isOver()) return;
      answers++;
      tokens += one.tokens;
    },
    result: (offered: number): Offered => ({
      seen,
      requestsPerSecond: answers / seconds,
      tokensPerSecond: tokens / seconds,
      offeredPerSecond: offered / seconds,
    }),
  };
}
