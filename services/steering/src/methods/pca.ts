/**
 * PCA: the first principal component of both classes' rows, centred on the mean of the two class means; signed so that
 * the behaviour projects higher, as long as the class means are apart along it.
 * Source: the vector extraction of CAST (arXiv 2409.05907). Cost: n² · d a block.
 */
import { type DirectionMethod, MEAN_RESIDUAL } from "./method.ts";
import { axisDirection, byBlock, center, mean } from "./rows.ts";

/** First principal component of the rows of two classes. */
export const pca: DirectionMethod = {
  yields: "direction",
  name: "pca",
  version: 2,
  source: "arXiv 2409.05907",
  needs: { texts: "answers", ...MEAN_RESIDUAL },
  fit: (rows) =>
    byBlock(rows, ({ positive, negative }) => {
      const middle = mean([mean(positive), mean(negative)]);
      return axisDirection(center([...positive, ...negative], middle), { positive, negative });
    }),
};
