/**
 * Logistic probe: the weights of a regularised logistic regression of the class on the row, block by block, as long as
 * the distance of the class means along them.
 * Source: the probes of ITI (arXiv 2306.03341) and of linear probing at large. Cost: 2 · n · d · iterations a block.
 */
import { fitLogistic } from "./logistic.ts";
import { type DirectionMethod, MEAN_RESIDUAL } from "./method.ts";
import { byBlock, towards } from "./rows.ts";

/** Normal of the plane that separates the classes. */
export const logisticProbe: DirectionMethod = {
  yields: "direction",
  name: "logistic_probe",
  version: 1,
  source: "arXiv 2306.03341",
  needs: { texts: "answers", ...MEAN_RESIDUAL },
  fit: (rows) => byBlock(rows, (classes) => towards(fitLogistic(classes).weights, classes)),
};
