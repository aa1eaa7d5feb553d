/**
 * The world of a search on the real engine: candidates are sequences of one session, forks share pages, and everything that
 * grows travels in one message. Cost: one message a batch; forks and releases travel with the next one.
 */
import type { Token, Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope } from "../../clients.ts";
import type { Candidate } from "../../strategies/strategy.ts";
import { SCALING_LIMITS } from "../../limits.ts";
import type { Reading, World } from "../../strategies/world.ts";
import type { ForwardSession } from "../forward-session.ts";
import type { FlowContext, Prepared } from "../prepare.ts";
import type { Stopwatch } from "../stopwatch.ts";
import { createBranchTable } from "./branch-table.ts";
import type { Arm } from "./branches.ts";
import { readBaseLogprobs } from "./base-logprobs.ts";
import { type GrowContext, growBatch } from "./growing.ts";
import { judgeBranches } from "./judging.ts";
import type { PreparedScaling } from "./options.ts";
import { type ForkingSession, keepRefusedForks } from "./refused-forks.ts";
import { openRevision } from "./revisions.ts";
import { haltIdsOf } from "./step-rule.ts";
import type { Patience } from "./verdict-time.ts";

/** Alternatives read for confidences, as DeepConf does; the most that forward reports. */
const CONFIDENCE_ALTERNATIVES = 20;
/** Alternatives read for a verifier that reads them, unless the request names more: they travel with every verdict. */
const JUDGED_ALTERNATIVES = 5;

/** What the world of a request is made of; `usage` is added to. */
export interface EngineInput {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly scaling: PreparedScaling;
  readonly session: ForwardSession;
  readonly arms: readonly Arm[];
  readonly usage: Usage;
  readonly watch: Stopwatch;
  readonly patience: Patience;
  readonly scope: CallScope;
}

/** A world, and what it has cost besides what its growths and verdicts say. */
export interface EngineWorld extends World {
  /** Tokens that prefill would have computed if every growth had sent its prefix again. */
  readonly prefixTokens: () => number;
  /** True if a program acted on a candidate. */
  isSteered(candidate: Pick<Candidate, "id">): boolean;
  /** Tokens of a candidate, as verifiers see them. */
  tokensOf(candidate: Pick<Candidate, "id">): readonly Token[];
}

/** Most tokens of a prompt and its answer. Where the state of the last one is read, the engine draws one more, which is given back. */
export function contextOf({ prepared, scaling }: Pick<EngineInput, "prepared" | "scaling">): number {
  const readsStates = Object.values(scaling.verifiers).some(({ taps }) => taps.length > 0);
  return prepared.model.contextTokens - Number(readsStates);
}

/** Creates the world; the prompts of the arms are open. */
export function createEngineWorld(given: EngineInput): EngineWorld {
  const { prepared, scaling, arms, usage } = given;
  const session = keepRefusedForks(given.session);
  const input = { ...given, session };
  const table = createBranchTable(prepared, arms);
  let prefixTokens = 0;
  const context = growContext(input, ({ replayed, prefix }) => {
    usage.replayedTokens += replayed;
    usage.prefilledTokens += replayed;
    prefixTokens += prefix;
  });
  return {
    prefixTokens: () => prefixTokens,
    isSteered: (candidate) => candidate.id !== 0 && table.of(candidate).wasSteered,
    tokensOf: (candidate) => (candidate.id === 0 ? [] : table.of(candidate).tokens),
    fork: (births) => table.fork(births),
    steeringOf: (id) => table.steeringOf(id),
    release: (ids) => table.release(ids),
    grow(orders, until, onText) {
      const batch = orders.map((order) => ({ order, branch: table.of(order) }));
      return growBatch(context, batch, table.take(), until, onText);
    },
    reading: readingOf(input),
    judge: (candidates, judging, tokensLeft) =>
      judgeBranches(input, candidates, candidates.map(table.of), judging, table.take(), tokensLeft),
    settle(candidate) {
      const { text } = table.of(candidate);
      text.end();
      return text.text;
    },
    baseLogprobs: (candidates) => readBaseLogprobs(input, candidates, candidates.map(table.of)),
    judges: (judging) => scaling.verifiers[judging] !== undefined,
    judgedAs(judging) {
      const { outcome, process } = scaling.verifiers;
      return outcome === process ? "process" : judging;
    },
    compares: (judging) => scaling.verifiers[judging]?.comparesItems ?? false,
    async revise(id, attempts, request) {
      const [first] = attempts;
      const like = first ? table.of(first).arm : arms[0];
      if (!like) throw new RangeError("a search without a prompt");
      const texts = attempts.map(({ text }) => text);
      const arm = await openRevision(input, table.sequenceOf(id), like, texts, request, table.take());
      if (arm) table.addPrompt(id, arm);
      return arm !== undefined;
    },
  };
}

/** A verifier that asks the model reads what it judges; so does the unsteered model where both are needed. */
function readingOf({ scaling, arms }: EngineInput): Reading {
  const { outcome, process } = scaling.verifiers;
  const asks = outcome?.asksModel === true || process?.asksModel === true;
  const isProposal = scaling.needsPlainSampling && arms.some(({ program }) => program);
  return {
    perToken: Number(asks) + Number(isProposal),
    perCandidate: asks ? SCALING_LIMITS.questionTokens : 0,
  };
}

function growContext(
  input: EngineInput & { readonly session: ForkingSession },
  onCost: GrowContext["onCost"],
): GrowContext {
  const { prepared, scaling, session, watch } = input;
  const { strategy, step } = scaling;
  const { needsConfidence, verifiers } = scaling;
  const readsThem = Object.values(verifiers).some(({ needs }) => needs.includes("alternatives"));
  const judged = readsThem ? JUDGED_ALTERNATIVES : 0;
  return {
    ...{ prepared, session, step, needsConfidence, onCost },
    contextTokens: contextOf(input),
    haltIds: strategy.stepwise ? haltIdsOf(step, prepared.vocabulary) : new Set(),
    topLogprobs: Math.max(prepared.spec.topLogprobs, needsConfidence ? CONFIDENCE_ALTERNATIVES : judged),
    onToken: () => watch.firstToken(),
  };
}
