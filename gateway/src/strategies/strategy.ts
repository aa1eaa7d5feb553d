/**
 * What a strategy is: parameters with a JSON schema, and a generator over a few primitives and a seeded random source. It
 * holds no client, clock or socket, so the same code runs on a simulated model with a known answer and on a real one.
 *
 * A strategy gives up what it no longer needs with `drop`: text is committed, and streamed to the client, as soon as all
 * candidates that are left (the prompt is one of them) share it.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Random } from "./random.ts";

/** Why a candidate can grow no more: "stop" is its own end, "length" a limit, "error" the engine's failure. */
export type Ended = "stop" | "length" | "error";

/** What is judged: a finished answer, or one in the making. */
export type Judging = "outcome" | "process";

/** How sure the model was of one token, from the likeliest alternatives. */
export interface Confidence {
  /** Minus their mean log-probability (DeepConf), nats. */
  readonly top: number;
  /** Divergence of the uniform distribution from the model's (self-certainty), nats; what is not reported counts as even. */
  readonly certainty: number;
}

/** A candidate answer. The runtime changes it; a strategy only reads. */
export interface Candidate {
  /** 0 is the prompt; candidates count from 1 in the order in which they began. */
  readonly id: number;
  /** The candidate it continues; 0: the prompt. */
  readonly parent: number;
  /** The whole answer so far. */
  readonly text: string;
  /** Tokens so far, those of its ancestors included. */
  readonly tokens: number;
  /** Steps so far. */
  readonly depth: number;
  /** Sum of the log-probabilities of its tokens, nats. */
  readonly logprob: number;
  /** Confidence of each token, nats; only for strategies that say they need it. */
  readonly confidences: readonly Confidence[];
  /** Undefined while it can grow. */
  readonly ended: Ended | undefined;
  /** Scores of its steps, those of its ancestors included; in 0 to 1. */
  readonly scores: readonly number[];
}

/** How far candidates grow: one step as the request defines it, so many tokens, or to their ends. */
export type Stride = "step" | "end" | { readonly tokens: number };

/** What a strategy works with. */
export interface Search {
  /** The prompt. */
  readonly root: Candidate;
  /** Candidates that may grow at once, or be sampled in all: the budget's. */
  readonly width: number;
  /** A budget of tokens or of time may end it early. */
  readonly isBounded: boolean;
  readonly random: Random;
  /** One child an entry, each with noise of its own. */
  fork(parents: readonly Candidate[]): Promise<Candidate[]>;
  /**
   * Grows the open ones among the candidates, all in one batch; at most `width`. False: the budget is used up, nothing
   * grows any more.
   */
  step(candidates: readonly Candidate[], stride: Stride, options?: StepOptions): Promise<boolean>;
  /** Judges candidates: one score an entry. The same text is judged once. */
  score(candidates: readonly Candidate[], judging: Judging): Promise<number[]>;
  /** ln of the probability of each candidate's tokens under the unsteered model, nats. */
  baseLogprobs(candidates: readonly Candidate[]): Promise<number[]>;
  /** Is there a verifier that can judge so? */
  judges(judging: Judging): boolean;
  /** Gives candidates up: they cannot be chosen, and free what they hold unless children need it. */
  drop(candidates: readonly Candidate[]): void;
  /** Canonical answer; undefined: it has none. */
  answer(candidate: Candidate): string | undefined;
  /**
   * A prompt that shows earlier attempts and asks for a better one; its children answer it. Undefined: it does not fit into
   * the context. */
  revise(attempts: readonly Candidate[], request: string): Promise<Candidate | undefined>;
}

/** How a step deviates from the request's sampling. */
export interface StepOptions {
  /** Softmax temperature; 0 is greedy. */
  readonly temperature?: number;
}

/** Candidates redrawn by weight. */
export interface Resampling {
  readonly candidates: readonly Candidate[];
  /** Normalized. */
  readonly weights: readonly number[];
  /** Drawn, in order. */
  readonly ancestors: readonly Candidate[];
  /** Applied to the log-weights; 1 is none. */
  readonly temperature: number;
}

/** What a strategy tells while it runs. */
export type Decision = { readonly resampling: Resampling };

/** An answer with what speaks for it. */
export interface AnswerTally {
  readonly answer: string;
  readonly weight: number;
  readonly votes: number;
}

/** What a strategy ends with. */
export interface Outcome {
  /** One that was not given up. */
  readonly chosen: Candidate;
  /** Votes, heaviest first. */
  readonly answers?: readonly AnswerTally[];
  /** More would not have changed the choice. */
  readonly settled?: boolean;
  /** The strategy that was run, if it was another one. */
  readonly ran?: string;
}

/** A run of a strategy. */
export type Run = AsyncGenerator<Decision, Outcome, void>;

/** A strategy as listed and used. */
export interface Strategy {
  readonly name: string;
  readonly description: string;
  /** JSON schema (2020-12) of the parameters, with defaults and ranges; unknown ones are refused. */
  readonly parameters: JsonObject;
  /** Paper or other source. */
  readonly source: string;
  /** What it costs, in tokens and calls; N is the number of candidates. */
  readonly cost: string;
  /** Kinds of verifier it can use, best first. */
  readonly verifiers: readonly Judging[];
  readonly needsVerifier: boolean;
  readonly stepwise: boolean;
  readonly votes: boolean;
  /** It needs the probabilities that tokens were drawn with: temperature 1, no filter, bias, penalty or constraint. */
  readonly needsPlainSampling?: boolean;
  /** It shows answers as messages of the conversation, which the prompt must be. */
  readonly needsConversation?: boolean;
  /** It reads confidences of tokens. */
  readonly needsConfidence?: boolean;
  /** Candidates if the budget names none. */
  readonly candidates: number;
  /** Most candidates that hold keys and values at once, given N and parameters; default 2 N. */
  holds?(candidates: number, parameters: JsonObject): number;
  /** Strategies it may hand over to, given such parameters: what they need is needed. */
  mayRun?(parameters: JsonObject): readonly Strategy[];
  /** Runs with parameters that fit the schema, defaults filled in. */
  run(search: Search, parameters: JsonObject): Run;
}

/** Of a strategy that judges unfinished candidates after each step, and whose last candidates vote. */
export const JUDGED_STEPS = {
  verifiers: ["process"],
  needsVerifier: true,
  stepwise: true,
  votes: true,
  candidates: 8,
} satisfies Partial<Strategy>;

/** Of one whose whole answers vote, judged by nobody. */
export const VOTES_ALONE = {
  verifiers: [],
  needsVerifier: false,
  stepwise: false,
  votes: true,
  candidates: 8,
} satisfies Partial<Strategy>;

/** `holds` of a strategy whose parameters have this shape. */
export const holding =
  <Parameters>(
    most: (candidates: number, parameters: Parameters) => number,
  ): NonNullable<Strategy["holds"]> =>
  (candidates, parameters) =>
    most(candidates, parameters as Parameters);

/** `run` of a strategy whose parameters have this shape: its schema has checked them before it runs, as no type can say. */
export const withParameters =
  <Parameters>(run: (search: Search, parameters: Parameters) => Run): Strategy["run"] =>
  (search, parameters) =>
    run(search, parameters as Parameters);

/** The defaults of a strategy's schema. */
export function defaultsOf({ parameters }: Strategy): JsonObject {
  const properties = (parameters.properties ?? {}) as Record<string, JsonObject>;
  const given = Object.entries(properties).filter(([, schema]) => schema.default !== undefined);
  return Object.fromEntries(given.map(([name, schema]) => [name, schema.default ?? null]));
}
