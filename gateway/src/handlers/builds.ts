/** Builds of recipes, and directions from a few texts: steering does the work. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { forwardCall } from "#kit/interceptors.ts";
import { cancelSafe } from "#kit/streams.ts";
import {
  BuildRecipeResponseSchema,
  CancelBuildResponseSchema,
  ExtractVectorResponseSchema,
  FitArtifactResponseSchema,
  type GatewayService,
  GetBuildResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { scopeOfCall } from "../caller.ts";
import type { GatewayContext } from "../context.ts";
import { resolveModel } from "../flow/model.ts";
import { LIMITS } from "../limits.ts";

/** Handlers of builds. */
export function buildHandlers(
  gateway: GatewayContext,
): Pick<
  ServiceImpl<typeof GatewayService>,
  "buildRecipe" | "getBuild" | "cancelBuild" | "fitArtifact" | "extractVector"
> {
  const { clients, requirements } = gateway.flow;
  return {
    async *buildRecipe({ name, model, force, skipEvaluation }, context) {
      const call = forwardCall(context);
      const { digest: modelDigest } = await resolveModel(clients, model, call);
      const request = { name, modelDigest, force, skipEvaluation };
      const start = (signal: AbortSignal) => clients.steering.buildRecipe(request, { ...call, signal });
      for await (const { build } of cancelSafe(start, call.signal)) {
        if (build?.state === BuildState.SUCCEEDED) requirements.clear();
        yield create(BuildRecipeResponseSchema, build ? { build } : {});
      }
    },
    async getBuild({ id }, context) {
      const { build } = await clients.steering.getBuild({ id }, forwardCall(context));
      return create(GetBuildResponseSchema, build ? { build } : {});
    },
    async cancelBuild({ id }, context) {
      const { build } = await clients.steering.cancelBuild({ id }, forwardCall(context));
      return create(CancelBuildResponseSchema, build ? { build } : {});
    },
    async *fitArtifact({ model, fit }, context) {
      if (!fit) throw new TrimtabError("FIELD_REQUIRED", "fit is missing", { field: "fit" });
      const call = forwardCall(context);
      const { digest: modelDigest } = await resolveModel(clients, model, call);
      const request = { ...fit, modelDigest };
      const start = (signal: AbortSignal) => clients.steering.fitArtifact(request, { ...call, signal });
      for await (const answer of cancelSafe(start, call.signal)) {
        if (answer.event.case === "artifact") requirements.clear();
        yield create(FitArtifactResponseSchema, { fit: answer });
      }
    },
    async extractVector({ model, name, positive, negative }, context) {
      const scope = scopeOfCall(gateway, context);
      const { digest: modelDigest } = await resolveModel(clients, model, scope);
      const { caller } = scope;
      const request = { modelDigest, name, positive, negative, ...(caller && { caller }) };
      const patient = { timeoutMs: LIMITS.requestMs, ...scope };
      const { artifact } = await clients.steering.extractVector(request, patient);
      requirements.clear();
      return create(ExtractVectorResponseSchema, artifact ? { artifact } : {});
    },
  };
}
