/**
 * Random direction: the control that any direction must beat. An isotropic random vector a block, as long as the
 * response contrast there.
 * Source: the controls of arXiv 2406.11717 and 2312.06681. Cost: that of the response contrast.
 */
import { createRandom } from "../controller/random.ts";
import { norm } from "../direction.ts";
import { type DirectionMethod, MEAN_RESIDUAL, meanDifference } from "./method.ts";

/** Random vectors of the contrast's lengths. */
export const randomDirection: DirectionMethod = {
  yields: "direction",
  name: "random_direction",
  version: 1,
  source: "arXiv 2406.11717",
  needs: { texts: "answers", ...MEAN_RESIDUAL },
  fit(rows, _modelLayers, seed = 0) {
    const random = createRandom(seed);
    return new Map(
      [...meanDifference(rows)].map(([layer, contrast]) => {
        const vector = contrast.map(() => random.normal());
        const factor = norm(contrast) / norm(vector);
        return [layer, vector.map((x) => x * factor)];
      }),
    );
  },
};
