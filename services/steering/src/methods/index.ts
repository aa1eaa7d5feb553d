/** All direction methods by name. */
import type { DirectionMethod } from "./method.ts";
import { outputEmbeddingContrast } from "./output-embedding-contrast.ts";
import { promptContrast } from "./prompt-contrast.ts";
import { responseContrast } from "./response-contrast.ts";
import { textContrast } from "./text-contrast.ts";

/** Every method this service knows. */
export const METHODS = {
  response_contrast: responseContrast,
  prompt_contrast: promptContrast,
  output_embedding: outputEmbeddingContrast,
  text_contrast: textContrast,
} as const satisfies Record<string, DirectionMethod>;
