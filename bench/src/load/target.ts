/** What requests of the load benches are sent to. */
import type { GatewayUnderTest } from "../ours/gateway.ts";
import type { Target } from "./one-request.ts";

/** The first model of a gateway, with its ends of text forbidden. */
export async function targetOf({ client, url }: GatewayUnderTest): Promise<Target> {
  const { models } = await client.listModels({});
  const { name = "", stopIds = [] } = models[0] ?? {};
  return { url, model: name, logitBias: Object.fromEntries(stopIds.map((id) => [id, -100])) };
}
