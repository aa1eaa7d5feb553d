/** GET /v1/models, GET /v1/models/{id}. */
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { resolveModel } from "../flow/model.ts";

/** Loaded models. */
export async function listModels({ flow }: GatewayContext, scope: CallScope): Promise<object> {
  const { models } = await flow.clients.forward.listModels({}, scope);
  return { object: "list", data: models.filter((model) => model.loaded).map(modelOf) };
}

/** One model, by name, its short form, or digest. */
export async function oneModel({ flow }: GatewayContext, id: string, scope: CallScope): Promise<object> {
  return modelOf(await resolveModel(flow.clients, id, scope, true));
}

function modelOf(model: Model): object {
  return {
    id: model.name,
    object: "model",
    created: 0,
    owned_by: "trimtab",
    trimtab: {
      digest: model.digest,
      architecture: model.architecture,
      layers: model.layers,
      context_tokens: model.contextTokens,
      loaded: model.loaded,
      backend: model.backend,
      compute: model.compute,
    },
  };
}
