/**
 * CAST's `.svec` files (IBM activation-steering): JSON with `model_type` and `directions`, a list of numbers by layer id. The
 * vectors are measured on the residual after block <id>, where they are added here; the library adds them one block later.
 */
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { scanJson } from "#kit/json-scan.ts";
import { STEERING_LIMITS } from "../../limits.ts";
import type { FileVectors } from "./vectors.ts";

const layerId = z.string().regex(/^(0|[1-9][0-9]{0,3})$/);
const file = z.object({
  model_type: z.string().max(1_000).optional(),
  directions: z
    .record(layerId, z.array(z.number()).min(1).max(STEERING_LIMITS.width))
    .refine((directions) => Object.keys(directions).length > 0, "no direction"),
});

/** Reads an `.svec` file. @throws TrimtabError ARTIFACT_INVALID. */
export function readSvec(bytes: Uint8Array): FileVectors {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // A block that is there twice has no vector: the parser would keep the last one.
    const fault = scanJson(text, STEERING_LIMITS.svecDepth);
    if (fault !== undefined) throw new Error(fault);
    const data = file.parse(JSON.parse(text));
    const raw = Object.entries(data.directions).map(
      ([layer, values]) => [Number(layer), Float32Array.from(values)] as const,
    );
    return { raw: new Map(raw), method: "imported" };
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "the bytes are not an .svec file with directions by layer", {
      field: "data",
      cause,
    });
  }
}
