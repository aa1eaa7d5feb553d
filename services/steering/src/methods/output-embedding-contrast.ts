/**
 * Output-embedding contrast, the direction of Guiding Giants (arXiv 2505.20309, eq. 7): one unit vector for all blocks,
 *   d = (e₊ − e₋) / ‖e₊ − e₋‖,  e± = mean embedding row over all token ids of a phrase list, duplicates kept.
 * With tied embeddings the row of a token is what enters block 0 when the token stands alone, so it is captured there;
 * models that scale embeddings differ by a factor, which the normalisation cancels. Untied heads are not covered.
 * Cost: one position a phrase token.
 */
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { unit } from "../direction.ts";
import { type DirectionMethod, meanDifference } from "./method.ts";

/** Contrast between the embedding rows of two phrase lists. */
export const outputEmbeddingContrast: DirectionMethod = {
  yields: "direction",
  name: "output_embedding",
  version: 1,
  source: "arXiv 2505.20309, eq. 7",
  needs: {
    texts: "tokens",
    site: Site.BLOCK_INPUT,
    layers: [0],
    positions: TapPositions.LAST,
    pooling: Pooling.NONE,
  },
  fit(rows, modelLayers) {
    const difference = meanDifference(rows).get(0) ?? new Float32Array(0);
    const shared = unit(difference, 0);
    return new Map(Array.from({ length: modelLayers }, (_, layer) => [layer, shared]));
  },
};
