/** Candidates -> verdicts, so many a call. A verifier that is down, slow or senseless is a failed verdict. */
import { create } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import { FinishReason, type Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import {
  type ItemVerdicts,
  type ScoreItem,
  ScoreItemSchema,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { SCALING_LIMITS as LIMITS } from "../../limits.ts";
import { finishReasonOf } from "../../strategies/members.ts";
import type { Candidate, Judging } from "../../strategies/strategy.ts";
import type { Judgement, Judgements } from "../../strategies/world.ts";
import type { SessionCommand } from "../forward-session.ts";
import { isReasonOf, serviceFailure } from "../reasons.ts";
import type { Branch } from "./branches.ts";
import type { EngineInput } from "./engine-world.ts";
import { sendInParts } from "./growing.ts";
import type { BoundVerifier } from "./options.ts";
import { readRows, type RowsRead, rowsOf } from "./state-rows.ts";

/** There are too few tokens left for the model to read. */
const UNPAID: Judgement = { score: undefined, failure: "TOO_LARGE", isUnpaid: true };
/** The verifier did not answer in time, or not on what came before. */
const LATE: Judgement = { score: undefined, failure: "DEADLINE_EXCEEDED" };
const NO_ROWS: RowsRead = { count: 0, failed: new Map() };
const NO_TOKENS: readonly Token[] = [];

/** Judges branches; `pending` are commands that must reach forward first. Throws only for wrong parameters. */
export async function judgeBranches(
  input: EngineInput,
  candidates: readonly Candidate[],
  branches: readonly Branch[],
  judging: Judging,
  pending: readonly SessionCommand[],
  tokensLeft: number,
): Promise<Judgements> {
  sendInParts(input.session, pending);
  const verifier = input.scaling.verifiers[judging];
  if (!verifier) throw new RangeError(`${input.scaling.strategy.name} has no verifier of kind ${judging}`);
  const rows = verifier.taps.length > 0 ? await readRows(input, branches, verifier.taps) : NO_ROWS;
  const failures = branches.map((branch) => rows.failed.get(branch));
  const items = candidates
    .map((candidate, index) => itemOf(input, verifier, candidate, branches[index]))
    .filter((_, index) => failures[index] === undefined);
  const judged = await callInParts(input, verifier, items, tokensLeft);
  const verdicts = judged.verdicts.values();
  return {
    verdicts: failures.map((failure) => {
      if (failure !== undefined) return { score: undefined, failure };
      return verdicts.next().value ?? { score: undefined, failure: "INTERNAL" };
    }),
    tokens: judged.tokens + rows.count,
  };
}

function itemOf(
  { prepared }: EngineInput,
  { needs, taps }: BoundVerifier,
  candidate: Candidate,
  branch: Branch | undefined,
) {
  return create(ScoreItemSchema, {
    id: String(candidate.id),
    messages: [...prepared.prompt.messages],
    text: candidate.text,
    tokens: [...(needs.includes("tokens") ? (branch?.tokens ?? NO_TOKENS) : NO_TOKENS)],
    activations: branch && taps.length > 0 ? rowsOf(branch, taps) : [],
    finishReason: finishReasonOf(candidate.ended) || FinishReason.UNSPECIFIED,
  });
}

/** Each part has the time of a call; what comes behind one that was too slow is not asked about. */
async function callInParts(
  input: EngineInput,
  verifier: BoundVerifier,
  items: readonly ScoreItem[],
  tokensLeft: number,
): Promise<Judgements> {
  const size = verifier.comparesItems ? items.length : LIMITS.judgedAtOnce;
  const timeLeft = input.patience.begin();
  const verdicts: Judgement[] = [];
  let tokens = 0;
  let isLate = false;
  while (verdicts.length < items.length) {
    const part = items.slice(verdicts.length, verdicts.length + size);
    const left = tokensLeft - tokens;
    if (isLate || (verifier.asksModel && left < 1))
      verdicts.push(...part.map(() => (isLate ? LATE : UNPAID)));
    else {
      const judged = await call(input, verifier, part, left, timeLeft());
      verdicts.push(...judged.verdicts);
      tokens += judged.tokens;
      isLate = judged.isLate;
    }
  }
  return { verdicts, tokens };
}

async function call(
  { flow, prepared, scope, patience }: EngineInput,
  { use, asksModel }: BoundVerifier,
  items: ScoreItem[],
  tokensLeft: number,
  milliseconds: number,
): Promise<Judgements & { readonly isLate: boolean }> {
  const timeout = AbortSignal.timeout(Math.ceil(milliseconds));
  const signal = AbortSignal.any([scope.signal, timeout]);
  const { caller } = scope;
  const modelDigest = prepared.model.digest;
  const maxTokens = asksModel && Number.isFinite(tokensLeft) ? tokensLeft : 0;
  const request = { modelDigest, items, verifiers: [use], maxTokens, ...(caller && { caller }) };
  try {
    const answer = await flow.clients.verifier.score(request, { ...scope, signal });
    const verdicts = items
      .map(({ id }, index) => sound(answer.items[index], id))
      .map((verdict) => (answer.cut && verdict.failure === UNPAID.failure ? UNPAID : verdict));
    return { verdicts, tokens: answer.verifiedTokens, isLate: false };
  } catch (error) {
    if (scope.signal.aborted) throw serviceFailure(error, "verifier", scope.signal);
    if (isReasonOf(error, "INVALID_ARGUMENT", "UNKNOWN_FIELD", "FIELD_REQUIRED", "FIELD_OUT_OF_RANGE"))
      throw error;
    const isLate = timeout.aborted;
    if (isLate) patience.lose();
    const { reason } = fromConnectError(error);
    const failure = reason === "CANCELLED" ? "SERVICE_UNAVAILABLE" : reason;
    const failed: Judgement = isLate ? LATE : { score: undefined, failure };
    return { verdicts: items.map(() => failed), tokens: 0, isLate };
  }
}

/** A verdict for another item, or with a score that is no number from 0 to 1, is a failed one. */
function sound(item: ItemVerdicts | undefined, id: string): Judgement {
  const verdict = item?.verdicts[0];
  if (!verdict || item.id !== id) return { score: undefined, failure: "INTERNAL" };
  const { score, failure } = verdict;
  if (score === undefined) return { score, failure: failure || "INTERNAL" };
  return score >= 0 && score <= 1 ? { score, failure: "" } : { score: undefined, failure: "NON_FINITE" };
}
