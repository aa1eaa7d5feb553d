/** Handlers of trimtab.verifier.v1: validate, judge, map. */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { forwardCall } from "#kit/interceptors.ts";
import type {
  ScoreRequest,
  ScoreStreamRequest,
  VerifierService,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { BATCH_LIMITS } from "../../limits.ts";
import type { Registry } from "../registry.ts";
import { runBatch } from "../run-batch.ts";
import { bindVerifiers, type BoundVerifier, validateRequest } from "../validate.ts";
import type { JudgeContext, VerifierClients } from "../verifier.ts";
import { toInfo, toRequirement, toVerdicts } from "./map.ts";

/** What the handlers work with. */
export interface HandlerOptions {
  readonly registry: Registry;
  readonly clients: VerifierClients;
  /** Aborted when the service closes. */
  readonly closing: AbortSignal;
}

/** Creates the handlers. */
export function createHandlers(options: HandlerOptions): ServiceImpl<typeof VerifierService> {
  return {
    async score(request, context) {
      let verifiedTokens = 0;
      let isCut = false;
      const bill = {
        spend: (tokens: number) => void (verifiedTokens += tokens),
        tokensLeft: () =>
          request.maxTokens === 0 ? undefined : Math.max(0, request.maxTokens - verifiedTokens),
        onCut: () => void (isCut = true),
      };
      const call = begin(request, context, options, bill);
      const items = [];
      for await (const one of runBatch(request.items, call.verifiers, call.judging)) {
        items.push(toVerdicts(request.items[one.index], call.verifiers, one));
      }
      return { items, verifiedTokens, cut: isCut };
    },
    async *scoreStream(request, context) {
      const bill = { spend: () => {}, tokensLeft: () => undefined, onCut: () => {} };
      const call = begin(request, context, options, bill);
      for await (const one of runBatch(request.items, call.verifiers, call.judging)) {
        const verdicts = toVerdicts(request.items[one.index], call.verifiers, one);
        yield { itemIndex: one.index, verdicts };
      }
    },
    getRequirements: (request) => ({
      requirements: bindVerifiers(request, options.registry).map(toRequirement),
    }),
    listVerifiers: () => ({ verifiers: options.registry.entries.map(({ verifier }) => toInfo(verifier)) }),
  };
}

function begin(
  request: ScoreRequest | ScoreStreamRequest,
  context: HandlerContext,
  { registry, clients, closing }: HandlerOptions,
  bill: Pick<JudgeContext, "spend" | "tokensLeft" | "onCut">,
): { readonly verifiers: readonly BoundVerifier[]; readonly judging: JudgeContext } {
  const verifiers = validateRequest(request, registry);
  const { modelDigest, caller } = request;
  const { signal, timeoutMs = BATCH_LIMITS.modelTimeoutMs, headers } = forwardCall(context);
  const call = { signal: AbortSignal.any([signal, closing]), timeoutMs, headers };
  return { verifiers, judging: { modelDigest, clients, call, ...bill, ...(caller && { caller }) } };
}
