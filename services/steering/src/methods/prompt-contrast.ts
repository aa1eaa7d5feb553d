/**
 * Prompt contrast: residual at the last token of prompts of one class minus that of the other (difference in means).
 *   d_l = mean_{harmful} h_l(p)_last − mean_{harmless} h_l(p)_last
 * Source: arXiv 2406.11717 (refusal direction), residual after the block. Cost: the prompts, once.
 */
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { type DirectionMethod, meanDifference } from "./method.ts";

/** Contrast between two classes of prompts. */
export const promptContrast: DirectionMethod = {
  yields: "direction",
  name: "prompt_contrast",
  version: 1,
  source: "arXiv 2406.11717",
  needs: {
    texts: "prompts",
    site: Site.RESIDUAL,
    layers: [],
    positions: TapPositions.LAST,
    pooling: Pooling.NONE,
  },
  fit: (rows) => meanDifference(rows),
};
