/** Artifacts of the steering service as the lab reads them: their bytes, and what a built recipe pins. */
import { createHash } from "node:crypto";
import type { Services } from "../services.ts";

/** What a built recipe says of itself, as far as the lab reads it. */
export interface RecipeFacts {
  /** Digests of the direction, of the push towards the end of the turn and, if the recipe has a gate, of its controller. */
  readonly direction: string;
  readonly endingDirection: string;
  readonly controller?: string;
  /** ‖Δ‖ over the median residual norm after each acting block. */
  readonly doses: readonly { readonly layer: number; readonly relative: number }[];
  readonly course: {
    readonly start: number;
    readonly holdTokens: number;
    readonly rest: number;
    readonly ending: number;
  };
}

const PUSH_CHARS = 16;

/** Digest of everything that decides what a recipe's push does once its gate is open; the controller is no part of it. */
export function pushKey({ direction, endingDirection, doses, course }: RecipeFacts): string {
  const { start, holdTokens, rest, ending } = course;
  const parts = [
    direction,
    endingDirection,
    doses.map(({ layer, relative }) => [layer, relative]),
    [start, holdTokens, rest, ending],
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, PUSH_CHARS);
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
