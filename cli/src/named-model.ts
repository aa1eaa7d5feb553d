/** One model of a server that has several: a client whose requests are about it wherever they name none. */
import type { DescMessage } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayClient } from "./demo/answer.ts";

type Request = Readonly<Record<string, unknown>>;
type Call = (request: Request, options?: object) => unknown;

/** The client, for a model by the name or digest that the server lists; it lists no other. */
export function aboutModel(client: GatewayClient, model: string): GatewayClient {
  const calls = client as unknown as Readonly<Record<string, Call>>;
  const listModels = async (request: Request, options?: object) => {
    const answer = await client.listModels(request, options);
    const models = answer.models.filter(({ name, digest }) => name === model || digest === model);
    if (models.length > 0) return { ...answer, models };
    const names = answer.models.map(({ name }) => name).join(", ");
    const message = `the server has no model ${model}; it has ${names}`;
    throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "--model" });
  };
  const named = Object.entries(GatewayService.method).map(([name, { input }]): [string, Call] => [
    name,
    (request, options) => calls[name]?.(about(input, request, model), options),
  ]);
  return { ...Object.fromEntries(named), listModels } as unknown as GatewayClient;
}

/** A request about a model, itself or in what it wants generated. */
function about({ fields }: DescMessage, request: Request, model: string): Request {
  const has = (name: string): boolean => fields.some(({ localName }) => localName === name);
  const { spec } = request as { readonly spec?: { readonly model?: string } };
  return {
    ...request,
    ...(has("model") && { model: (request.model as string | undefined) || model }),
    ...(spec && { spec: { ...spec, model: spec.model || model } }),
  };
}
