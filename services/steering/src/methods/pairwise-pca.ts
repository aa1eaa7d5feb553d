/**
 * Pairwise PCA: every positive row with a negative one of the same prompt, both centred on the pair's mean; the first
 * principal component of those, signed and as long as for PCA. What prompts differ in drops out before the component is found.
 * Source: `pca_pairwise` of CAST's library (arXiv 2409.05907). Cost: n² · d a block.
 */
import { type DirectionMethod, MEAN_RESIDUAL } from "./method.ts";
import { axisDirection, byBlock, center, mean } from "./rows.ts";

/** First principal component of the differences of pairs. */
export const pairwisePca: DirectionMethod = {
  yields: "direction",
  name: "pairwise_pca",
  version: 2,
  source: "arXiv 2409.05907",
  needs: { texts: "answers", ...MEAN_RESIDUAL },
  fit: (rows) =>
    byBlock(rows, ({ positive, negative }) => {
      // Both sides list the prompts in one order; with several answers to each, partners are at the same fraction.
      const pairs = positive.map((row, i) => [
        row,
        negative[Math.floor((i * negative.length) / positive.length)] as Float32Array,
      ]);
      const centred = pairs.flatMap((pair) => center(pair, mean(pair)));
      return axisDirection(centred, { positive, negative });
    }),
};
