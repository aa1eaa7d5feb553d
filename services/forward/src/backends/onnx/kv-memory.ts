/**
 * Memory of keys and values on the ONNX backend, counted in tokens: those of every past that a sequence holds, shared ones
 * once, and those that jobs under way were promised. An open is promised its whole text before its first step, a generation
 * one token after the other. What does not fit waits, generations before opens and no open before an earlier one, as long
 * as its caller may; when everybody waits the newest is refused, as nobody could give anything back.
 *
 * A run holds the old and the new past of one sequence for a moment: that is not counted. Cost: O(sequences) a promise.
 */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_WAITING, RETRY_AFTER_MS } from "../../../limits.ts";
import type { Past } from "./decoder.ts";
import type { Sequence } from "./sequences.ts";

/** The memory of an engine. */
export interface KvMemory {
  /**
   * Resolves when `sequence` may hold `tokens`, or when it need not any more because it `isOver`.
   * @throws TrimtabError (as a rejection) OUT_OF_MEMORY, QUEUE_FULL
   */
  promise(
    sequence: Sequence,
    tokens: number,
    kind: "open" | "generate",
    isOver: () => boolean,
  ): Promise<void>;
  /** Takes back what the job of a sequence was promised. */
  settle(sequence: Sequence): void;
  /** Something was given back or ended: looks who may go on. */
  look(): void;
}

interface Waiter {
  readonly sequence: Sequence;
  readonly tokens: number;
  readonly kind: "open" | "generate";
  readonly isOver: () => boolean;
  readonly settle: (error?: TrimtabError) => void;
}

/** Room for `limit` tokens over all of `sequences`. */
export function createKvMemory(sequences: () => Iterable<Sequence>, limit: number): KvMemory {
  const waiters = new Set<Waiter>();
  const fits = (sequence: Sequence, tokens: number): boolean => {
    const holders = new Map<Past, number>();
    const all = [...sequences()];
    for (const { past } of all) holders.set(past, (holders.get(past) ?? 0) + 1);
    const ownOf = ({ past }: Sequence): number => (holders.get(past) === 1 ? past.tokens : 0);
    const lacking = (one: Sequence): number =>
      Math.max(0, (one === sequence ? tokens : one.promised) - ownOf(one));
    const held = [...holders.keys()].reduce((sum, past) => sum + past.tokens, 0);
    return all.reduce((sum, one) => sum + lacking(one), held) <= limit;
  };
  const full = (what: string): TrimtabError => {
    const message = `KV memory is full (${limit} tokens)`;
    return new TrimtabError("OUT_OF_MEMORY", message, { limit: what, retryAfterMs: RETRY_AFTER_MS });
  };
  const look = (): void => {
    let isBehind = false;
    const order = [...waiters].sort((a, b) => Number(a.kind === "open") - Number(b.kind === "open"));
    for (const { sequence, tokens, kind, isOver, settle } of order) {
      if (isOver()) settle();
      else if (!isBehind && fits(sequence, tokens)) {
        sequence.promised = tokens;
        settle();
      } else if (kind === "open") isBehind = true;
    }
    const newest = [...waiters].reduce<Waiter | null>(
      (a, b) => (a && a.sequence.id > b.sequence.id ? a : b),
      null,
    );
    if (newest && waiters.size >= [...sequences()].length) newest.settle(full(`${limit} tokens`));
  };
  return {
    look,
    settle(sequence) {
      sequence.promised = 0;
      look();
    },
    promise(sequence, tokens, kind, isOver) {
      if (tokens > limit) {
        const message = `${tokens} tokens do not fit a KV memory of ${limit}`;
        const context = { field: "ids", limit: `${limit} tokens` };
        return Promise.reject(new TrimtabError("OUT_OF_MEMORY", message, context));
      }
      const isBehind = kind === "open" && [...waiters].some((waiter) => waiter.kind === "open");
      if (!isBehind && fits(sequence, tokens)) {
        sequence.promised = tokens;
        return Promise.resolve();
      }
      if (waiters.size >= MAX_WAITING) {
        const context = { limit: `${MAX_WAITING} sequences`, retryAfterMs: RETRY_AFTER_MS };
        return Promise.reject(
          new TrimtabError("QUEUE_FULL", "too many sequences wait for KV memory", context),
        );
      }
      return new Promise((resolve, reject) => {
        const { waitMs } = sequence;
        const settle = (error?: TrimtabError): void => {
          clearTimeout(timer);
          waiters.delete(waiter);
          if (error) reject(error);
          else resolve();
        };
        const timer = setTimeout(() => settle(full(`${waitMs} ms of waiting`)), waitMs);
        const waiter: Waiter = { sequence, tokens, kind, isOver, settle };
        waiters.add(waiter);
        look();
      });
    },
  };
}
