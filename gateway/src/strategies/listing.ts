/** The strategies as ListStrategies and GET /v1/strategies show them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StrategySchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { VerifierKind } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { NO_STRATEGY, STRATEGIES } from "./registry.ts";
import type { Judging, Strategy } from "./strategy.ts";

type Listed = Exclude<MessageInitShape<typeof StrategySchema>, { $typeName: string }>;

const KINDS: Readonly<Record<Judging, VerifierKind>> = {
  outcome: VerifierKind.OUTCOME,
  process: VerifierKind.PROCESS,
};

const NONE: Listed = {
  name: NO_STRATEGY,
  description: "One sample a choice; nothing is searched.",
  parametersSchema: JSON.stringify({ type: "object", properties: {}, additionalProperties: false }),
  costModel: "one answer a choice",
};

/** All strategies, "none" first. */
export function listedStrategies(): Listed[] {
  return [NONE, ...STRATEGIES.map(listed)];
}

function listed(strategy: Strategy): Listed {
  const { name, description, source, cost, stepwise, votes, needsVerifier, candidates } = strategy;
  return {
    ...{ name, description, source, stepwise, votes },
    parametersSchema: JSON.stringify(strategy.parameters),
    costModel: cost,
    verifierKinds: strategy.verifiers.map((judging) => KINDS[judging]),
    verifierRequired: needsVerifier,
    defaultCandidates: candidates,
  };
}
