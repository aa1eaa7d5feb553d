/**
 * The world of a search on the real engine: candidates are sequences of one session, forks share pages, and everything that
 * grows travels in one message. Cost: one message a batch; forks and releases travel with the next one.
 */
import type { Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope } from "../../clients.ts";
import type { Candidate } from "../../strategies/strategy.ts";
import type { World } from "../../strategies/world.ts";
import type { ForwardSession, SessionCommand } from "../forward-session.ts";
import type { FlowContext, Prepared } from "../prepare.ts";
import type { Stopwatch } from "../stopwatch.ts";
import { type Arm, type Branch, createBranch, forkBranch } from "./branches.ts";
import { readBaseLogprobs } from "./base-logprobs.ts";
import { type GrowContext, growBatch } from "./growing.ts";
import { judgeBranches } from "./judging.ts";
import type { PreparedScaling } from "./options.ts";
import { openRevision } from "./revisions.ts";
import { haltIdsOf } from "./step-rule.ts";

/** Sequences of candidates lie above those of prompts. */
const FIRST_CANDIDATE = 1_024n;
/** Alternatives read for confidences, as DeepConf does; the most that forward reports. */
const CONFIDENCE_ALTERNATIVES = 20;

/** What the world of a request is made of; `usage` is added to. */
export interface EngineInput {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly scaling: PreparedScaling;
  readonly session: ForwardSession;
  readonly arms: readonly Arm[];
  readonly usage: Usage;
  readonly watch: Stopwatch;
  readonly scope: CallScope;
}

/** A world, and what it has cost besides what its growths and verdicts say. */
export interface EngineWorld extends World {
  /** Tokens that prefill would have computed if every growth had sent its prefix again. */
  readonly prefixTokens: () => number;
  /** True if a program acted on a candidate. */
  isSteered(candidate: Pick<Candidate, "id">): boolean;
}

/** Creates the world; the prompts of the arms are open. */
export function createEngineWorld(input: EngineInput): EngineWorld {
  const { prepared, scaling, session, arms, usage } = input;
  const { vocabulary, spec, model } = prepared;
  const branches = new Map<number, Branch>();
  /** Prompts that show earlier attempts. */
  const prompts = new Map<number, Arm>();
  const outbox: SessionCommand[] = [];
  let prefixTokens = 0;
  let born = 0;
  const context: GrowContext = {
    prepared,
    session,
    step: scaling.step,
    haltIds: new Set(haltIdsOf(scaling.step, vocabulary, model.vocabularySize)),
    topLogprobs: scaling.strategy.needsConfidence ? CONFIDENCE_ALTERNATIVES : spec.topLogprobs,
    needsConfidence: scaling.strategy.needsConfidence ?? false,
    onToken: () => input.watch.firstToken(),
    onCost({ replayed, prefix }) {
      usage.replayedTokens += replayed;
      usage.prefilledTokens += replayed;
      prefixTokens += prefix;
    },
  };
  const branchOf = ({ id }: Pick<Candidate, "id">): Branch => {
    const branch = branches.get(id);
    if (!branch) throw new RangeError(`there is no branch ${id}`);
    return branch;
  };
  const place = (id: number) => ({ id, sequenceId: FIRST_CANDIDATE + BigInt(id) });
  const take = (): SessionCommand[] => outbox.splice(0);

  return {
    prefixTokens: () => prefixTokens,
    isSteered: ({ id }) => branches.get(id)?.wasSteered ?? false,
    fork(births) {
      const children = new Map<bigint, bigint[]>();
      for (const { id, parent } of births) {
        const arm = prompts.get(parent) ?? arms[born % arms.length];
        if (!arm) throw new RangeError("a search without a prompt");
        if (parent === 0) born++;
        const from = parent === 0 || prompts.has(parent) ? undefined : branchOf({ id: parent });
        const branch = from
          ? forkBranch(place(id), from, vocabulary, spec.stop)
          : createBranch({ ...place(id), arm }, [], vocabulary, spec.stop);
        branches.set(id, branch);
        const source = from?.sequenceId ?? arm.sequenceId;
        children.set(source, [...(children.get(source) ?? []), branch.sequenceId]);
      }
      for (const [sequenceId, childIds] of children) {
        outbox.push({ case: "fork", value: { sequenceId, childIds } });
      }
    },
    grow(orders, until, onText) {
      const batch = orders.map((order) => ({ order, branch: branchOf(order) }));
      return growBatch(context, batch, take(), until, onText);
    },
    judge: (candidates, judging) =>
      judgeBranches(input, candidates, candidates.map(branchOf), judging, take()),
    baseLogprobs: (candidates) => readBaseLogprobs(input, candidates, candidates.map(branchOf)),
    judges: (judging) => scaling.verifiers[judging] !== undefined,
    judgedAs(judging) {
      const { outcome, process } = scaling.verifiers;
      return outcome === process ? "process" : judging;
    },
    compares: (judging) => scaling.verifiers[judging]?.comparesItems ?? false,
    async revise(id, attempts, request) {
      const [first] = attempts;
      const like = first ? branchOf(first).arm : arms[0];
      if (!like) throw new RangeError("a search without a prompt");
      const texts = attempts.map(({ text }) => text);
      prompts.set(id, await openRevision(input, place(id).sequenceId, like, texts, request, take()));
    },
    release(ids) {
      const sequenceIds = ids.flatMap((id) => {
        if (id === 0) return arms.map((arm) => arm.sequenceId);
        return [(prompts.get(id) ?? branchOf({ id })).sequenceId];
      });
      outbox.push({ case: "release", value: { sequenceIds } });
    },
  };
}
