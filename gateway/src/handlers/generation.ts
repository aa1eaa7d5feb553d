/** Generate, Complete, Steer, Fork. */
import type { ServiceImpl } from "@connectrpc/connect";
import { type GatewayService, SteerResponseSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { create } from "@bufbuild/protobuf";
import { sendKey } from "#kit/direct-messages.ts";
import { enter } from "../admission/admitted.ts";
import { tokensOfGeneration } from "../admission/estimate.ts";
import { createWhole } from "../admission/whole.ts";
import { checkSteering, checkStrength, usesOf } from "../permissions.ts";
import { collect } from "../flow/collect.ts";
import { validateSpec } from "../flow/validate.ts";
import { forkAnswers } from "../flow/fork.ts";
import { called } from "../called.ts";
import { scopeOfCall } from "../caller.ts";
import type { GatewayContext } from "../context.ts";

/** Handlers that generate text. */
export function generationHandlers(
  gateway: GatewayContext,
): Pick<ServiceImpl<typeof GatewayService>, "generate" | "complete" | "steer" | "fork"> {
  return {
    generate(request, context) {
      const send = context.values.get(sendKey);
      return called(gateway, request.spec, { ...scopeOfCall(gateway, context), send });
    },
    complete: (request, context) => collect(called(gateway, request.spec, scopeOfCall(gateway, context))),
    async fork(request, context) {
      const scope = scopeOfCall(gateway, context);
      const { continuations } = request;
      const spec = validateSpec(request.spec);
      checkSteering(usesOf(spec), scope.terms);
      const tokens = tokensOfGeneration(spec) * Math.max(1, continuations.length);
      const whole = createWhole(() => enter(gateway, scope, tokens));
      try {
        return await forkAnswers(gateway.flow, request, { ...scope, whole }, (child, within, begun) =>
          called(gateway, child, within, begun),
        );
      } finally {
        whole.end();
      }
    },
    async steer(request, context) {
      const scope = scopeOfCall(gateway, context);
      checkStrength(request, scope.terms ?? {});
      await gateway.flow.running.get(request.generationId).steer(request, scope);
      return create(SteerResponseSchema);
    },
  };
}
