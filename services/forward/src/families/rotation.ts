/** How files describe the rotation of queries and keys: base, linear stretching, tensors of factors. */
import { type Metadata, unsupported } from "../model/metadata.ts";
import type { Rotation } from "./family.ts";

/** Base of files that name none. */
const DEFAULT_BASE = 10_000;

/**
 * The rotation most families share: `rope.freq_base`, `rope.scaling.type` none or linear, and the factors of
 * `rope_freqs.weight` (Llama 3) where the file has them.
 * @throws TrimtabError BACKEND_CAPABILITY for other kinds of scaling
 */
export function plainRotation(metadata: Metadata): Rotation {
  return {
    base: metadata.number("rope.freq_base", DEFAULT_BASE),
    stretch: readStretch(metadata),
    magnitude: 1,
    factors: [{ tensor: "rope_freqs.weight", overTokens: 0 }],
  };
}

/** The factor of linear scaling, 1 without scaling. */
function readStretch(metadata: Metadata): number {
  const type = metadata.get("rope.scaling.type") ?? "none";
  if (type === "none") return 1;
  if (type === "linear") return metadata.number("rope.scaling.factor");
  throw unsupported(metadata.key("rope.scaling.type"), `the value ${String(type).slice(0, 40)}`);
}
