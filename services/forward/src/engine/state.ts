/** What the parts of the engine core share. */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_SEQUENCES } from "../../limits.ts";
import type { Grammars } from "../grammar/matching.ts";
import type { KvTree } from "./kv-tree.ts";
import type { MemoryQueue } from "./memory-queue.ts";
import type { ProgramStore } from "./programs.ts";
import type { ProjectionStore } from "./projections.ts";
import type { Command, EngineEvent, SequenceId } from "./protocol.ts";
import type { Sampler } from "./sampler.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import type { Forward } from "./step.ts";

/** Parts of an engine. */
export interface CoreOptions {
  readonly forward: Forward;
  readonly sampler: Sampler;
  readonly tree: KvTree;
  readonly programs: ProgramStore;
  readonly projections: ProjectionStore;
  readonly scheduler: Scheduler<SequenceId>;
  readonly layers: number;
  readonly grammars: Grammars;
  /** Rows of one step at most. */
  readonly rowBudget: number;
  readonly contextTokens: number;
  readonly vocabulary: number;
  readonly pageBytes: number;
  /** Names everything bits of a page depend on besides the request; null switches the prefix cache off. */
  readonly cacheFormat: string | null;
  /** Threads in use. */
  readonly threads: () => number;
  readonly variant: string;
  readonly emit: (event: EngineEvent) => void;
  /** Something happened outside of a step: events may have to leave, and steps may be possible again. */
  readonly wake: () => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** State shared by the core's parts. */
export interface CoreState extends CoreOptions {
  readonly sequences: Map<SequenceId, Sequence>;
  /** Commands for children whose fork still waits in the queue of its parent. */
  readonly unborn: Map<SequenceId, Command[]>;
  /** Sequences whose opens get no rows. */
  readonly held: Set<SequenceId>;
  /** Sequences that wait for KV memory. */
  readonly memoryQueue: MemoryQueue;
  /** Tokens looked for in the prefix cache, and found. */
  readonly cache: { queriedTokens: number; hitTokens: number };
  /** Tokens of texts opened, and tokens generated. */
  readonly tokens: { prompt: number; generated: number };
  /** What is left of the time that this step may wait for masks, milliseconds. */
  maskWaitMs: number;
  steps: number;
  rows: number;
  readPages: number;
}

/** The sequence with this id. @throws TrimtabError SEQUENCE_NOT_FOUND */
export function find(state: CoreState, id: SequenceId): Sequence {
  const sequence = state.sequences.get(id);
  if (!sequence) throw new TrimtabError("SEQUENCE_NOT_FOUND", "no such sequence");
  return sequence;
}

/** Refuses new sequences whose ids are taken or for which there is no room. @throws TrimtabError INVALID_ARGUMENT, QUEUE_FULL */
export function checkNew(state: CoreState, ids: readonly SequenceId[]): void {
  if (ids.some((id) => state.sequences.has(id) || state.unborn.has(id)) || new Set(ids).size < ids.length) {
    throw new TrimtabError("INVALID_ARGUMENT", "the sequence id is in use", { field: "sequence_id" });
  }
  if (state.sequences.size + state.unborn.size + ids.length <= MAX_SEQUENCES) return;
  throw new TrimtabError("QUEUE_FULL", `at most ${MAX_SEQUENCES} sequences can be open`, {
    limit: MAX_SEQUENCES,
  });
}
