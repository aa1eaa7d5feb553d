/** Generate, Complete, Steer, Fork. */
import type { ServiceImpl } from "@connectrpc/connect";
import { type GatewayService, SteerResponseSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { create } from "@bufbuild/protobuf";
import { collect } from "../flow/collect.ts";
import { forkAnswers } from "../flow/fork.ts";
import { observed } from "../metrics.ts";
import { scopeOfCall } from "../caller.ts";
import type { GatewayContext } from "../context.ts";

/** Handlers that generate text. */
export function generationHandlers(
  gateway: GatewayContext,
): Pick<ServiceImpl<typeof GatewayService>, "generate" | "complete" | "steer" | "fork"> {
  return {
    generate: (request, context) => observed(gateway, request.spec, scopeOfCall(gateway, context)),
    complete: (request, context) => collect(observed(gateway, request.spec, scopeOfCall(gateway, context))),
    fork: (request, context) => forkAnswers(gateway.flow, request, scopeOfCall(gateway, context)),
    async steer(request, context) {
      await gateway.flow.running
        .get(request.generationId)
        .steer(request.scale, scopeOfCall(gateway, context));
      return create(SteerResponseSchema);
    },
  };
}
