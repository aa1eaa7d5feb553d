/** What the answers of both completion APIs have around their choices. */
import { randomUUID } from "node:crypto";
import type { StartedEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import type { Push } from "./sse.ts";
import { resolveModel } from "../flow/model.ts";
import type { Vocabulary } from "../flow/vocabulary.ts";

/** What a client asked of its stream. */
export interface StreamOptions {
  /** A last chunk with the usage. */
  readonly includeUsage: boolean;
  /** Sends a chunk at once where it can. */
  readonly push: Push;
}

/** Fields every answer and chunk begins with. */
export interface Header {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

const MS_PER_SECOND = 1_000;
const FINGERPRINT_CHARS = 12;

/** The header of an answer. */
export function headerOf(object: string, started: StartedEvent | undefined): Header {
  return {
    id: `${object.startsWith("chat") ? "chatcmpl" : "cmpl"}-${randomUUID()}`,
    object,
    created: Math.floor(Date.now() / MS_PER_SECOND),
    model: started?.model ?? "",
    system_fingerprint: `trimtab-${(started?.modelDigest ?? "").slice(0, FINGERPRINT_CHARS)}`,
  };
}

/** The vocabulary of the model that answers; the flow has fetched it already. */
export async function vocabularyOf(
  { flow }: GatewayContext,
  started: StartedEvent | undefined,
  scope: CallScope,
): Promise<Vocabulary> {
  const model = await resolveModel(flow.clients, started?.modelDigest ?? "", scope);
  return flow.vocabularies.get(model, scope);
}
