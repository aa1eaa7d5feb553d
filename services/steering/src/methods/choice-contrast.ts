/**
 * Choice contrast: residual at the letter of the answer that shows the behaviour minus that at the letter of the other.
 *   d_l = mean h_l(question, letter of the behaviour) − mean h_l(question, other letter),  both orders of the answers
 * Source: contrastive activation addition (arXiv 2312.06681). Cost: every question four times, the prompt once.
 */
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { type DirectionMethod, meanDifference } from "./method.ts";

/** Contrast between the letters of a choice. */
export const choiceContrast: DirectionMethod = {
  yields: "direction",
  name: "choice_contrast",
  version: 1,
  source: "arXiv 2312.06681",
  needs: {
    texts: "choices",
    site: Site.RESIDUAL,
    layers: [],
    positions: TapPositions.LAST,
    pooling: Pooling.NONE,
  },
  fit: (rows) => meanDifference(rows),
};
