/** All methods by name. */
import { angularSteering } from "./angular-steering.ts";
import { cast } from "./cast.ts";
import { choiceContrast } from "./choice-contrast.ts";
import { iti } from "./iti.ts";
import { logisticProbe } from "./logistic-probe.ts";
import type { SteeringMethod } from "./method.ts";
import { outputEmbeddingContrast } from "./output-embedding-contrast.ts";
import { pairwisePca } from "./pairwise-pca.ts";
import { pca } from "./pca.ts";
import { promptContrast } from "./prompt-contrast.ts";
import { randomDirection } from "./random-direction.ts";
import { responseContrast } from "./response-contrast.ts";
import { selectiveSteering } from "./selective-steering.ts";
import { textContrast } from "./text-contrast.ts";

/** Every method this service knows. */
export const METHODS = {
  response_contrast: responseContrast,
  prompt_contrast: promptContrast,
  output_embedding: outputEmbeddingContrast,
  text_contrast: textContrast,
  choice_contrast: choiceContrast,
  pca,
  pairwise_pca: pairwisePca,
  logistic_probe: logisticProbe,
  random_direction: randomDirection,
  cast,
  iti,
  selective: selectiveSteering,
  angular: angularSteering,
} as const satisfies Record<string, SteeringMethod>;
