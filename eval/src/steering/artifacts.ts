/** Artifacts of the steering service as the lab reads them: their bytes, and what a built recipe pins. */
import type { Services } from "../services.ts";

/** What a built recipe says of itself, as far as the lab reads it. */
export interface RecipeFacts {
  /** Digests of the direction and, if the recipe has a gate, of its controller. */
  readonly direction: string;
  readonly controller?: string;
  /** ‖Δ‖ over the median residual norm after each acting block. */
  readonly doses: readonly { readonly layer: number; readonly relative: number }[];
  readonly course: { readonly start: number; readonly holdTokens: number; readonly rest: number };
}

/** Bytes of an artifact. @throws ConnectError NOT_FOUND. */
export async function readArtifact(gateway: Services["gateway"], reference: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const { chunk } of gateway.getArtifact({ reference })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a recipe pins. @param pinned name@sha256:… */
export async function readRecipeFacts(gateway: Services["gateway"], pinned: string): Promise<RecipeFacts> {
  const bytes = await readArtifact(gateway, pinned.slice(pinned.indexOf("sha256:")));
  return JSON.parse(bytes.toString("utf8")) as RecipeFacts;
}
