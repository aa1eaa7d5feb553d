/**
 * Sequences of the ONNX backend. Every sequence works its own commands off one after the other (`tail`); children wait for
 * the command of their parent that makes them. Nothing is copied at a fork: keys and values are never changed in place.
 */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_SEQUENCES } from "../../../limits.ts";
import type { SequenceId } from "../../engine/protocol.ts";
import type { Past } from "./decoder.ts";

/** A sequence. */
export interface Sequence {
  readonly id: SequenceId;
  ids: number[];
  /** Keys and values of the first tokens; at most those of all. */
  past: Past;
  promptTokens: number;
  /** Tokens that its job may hold keys and values of; 0 without one. */
  promised: number;
  /** Longest time it may wait for them. */
  waitMs: number;
  /** Settles when everything asked so far is answered; never rejects. */
  tail: Promise<void>;
  /** While its open is to wait. */
  held: PromiseWithResolvers<void> | null;
  /** How often its generations were stopped; one that was asked before the last stop is over. */
  stops: number;
  /** Calls of single generations that were stopped. */
  readonly stopped: Set<number>;
  /** Why it is gone. */
  ended: unknown;
}

/** The sequences of an engine. */
export interface Sequences {
  readonly size: number;
  all(): Iterable<Sequence>;
  /** Sequences without tokens: all of them, or none. @throws TrimtabError INVALID_ARGUMENT, QUEUE_FULL */
  create(ids: readonly SequenceId[]): Sequence[];
  /** @throws TrimtabError SEQUENCE_NOT_FOUND */
  find(id: SequenceId): Sequence;
  /** Has the open of a sequence, if there is one, wait, or go on. */
  hold(id: SequenceId, held: boolean): void;
  /** Ends a sequence, if there is one: what waits for it fails with `reason`. */
  end(id: SequenceId, reason: unknown): void;
}

/** No sequences yet; `empty` is the past of nothing. */
export function createSequences(empty: Past): Sequences {
  const all = new Map<SequenceId, Sequence>();
  return {
    get size() {
      return all.size;
    },
    all: () => all.values(),
    create(ids) {
      if (ids.some((id) => all.has(id)) || new Set(ids).size < ids.length) {
        const message = "the sequence id is in use";
        throw new TrimtabError("INVALID_ARGUMENT", message, { field: "sequence_id" });
      }
      if (all.size + ids.length > MAX_SEQUENCES) {
        const message = `at most ${MAX_SEQUENCES} sequences can be open`;
        throw new TrimtabError("QUEUE_FULL", message, { limit: MAX_SEQUENCES });
      }
      return ids.map((id) => {
        const nothing = {
          past: empty,
          promptTokens: 0,
          promised: 0,
          waitMs: 0,
          stops: 0,
          ended: null,
          held: null,
        };
        const sequence: Sequence = {
          ...nothing,
          id,
          ids: [],
          tail: Promise.resolve(),
          stopped: new Set(),
        };
        all.set(id, sequence);
        return sequence;
      });
    },
    find(id) {
      const sequence = all.get(id);
      if (sequence) return sequence;
      throw new TrimtabError("SEQUENCE_NOT_FOUND", "no such sequence");
    },
    hold(id, held) {
      const sequence = all.get(id);
      if (!held) sequence?.held?.resolve();
      if (sequence) sequence.held = held ? (sequence.held ?? Promise.withResolvers()) : null;
    },
    end(id, reason) {
      const sequence = all.get(id);
      if (!sequence) return;
      sequence.ended ??= reason;
      sequence.held?.resolve();
      all.delete(id);
    },
  };
}
