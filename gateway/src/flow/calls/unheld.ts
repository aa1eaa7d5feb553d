/** Calls of strict functions that nothing held to their schemas, as no mark told of them: they are calls only if they keep to them. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope, GatewayClients } from "../../clients.ts";
import { LIMITS } from "../../limits.ts";
import { nestedSchema } from "./nested-schema.ts";
import type { Read } from "./reader.ts";

/**
 * What was read, as text if a verifier does not say in time that its strict calls keep to their schemas. Cost: a request to it for each.
 */
export async function withoutUnkept(
  read: Read,
  tools: readonly Tool[],
  { verifier }: Pick<GatewayClients, "verifier">,
  scope: CallScope,
  limitMs: number = LIMITS.keptMs,
): Promise<Read> {
  const { text: said, calls, unheld } = read;
  if (unheld === undefined) return read;
  const signal = AbortSignal.any([scope.signal, AbortSignal.timeout(limitMs)]);
  const keeps = calls.map(async ({ name, arguments: text }) => {
    const tool = tools.find((offered) => offered.name === name);
    if (!tool?.strict) return true;
    const parameters = { schema: nestedSchema(tool.parameters, "#") as JsonObject };
    const request = { items: [{ text }], verifiers: [{ name: "json_schema", parameters }] };
    const { items } = await verifier.score(request, { ...scope, signal });
    return items[0]?.verdicts[0]?.score === 1;
  });
  const areKept = await Promise.all(keeps).catch(() => [false]);
  return areKept.every(Boolean) ? read : { text: said + unheld, calls: [] };
}
