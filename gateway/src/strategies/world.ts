/**
 * What a search acts on: the engine and a verifier, or a simulation of both. The runtime decides who grows and how far;
 * the world does it, and never more.
 */
import type { TrimtabError } from "#kit/errors.ts";
import type { Candidate, Confidence, Ended, Judging } from "./strategy.ts";

/** A candidate that begins where another stands. */
export interface Birth {
  readonly id: number;
  readonly parent: number;
}

/** One candidate's part of a batch. */
export interface GrowOrder {
  readonly id: number;
  /** At most so many tokens. */
  readonly tokens: number;
  /** Stop where the step rule says that a step ends. */
  readonly toStep: boolean;
  /** The stride begins with it: it is not the rest of one that an earlier batch has begun. */
  readonly begins: boolean;
  /** With these tokens the step ends, if the step rule has not ended it before. */
  readonly fillsStep: boolean;
  /** With these tokens the answer is as long as it may be. */
  readonly fillsAnswer: boolean;
  /** Instead of the request's temperature. */
  readonly temperature?: number;
}

/** What came of an order. */
export interface Growth {
  /** The whole text of the candidate. */
  readonly text: string;
  /** Tokens of this growth that count. */
  readonly tokens: number;
  /** Sum of their log-probabilities, nats. */
  readonly logprob: number;
  readonly confidences: readonly Confidence[];
  /** The end of a step was met. */
  readonly stepEnded: boolean;
  readonly ended: Ended | undefined;
  /** Why the engine failed it, if it ended so. */
  readonly failure?: TrimtabError;
}

/** A verdict; without a score, `failure` says why. */
export interface Judgement {
  readonly score: number | undefined;
  /** Reason of the closed list; empty if there is a score. */
  readonly failure: string;
  /** The failure is that too few tokens were left for the model to read. */
  readonly isUnpaid?: boolean;
}

/** What is read once more of candidates, after they have grown: held back while they grow. */
export interface Reading {
  /** Tokens read for each token of a candidate. */
  readonly perToken: number;
  /** Tokens of what is asked about a candidate. */
  readonly perCandidate: number;
}

/** Verdicts on a batch, in order, and what they cost. */
export interface Judgements {
  readonly verdicts: readonly Judgement[];
  /** Tokens read by a model. */
  readonly tokens: number;
}

/** The engine and the verifier of one search. */
export interface World {
  readonly reading: Reading;
  /** Makes candidates; takes effect before anything that is asked for later. */
  fork(births: readonly Birth[]): void;
  /** Which of the request's steerings a candidate runs under; 0 if there is one at most. */
  steeringOf(id: number): number;
  /** Grows a batch. When `until` aborts, what there is comes back. `onText` sees whole texts as they grow. */
  grow(
    orders: readonly GrowOrder[],
    until: AbortSignal,
    onText: (id: number, text: string) => void,
  ): Promise<Growth[]>;
  /** Judges candidates; a model that is asked for it reads at most so many tokens. */
  judge(candidates: readonly Candidate[], judging: Judging, tokensLeft: number): Promise<Judgements>;
  /** ln of the probability of each candidate's tokens under the unsteered model, and the tokens that were read for it. */
  baseLogprobs(candidates: readonly Candidate[]): Promise<{ logprobs: readonly number[]; tokens: number }>;
  /** Is there a verifier that can judge so? */
  judges(judging: Judging): boolean;
  /** Under which name its verdicts are kept: "process" for both if one verifier judges steps and answers alike. */
  judgedAs(judging: Judging): Judging;
  /** Does it judge candidates against each other, so that a score holds only beside the others of its batch? */
  compares(judging: Judging): boolean;
  /** A prompt of its own for `id`: the request's, the attempts, and `request` as the next message. False: it is too long. */
  revise(id: number, attempts: readonly Candidate[], request: string): Promise<boolean>;
  /** The whole text of a candidate that grows no more: what was held back, as it might become a stop string, is part of it. */
  settle(candidate: Candidate): string;
  /** Frees candidates; those forked from them live on. */
  release(ids: readonly number[]): void;
}
