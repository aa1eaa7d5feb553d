/**
 * Verdicts on finished choices. Unknown verifiers are refused before anything is generated; a verifier that fails later
 * gives a verdict with its failure and no score: the answer exists, only its judgement does not.
 */
import { create } from "@bufbuild/protobuf";
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import type { GenerateResponse } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { ChatMessage, FinishReason, Token, Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import {
  type Verdict,
  VerdictSchema,
  type VerifierUse,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { eventOf } from "./events.ts";
import type { FlowContext, Prepared } from "./prepare.ts";
import { failureOf, isReasonOf, serviceFailure } from "./reasons.ts";

/** A finished choice, as verifiers see it. */
export interface FinishedText {
  readonly index: number;
  readonly messages: readonly ChatMessage[];
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly reason: FinishReason;
}

/** What a judged choice belongs to; `usage` is added to. */
export interface JudgedRun {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly scope: CallScope;
  readonly usage: Usage;
}

/** Verdicts on one choice, and what they cost. */
export interface Judgement {
  readonly verdicts: readonly Verdict[];
  readonly verifiedTokens: number;
}

/**
 * Throws VERIFIER_NOT_FOUND if one of `uses` does not exist, UNSUPPORTED if it wants activations, which a generation does
 * not collect, SERVICE_UNAVAILABLE if nobody can say.
 */
export async function checkVerifiers(
  clients: GatewayClients,
  uses: readonly VerifierUse[],
  scope: CallScope,
): Promise<void> {
  if (uses.length === 0) return;
  const { verifiers } = await clients.verifier
    .listVerifiers({}, scope)
    .catch(failureOf("verifier", scope.signal));
  const names = verifiers.map((verifier) => verifier.name);
  uses.forEach((use, index) => {
    const field = `verifiers[${index}].name`;
    const found = verifiers.find((verifier) => verifier.name === use.name);
    if (!found) {
      const message = `there is no verifier ${quoted(use.name)}; known: ${names.join(", ")}`;
      throw new TrimtabError("VERIFIER_NOT_FOUND", message, { field });
    }
    if (found.needs.includes("activations")) {
      const message = `${use.name} judges activations: use Capture and VerifierService.Score`;
      throw new TrimtabError("UNSUPPORTED", message, { field });
    }
  });
}

/** Judges a finished choice by the request's own verifiers, if there are any, and bills it. Throws as {@link judge} does. */
export async function verdictsEvent(
  { flow, prepared, scope, usage }: JudgedRun,
  finished: Omit<FinishedText, "messages">,
): Promise<GenerateResponse[]> {
  const { spec, prompt, model } = prepared;
  if (spec.verifiers.length === 0) return [];
  const shown = { ...finished, messages: prompt.messages };
  const judgement = await judge(flow.clients, model.digest, spec.verifiers, shown, scope);
  usage.verifiedTokens += judgement.verifiedTokens;
  const value = { choice: finished.index, verdicts: [...judgement.verdicts] };
  return [eventOf({ case: "verdicts", value })];
}

/** Judges one finished choice. Throws only for what the caller got wrong (parameters of a verifier). */
export async function judge(
  clients: GatewayClients,
  modelDigest: string,
  uses: readonly VerifierUse[],
  finished: FinishedText,
  scope: CallScope,
): Promise<Judgement> {
  const item = {
    id: String(finished.index),
    messages: [...finished.messages],
    text: finished.text,
    tokens: [...finished.tokens],
    finishReason: finished.reason,
  };
  try {
    const { caller } = scope;
    const request = { modelDigest, items: [item], verifiers: [...uses], ...(caller && { caller }) };
    const answer = await clients.verifier.score(request, scope);
    const verdicts = answer.items[0]?.verdicts ?? [];
    return {
      verdicts: uses.map((use, at) => sound(verdicts[at], use)),
      verifiedTokens: answer.verifiedTokens,
    };
  } catch (error) {
    if (isReasonOf(error, "INVALID_ARGUMENT", "UNKNOWN_FIELD", "FIELD_REQUIRED", "FIELD_OUT_OF_RANGE"))
      throw error;
    if (scope.signal.aborted) throw serviceFailure(error, "verifier", scope.signal);
    const { reason } = fromConnectError(error);
    const failure = reason === "CANCELLED" ? "SERVICE_UNAVAILABLE" : reason;
    return { verdicts: uses.map((use) => failed(use, failure)), verifiedTokens: 0 };
  }
}

/** A verdict with a score that is no probability is a failed one. */
function sound(verdict: Verdict | undefined, use: VerifierUse): Verdict {
  if (!verdict) return failed(use, "INTERNAL");
  const { score } = verdict;
  return score === undefined || (score >= 0 && score <= 1) ? verdict : failed(use, "NON_FINITE");
}

function failed(use: VerifierUse, failure: string): Verdict {
  return create(VerdictSchema, { verifier: use.name, reason: "the verifier could not judge", failure });
}
