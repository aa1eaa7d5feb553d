/** Calls of strict functions that nothing held to their schemas, as no mark told of them: they are calls only if they keep to them. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope, GatewayClients } from "../../clients.ts";
import { LIMITS } from "../../limits.ts";
import { nestedSchema } from "./nested-schema.ts";
import type { Read } from "./reader.ts";

/**
 * What was read, as text if a verifier does not say in time that its strict calls keep to their schemas. Cost: a request to it for each
 * function that is called.
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
  const keeps = tools.map(async (tool) => {
    const items = calls.filter(({ name }) => name === tool.name).map((call) => ({ text: call.arguments }));
    if (!tool.strict || items.length === 0) return true;
    const parameters = { schema: nestedSchema(tool.parameters, "#") as JsonObject };
    const request = { items, verifiers: [{ name: "json_schema", parameters }] };
    const judged = await verifier.score(request, { ...scope, signal });
    return items.every((_, at) => judged.items[at]?.verdicts[0]?.score === 1);
  });
  const areKept = await Promise.all(keeps).catch(() => [false]);
  return areKept.every(Boolean) ? read : { text: said + unheld, calls: [] };
}
