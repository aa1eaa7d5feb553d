/** What there is: models, recipes, strategies, verifiers. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { forwardCall } from "#kit/interceptors.ts";
import {
  type GatewayService,
  ListModelsResponseSchema,
  ListRecipesResponseSchema,
  ListStrategiesResponseSchema,
  ListVerifiersResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayContext } from "../context.ts";
import { resolveModel } from "../flow/model.ts";
import { listedStrategies } from "../strategies/listing.ts";

/** Handlers that list. */
export function catalogHandlers({
  flow,
}: GatewayContext): Pick<
  ServiceImpl<typeof GatewayService>,
  "listModels" | "listRecipes" | "listStrategies" | "listVerifiers"
> {
  const { clients } = flow;
  const strategies = create(ListStrategiesResponseSchema, { strategies: listedStrategies() });
  return {
    async listModels(_request, context) {
      const { models } = await clients.forward.listModels({}, forwardCall(context));
      return create(ListModelsResponseSchema, { models });
    },
    async listRecipes(request, context) {
      const scope = forwardCall(context);
      const { digest } = await resolveModel(clients, request.model, scope);
      const { recipes } = await clients.steering.listRecipes({ modelDigest: digest }, scope);
      return create(ListRecipesResponseSchema, { recipes });
    },
    listStrategies: () => strategies,
    async listVerifiers(_request, context) {
      const { verifiers } = await clients.verifier.listVerifiers({}, forwardCall(context));
      return create(ListVerifiersResponseSchema, { verifiers });
    },
  };
}
