/**
 * A stored table of `auto`, named in place of its rows: read from the artifacts, checked as rows in a request would be, and
 * pinned. The probes that it was fitted with are taken unless the request names others. Cost: one small artifact a request.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type Artifact, ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { CallScope, GatewayClients } from "../../clients.ts";
import { SCALING_LIMITS } from "../../limits.ts";
import { serviceFailure } from "../reasons.ts";

/** Field of a request that names the table. */
const FIELD = "scaling.parameters.table";

/** A table with what it says of itself. */
export interface StoredTable {
  readonly rows: JsonValue;
  /** Answers sampled first; undefined: not said. */
  readonly probes: number | undefined;
  /** `name@sha256:…`. */
  readonly reference: string;
}

/**
 * The table of a reference. @throws TrimtabError ARTIFACT_NOT_FOUND; ARTIFACT_INVALID if it is no policy; ARTIFACT_INCOMPATIBLE
 * if it was fitted on another model; TOO_LARGE.
 */
export async function readPolicyTable(
  { steering }: GatewayClients,
  reference: string,
  model: Model,
  scope: CallScope,
): Promise<StoredTable> {
  const { artifact, text } = await readSmall(steering, reference, scope);
  if (artifact?.kind !== ArtifactKind.POLICY) throw invalid(`${reference} is no policy`);
  if (artifact.modelDigest !== model.digest) {
    const message = `${reference} was fitted on another model`;
    throw new TrimtabError("ARTIFACT_INCOMPATIBLE", message, { field: FIELD, limit: artifact.modelDigest });
  }
  const { table, probes } = parse(text, reference) ?? {};
  return {
    rows: table ?? null,
    probes: typeof probes === "number" ? probes : undefined,
    reference: `${artifact.name}@${artifact.digest}`,
  };
}

/** The reason why a stored table is no table. */
export function invalid(message: string, cause?: unknown): TrimtabError {
  return new TrimtabError("ARTIFACT_INVALID", message, { field: FIELD, cause });
}

async function readSmall(steering: GatewayClients["steering"], reference: string, scope: CallScope) {
  let artifact: Artifact | undefined;
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const message of steering.getArtifact({ reference }, scope)) {
      artifact ??= message.artifact;
      text += decoder.decode(message.chunk, { stream: true });
      if (text.length <= SCALING_LIMITS.policyChars) continue;
      const limit = `${SCALING_LIMITS.policyChars} characters`;
      throw new TrimtabError("TOO_LARGE", `${reference} is too large for a table`, { field: FIELD, limit });
    }
  } catch (error) {
    const { reason, message, limit } = serviceFailure(error, "steering", scope.signal);
    throw new TrimtabError(reason, message, {
      field: FIELD,
      cause: error,
      ...(limit === undefined ? {} : { limit }),
    });
  }
  return { artifact, text };
}

function parse(text: string, reference: string): JsonObject | null {
  try {
    return JSON.parse(text) as JsonObject | null;
  } catch (cause) {
    throw invalid(`${reference} is not JSON`, cause);
  }
}
