/**
 * Text contrast: mean residual over plain texts that show a behaviour minus that over texts that do not.
 *   d_l = mean_{positive} mean_t h_l(x)_t − mean_{negative} mean_t h_l(x)_t
 * Source: contrastive activation addition (arXiv 2312.06681) with free texts. Cost: the texts, once.
 */
import { type DirectionMethod, MEAN_RESIDUAL, meanDifference } from "./method.ts";

/** Contrast between two sets of plain texts. */
export const textContrast: DirectionMethod = {
  yields: "direction",
  name: "text_contrast",
  version: 1,
  source: "arXiv 2312.06681",
  needs: { texts: "texts", ...MEAN_RESIDUAL },
  fit: (rows) => meanDifference(rows),
};
