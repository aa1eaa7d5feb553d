/** A stored artifact with its bytes, through the gateway. */
import { TrimtabError } from "#kit/errors.ts";
import type { Artifact } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { GatewayClient } from "../demo/answer.ts";

/** Fetches it. @throws ConnectError of the gateway; TrimtabError ARTIFACT_NOT_FOUND if it says nothing */
export async function fetchArtifact(
  client: GatewayClient,
  reference: string,
): Promise<{ readonly artifact: Artifact; readonly bytes: Uint8Array }> {
  const parts: Uint8Array[] = [];
  let found: Artifact | undefined;
  for await (const { artifact, chunk } of client.getArtifact({ reference })) {
    found ??= artifact;
    parts.push(chunk);
  }
  if (!found) throw new TrimtabError("ARTIFACT_NOT_FOUND", `there is no artifact "${reference}"`);
  return { artifact: found, bytes: new Uint8Array(Buffer.concat(parts)) };
}
