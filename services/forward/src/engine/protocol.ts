/** What travels between the main thread and the engine worker: commands in, answers and events out. Plain data only. */
import type { PlainError } from "#kit/plain-error.ts";
import type { GrammarSource } from "../grammar/messages.ts";
import type { Program, Site } from "../programs/program.ts";
import type { Projection } from "./projections.ts";
import type { Activation, TapSpec } from "./taps.ts";

/** Engine-wide number of a sequence, chosen by the main thread, never reused. */
export type SequenceId = number;

/** A stored program and the strength of each of its operations. */
export interface Binding {
  readonly digest: string;
  readonly coefficients: readonly number[];
}

/** How tokens are drawn; every field is resolved. */
export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly logitBias: readonly (readonly [id: number, bias: number])[];
  readonly seed: bigint;
}

/** Teacher-forced scoring of a sequence being opened. */
export interface ScoreSpec {
  /** First index scored, ≥ 1. */
  readonly first: number;
  readonly topLogprobs: number;
  /** Ids whose log-probability at `first` is reported. */
  readonly candidates: readonly number[];
}

/** Who asks: what may be shared with whom. */
export interface Caller {
  /** Rows of a step are divided fairly between keys. */
  readonly fairnessKey: string;
  /** Cached prefixes are found only under the salt they were computed with. */
  readonly cacheSalt: string;
  /** Neither find nor leave anything in the prefix cache. */
  readonly bypassCache: boolean;
  /** Longest time one of its sequences may wait for KV memory. */
  readonly waitMs: number;
}

/** Guessing tokens from the text so far. */
export interface PromptLookup {
  /** Tokens that must occur again. */
  readonly ngram: number;
  /** Most tokens guessed a step. */
  readonly maxDraft: number;
}

/** A command; `call` is echoed in everything it causes. */
export type Command =
  | {
      readonly type: "open";
      readonly call: number;
      readonly sequence: SequenceId;
      readonly caller: Caller;
      readonly ids: readonly number[];
      /** Sequence whose tokens are a prefix of `ids` and whose pages are shared. */
      readonly parent: SequenceId | null;
      /** Length of the prompt, for scopes. */
      readonly promptTokens: number;
      readonly taps: readonly TapSpec[];
      readonly binding: Binding | null;
      readonly score: ScoreSpec | null;
      /** Compute the last token too, although nothing reads it yet (for prefixes that others will share). */
      readonly complete: boolean;
      /** Release the sequence when it is done. */
      readonly transient: boolean;
      /** Fail rather than compute more tokens than this; absent: no bound. */
      readonly mostTokens?: number;
    }
  | {
      readonly type: "generate";
      readonly call: number;
      readonly sequence: SequenceId;
      /** 0 = up to the context. */
      readonly maxTokens: number;
      readonly sampling: Sampling;
      readonly stream: bigint;
      /** Ids that end the text. */
      readonly stopIds: readonly number[];
      /** Ids that end the generation and not the text: it may go on. */
      readonly haltIds: readonly number[];
      /** Neither is drawn before so many tokens. Not with a constraint. */
      readonly minTokens: number;
      readonly topLogprobs: number;
      readonly binding: Binding | null;
      readonly replayLast: boolean;
      readonly taps: readonly TapSpec[];
      /** 0 = never. */
      readonly parkEvery: number;
      readonly parkTimeoutMs: number;
      readonly constraint: GrammarSource | null;
      /** Not with taps, parking or a constraint. */
      readonly speculation: PromptLookup | null;
    }
  | {
      readonly type: "fork";
      readonly call: number;
      readonly sequence: SequenceId;
      readonly children: readonly SequenceId[];
    }
  | {
      readonly type: "truncate";
      readonly call: number;
      readonly sequence: SequenceId;
      readonly tokens: number;
    }
  | {
      readonly type: "coefficients";
      readonly call: number;
      readonly sequence: SequenceId;
      readonly coefficients: readonly number[];
    }
  | { readonly type: "release"; readonly call: number; readonly sequences: readonly SequenceId[] }
  | {
      /** Opens of these sequences are given no rows until they are held no longer: what their taps read is not taken. */
      readonly type: "hold";
      readonly call: number;
      readonly sequences: readonly SequenceId[];
      readonly held: boolean;
    }
  | {
      readonly type: "stop";
      readonly call: number;
      readonly sequences: readonly SequenceId[];
      /** Number of the one generation that is meant; absent: all of them. */
      readonly only?: number;
    }
  | { readonly type: "program"; readonly call: number; readonly digest: string; readonly program: Program }
  | {
      readonly type: "projection";
      readonly call: number;
      readonly digest: string;
      readonly projection: Projection;
    }
  | {
      readonly type: "constraint";
      readonly call: number;
      readonly grammar: GrammarSource;
      /** Fairness key of who asks. */
      readonly key: string;
    }
  | { readonly type: "stats"; readonly call: number };

