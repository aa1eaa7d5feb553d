/**
 * Response contrast: mean residual over the tokens of short refusals minus that over compliant openings, same prompts.
 *   d_l = mean_{p, r ∈ positive} mean_t h_l(p + r)_t − mean_{p, r ∈ negative} mean_t h_l(p + r)_t
 * Source: the behaviour data of CAST (arXiv 2409.05907) with a mean difference in place of PCA.
 * Cost: every (prompt, answer) pair at prefill speed; the prompt is computed once for all its answers.
 */
import { type DirectionMethod, MEAN_RESIDUAL, meanDifference } from "./method.ts";

/** Contrast between answers to the same prompts. */
export const responseContrast: DirectionMethod = {
  yields: "direction",
  name: "response_contrast",
  version: 1,
  source: "arXiv 2409.05907",
  needs: { texts: "answers", ...MEAN_RESIDUAL },
  fit: (rows) => meanDifference(rows),
};
