/** A sequence and what it is busy with. */
import type { TrimtabError } from "#kit/errors.ts";
import type { Matcher } from "../grammar/matching.ts";
import type { BoundProgram } from "./binding.ts";
import type { KvTable } from "./kv-tree.ts";
import type { PageKey } from "./page-index.ts";
import type { AppliedRuns } from "./prefix-cache.ts";
import type { Caller, Command, ProofRow, ScoredToken, SequenceId } from "./protocol.ts";
import type { Drafter } from "./speculation.ts";
import type { StopMask } from "./stop-mask.ts";
import type { TapCollector } from "./taps.ts";
import type { Trail } from "./trail.ts";

/** A command of one type. */
export type CommandOf<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/** Computing given tokens. */
export interface OpenJob {
  readonly kind: "open";
  readonly command: CommandOf<"open">;
  readonly collector: TapCollector | null;
  /** One past the last position to compute. */
  readonly end: number;
  /** Positions [first, end) this job computes itself, whatever is cached: taps, scores, the last token. */
  readonly required: readonly { readonly first: number; readonly end: number }[];
  /** Rows computed so far. */
  computed: number;
  readonly receivedMs: number;
  startedMs: number | null;
  readonly scored: ScoredToken[];
  candidateLogprobs: readonly number[];
}

/** Generating tokens. */
export interface GenerateJob {
  readonly kind: "generate";
  readonly command: CommandOf<"generate">;
  readonly collector: TapCollector | null;
  readonly binding: BoundProgram | null;
  /** Those that end the text, and those at which it halts. */
  readonly stopIds: ReadonlySet<number>;
  /** Tokens to generate at most. */
  readonly maxTokens: number;
  /** Positions from here on belong to this generation's program. */
  readonly programFrom: number;
  /** Positions with KV when it began. */
  readonly cachedAtStart: number;
  readonly replayedTokens: number;
  generated: number;
  sinceParked: number;
  /** Clock value at which a parked generation fails; null while it runs. */
  parkedUntilMs: number | null;
  /** Tokens drawn in the step being finished; more than one only by speculation. */
  readonly sampled: ScoredToken[];
  /** A stop id or the last token was drawn. */
  isOver: boolean;
  /** What the text must be. */
  readonly matcher: Matcher | null;
  /** Keeps it from ending too soon. */
  readonly stopMask: StopMask;
  /** The mask of the next token is not there yet. */
  isHeld: boolean;
  readonly drafter: Drafter | null;
  /** Residuals of its first row, if that was computed when the sequence was opened; null from then on. */
  follows: Trail | null;
  /** Why no token could be drawn; the job fails at the end of the step. */
  failure: TrimtabError | null;
}

/** What the text of a sequence must be, where that text begins, and from where on it was not held to it. */
export interface Constrained {
  readonly digest: string;
  readonly from: number;
  readonly until: number;
}

/** A sequence of tokens with KV pages. Owned by the engine core. */
export interface Sequence {
  readonly id: SequenceId;
  /** Who asked for its text. */
  caller: Caller;
  readonly ids: number[];
  /** Positions whose keys and values are in the pages. */
  cached: number;
  promptTokens: number;
  readonly table: KvTable;
  /** Key before the first page; null when the sequence stays out of the prefix cache. */
  rootKey: PageKey | null;
  /** Keys of the full pages. */
  readonly keys: PageKey[];
  /** What was applied to the positions in the pages. */
  readonly applied: AppliedRuns;
  /** Program the prompt was computed under. */
  opened: BoundProgram | null;
  openedWith: string;
  /** Position from which on the prompt was last computed under a generation's program instead; infinite if it was not. */
  alteredFrom: number;
  openProof: readonly ProofRow[];
  /** Residuals of its last token, kept until something is generated. */
  trail: Trail | null;
  readonly queue: Command[];
  job: OpenJob | GenerateJob | null;
  /** Set while the text of its last generations is unfinished. */
  constrained: Constrained | null;
  /** Set when a row held NaN; the job fails at the end of the step. */
  poisoned: boolean;
}

/** Rows the job still has to put into steps. */
export function pendingRows(sequence: Sequence): number {
  const { job } = sequence;
  if (job === null) return 0;
  return (job.kind === "open" ? job.end : sequence.ids.length) - sequence.cached;
}

/** The program a row at this position is computed under. */
export function bindingAt(sequence: Sequence, position: number): BoundProgram | null {
  const { job } = sequence;
  return job?.kind === "generate" && position >= job.programFrom ? job.binding : sequence.opened;
}
