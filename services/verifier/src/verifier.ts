/**
 * What a verifier is: a description, parameters with a JSON schema, and a function from a batch to outcomes.
 *
 * Failure is a value: an item that cannot be judged gets a reason of the closed list and no score, never a score of 0.
 * Wrong parameters are the caller's error and are refused before anything is judged.
 */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { setImmediate } from "node:timers/promises";
import type { Reason } from "#kit/errors.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Caller } from "#proto/trimtab/type/v1/caller_pb.ts";
import type { TapSchema } from "#proto/trimtab/type/v1/program_pb.ts";
import type { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { BATCH_LIMITS } from "../limits.ts";

/** What is judged: a finished answer or one in the making. */
export type Kind = "outcome" | "process";
/** What the verifier knows that the model does not. */
export type Access = "none" | "self" | "learned" | "program" | "oracle";
/** Fields of an item that the verifier reads. */
export type Need = "text" | "tokens" | "alternatives" | "activations" | "messages";

/** A verdict: score in 0..1 with its reason in words, and the label if the verifier has any. */
export interface Judged {
  readonly score: number;
  readonly label?: string;
  readonly reason: string;
}

/** No verdict, and why. */
export interface Failed {
  readonly failure: Reason;
  readonly reason: string;
}

/** Outcome for one item. */
export type Outcome = Judged | Failed;

/** Clients of the services a verifier may call; absent ones make the verdicts that need them fail as values. */
export interface VerifierClients {
  readonly tokenizer?: Client<typeof TokenizerService>;
  readonly forward?: Client<typeof ForwardService>;
}

/** The call on whose behalf a batch is judged. */
export interface JudgeContext {
  /** SHA-256 of the model file, hex; empty if the caller gave none. */
  readonly modelDigest: string;
  readonly clients: VerifierClients;
  /** Options for calls to other services: cancellation, remaining time (milliseconds), headers. */
  readonly call: { signal: AbortSignal; timeoutMs: number; headers: Record<string, string> };
  /** On whose behalf forward is asked, if the request says so. */
  readonly caller?: Caller;
  /** Adds tokens that the model has read for a verdict to the bill. */
  readonly spend: (tokens: number) => void;
  /** Tokens that the model may still read; undefined: as many as it takes. */
  readonly tokensLeft: () => number | undefined;
  /** Says that a verdict failed because they are too few. */
  readonly onCut: () => void;
}

/** Judges a batch under parameters already checked: one outcome an item, in order. */
export type Judge = (
  batch: readonly ScoreItem[],
  context: JudgeContext,
) => readonly Outcome[] | Promise<readonly Outcome[]>;

/** A judge with its parameters bound. */
export interface Prepared {
  readonly score: Judge;
  /** Activations it reads; a caller taps them while it generates, so that nothing is computed twice. */
  readonly taps?: readonly MessageInitShape<typeof TapSchema>[];
}

/** A verifier as listed and used. */
export interface Verifier {
  readonly name: string;
  readonly kind: Kind;
  readonly access: Access;
  readonly needs: readonly Need[];
  /** Judges the items of a request against each other: it sees all of them at once, not chunk by chunk. */
  readonly comparesItems?: boolean;
  /** Most items of a request that it can judge, if it cannot judge all there may be. */
  readonly maxItems?: number;
  /** Each item has the time of a chunk for itself: one that takes long, or breaks, takes nothing from the others. */
  readonly judgesEachAlone?: boolean;
  readonly labels: readonly string[];
  readonly description: string;
  /** How its score relates to the chance of being right. */
  readonly calibration: string;
  /** JSON schema (2020-12) of the parameters; unknown ones are refused. */
  readonly parameters: JsonObject;
  /**
   * Binds parameters that fit the schema.
   * @param modelDigest the model whose answers are judged; empty if the caller gave none.
   * @throws TrimtabError with the field (relative to `parameters`) if they do not make sense together.
   */
  prepare(parameters: JsonObject, modelDigest: string): Prepared;
}

/** True if the item was judged. */
export function isJudged(outcome: Outcome): outcome is Judged {
  return !("failure" in outcome);
}

/** A judge that looks at one item at a time; it lets the event loop have its turn and stops when the call ends. */
export function eachItem(judge: (item: ScoreItem) => Outcome): Judge {
  return async (batch, { call }) => {
    const outcomes: Outcome[] = [];
    let sliceStart = performance.now();
    for (const item of batch) {
      call.signal.throwIfAborted();
      outcomes.push(judge(item));
      if (performance.now() - sliceStart < BATCH_LIMITS.sliceMs) continue;
      await setImmediate();
      sliceStart = performance.now();
    }
    return outcomes;
  };
}
