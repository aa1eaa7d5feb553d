/** A fit under way, followed to its artifact: its progress is one line of a terminal. */
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import type { Artifact } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { GatewayClient } from "../demo/answer.ts";

/** What to fit, as FitArtifact takes it. */
export type FitWhat = NonNullable<Parameters<GatewayClient["fitArtifact"]>[0]["fit"]>;

/** Fits and stores. @throws ConnectError of the gateway; TrimtabError SERVICE_UNAVAILABLE if it ended without an artifact */
export async function followFit(client: GatewayClient, fit: FitWhat): Promise<Artifact> {
  const { stderr } = process;
  let stored: Artifact | undefined;
  for await (const answer of cancelSafe((signal) => client.fitArtifact({ fit }, { signal }))) {
    const event = answer.fit?.event;
    if (event?.case === "progress" && stderr.isTTY)
      stderr.write(`\r${event.value.detail}: ${event.value.tokens} tokens\x1b[K`);
    if (event?.case === "artifact") stored = event.value;
  }
  if (!stored) throw new TrimtabError("SERVICE_UNAVAILABLE", "the fit ended without an artifact");
  if (stderr.isTTY) stderr.write("\n");
  return stored;
}
