/** The model of commands that read from one and name none. */
import { TrimtabError } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GatewayClient } from "./demo/answer.ts";

/** The only loaded model of a server; `what` is done with it, for the error. @throws TrimtabError MODEL_NOT_FOUND */
export async function onlyModel(client: Pick<GatewayClient, "listModels">, what: string): Promise<Model> {
  const { models } = await client.listModels({});
  const [model, ...others] = models.filter(({ loaded }) => loaded);
  if (model && others.length === 0) return model;
  const count = model ? others.length + 1 : 0;
  const message = `the server has ${count} models loaded, ${what} one`;
  throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "model", limit: 1 });
}
