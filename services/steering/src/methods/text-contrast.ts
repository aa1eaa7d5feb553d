/**
 * Text contrast: mean residual over plain texts that show a behaviour minus that over texts that do not,
 * each text from its second token on (work/spans.ts).
 *   d_l = mean_{positive} mean_{t ≥ 1} h_l(x)_t − mean_{negative} mean_{t ≥ 1} h_l(x)_t
 * Source: contrastive activation addition (arXiv 2312.06681) with free texts. Cost: the texts, once.
 */
import { type DirectionMethod, MEAN_RESIDUAL, meanDifference } from "./method.ts";

/** Contrast between two sets of plain texts. */
export const textContrast: DirectionMethod = {
  yields: "direction",
  name: "text_contrast",
  version: 2,
  source: "arXiv 2312.06681",
  needs: { texts: "texts", ...MEAN_RESIDUAL },
  fit: (rows) => meanDifference(rows),
};
