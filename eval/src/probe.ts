/** A trained probe must not have seen what it is evaluated on: its artifact lists the problems it was trained on. */
import type { Services } from "./services.ts";

/** @throws Error that counts the problems the probe has seen. */
export async function checkUnseen(
  gateway: Services["gateway"],
  reference: string,
  ids: readonly string[],
): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const { chunk } of gateway.getArtifact({ reference })) chunks.push(chunk);
  const { problemIds } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { problemIds?: string[] };
  const seen = new Set(problemIds ?? []);
  const both = ids.filter((id) => seen.has(id));
  if (both.length > 0)
    throw new Error(`${reference} was trained on ${both.length} of the problems to be evaluated`);
}