/** A token with its raw log-probability and alternatives. */
export interface ScoredToken {
  readonly id: number;
  readonly logprob: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

/** How much a program changed the rows at one site and layer, as the kernel recorded it. */
export interface ProofRow {
  readonly site: Site;
  readonly layer: number;
  readonly rows: number;
  /** Sum and maximum of ‖h'−h‖/‖h‖ over those rows. */
  readonly sum: number;
  readonly max: number;
}

/** Answer of `open`. */
export interface Opened {
  readonly prefilledTokens: number;
  readonly reusedTokens: number;
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly scored: readonly ScoredToken[];
  readonly candidateLogprobs: readonly number[];
}

/** Answer of `generate`. */
export interface Finished {
  readonly reason: "stop" | "length" | "cancelled";
  readonly generatedTokens: number;
  readonly proof: readonly ProofRow[];
  readonly replayedTokens: number;
  readonly sequenceTokens: number;
  /** Tokens guessed ahead, and those of them kept. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
}

/** Gauges of the engine. */
export interface EngineStats {
  readonly pages: number;
  readonly freePages: number;
  readonly sharedPages: number;
  readonly copiedPages: number;
  /** Free pages that still hold a prefix. */
  readonly cachedPages: number;
  /** Cached pages given up because pages were needed, since start. */
  readonly evictedPages: number;
  /** Tokens looked for in the prefix cache, and found there, since start. */
  readonly queriedTokens: number;
  readonly hitTokens: number;
  /** Pages whose keys and values attention read, those that sequences share counted once, since start. */
  readonly readPages: number;
  readonly pageBytes: number;
  readonly sequences: number;
  /** Sequences whose tokens are being computed, and those not let in yet or waiting for memory. */
  readonly running: number;
  readonly waiting: number;
  /** Tokens of texts opened, computed or not, and tokens generated, since start. */
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly programs: number;
  readonly programBytes: number;
  readonly steps: number;
  readonly rows: number;
  readonly threads: number;
  readonly variant: string;
}

/** The final answer of a command, by command type. */
export interface Answers {
  open: Opened;
  generate: Finished;
  fork: { readonly copiedPages: number };
  truncate: null;
  coefficients: null;
  release: null;
  hold: null;
  stop: null;
  program: null;
  projection: null;
  constraint: null;
  stats: EngineStats;
}

/** What the worker reports: streams first, then exactly one `done` or `failed` for every call. */
export type EngineEvent =
  | { readonly type: "tokens"; readonly call: number; readonly tokens: readonly ScoredToken[] }
  | { readonly type: "activations"; readonly call: number; readonly activations: readonly Activation[] }
  | { readonly type: "parked"; readonly call: number; readonly generatedTokens: number }
  | { readonly type: "done"; readonly call: number; readonly value: Answers[keyof Answers] }
  | { readonly type: "failed"; readonly call: number; readonly error: PlainError };
