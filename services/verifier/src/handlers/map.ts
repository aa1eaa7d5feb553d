/** Outcomes and descriptions of verifiers as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ItemVerdictsSchema,
  type ScoreItem,
  VerifierAccess,
  type VerifierInfoSchema,
  VerifierKind,
  type VerifierRequirementSchema,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { ItemOutcomes } from "../run-batch.ts";
import type { BoundVerifier } from "../validate.ts";
import { type Access, isJudged, type Kind, type Verifier } from "../verifier.ts";

const KINDS: Record<Kind, VerifierKind> = { outcome: VerifierKind.OUTCOME, process: VerifierKind.PROCESS };
const ACCESSES: Record<Access, VerifierAccess> = {
  none: VerifierAccess.NONE,
  self: VerifierAccess.SELF,
  learned: VerifierAccess.LEARNED,
  program: VerifierAccess.PROGRAM,
  oracle: VerifierAccess.ORACLE,
};

/** A verifier as ListVerifiers shows it. */
export function toInfo(verifier: Verifier): MessageInitShape<typeof VerifierInfoSchema> {
  const {
    name,
    kind,
    access,
    needs,
    labels,
    parameters,
    calibration,
    description,
    comparesItems = false,
  } = verifier;
  return {
    name,
    kind: KINDS[kind],
    access: ACCESSES[access],
    needs: [...needs],
    parametersSchema: JSON.stringify(parameters),
    calibration,
    description,
    labels: [...labels],
    comparesItems,
  };
}

/** What a bound verifier reads, for a caller that generates. */
export function toRequirement({
  verifier,
  prepared,
}: BoundVerifier): MessageInitShape<typeof VerifierRequirementSchema> {
  const { name, kind, access, needs, comparesItems = false, maxItems = 0 } = verifier;
  return {
    verifier: name,
    kind: KINDS[kind],
    access: ACCESSES[access],
    needs: [...needs],
    taps: [...(prepared.taps ?? [])],
    comparesItems,
    maxItems,
  };
}

/** Verdicts on one item; a failure has a reason and no score. */
export function toVerdicts(
  item: ScoreItem | undefined,
  verifiers: readonly BoundVerifier[],
  { outcomes }: ItemOutcomes,
): MessageInitShape<typeof ItemVerdictsSchema> {
  const verdicts = outcomes.map((outcome, index) => {
    const verifier = verifiers[index]?.verifier.name ?? "";
    if (!isJudged(outcome)) return { verifier, failure: outcome.failure, reason: outcome.reason };
    return { verifier, score: outcome.score, label: outcome.label ?? "", reason: outcome.reason };
  });
  return { id: item?.id ?? "", verdicts };
}
