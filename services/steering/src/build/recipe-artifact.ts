/**
 * A built recipe as an artifact: JSON that pins direction, controller and doses, with the evidence. Written last, so a
 * recipe exists only if everything it names exists.
 */
import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import {
  EvaluationSchema,
  type Recipe,
  RecipeSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const schema = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  description: z.string(),
  modelDigest: z.string().regex(/^[0-9a-f]{64}$/),
  buildId: z.string(),
  directionMethod: z.string(),
  direction: digest,
  paperDirection: digest,
  controller: digest,
  doses: z.array(z.strictObject({ layer: z.int().min(0), relative: z.number().min(-4).max(4) })).min(1),
  start: z.number().min(0).max(16),
  evaluation: z.unknown().optional(),
});

/** A built recipe. */
export type BuiltRecipe = z.infer<typeof schema>;

const MODEL_CHARS = 12;

/** Name of the artifact of a recipe built for a model. */
export function recipeArtifactName(recipe: string, modelDigest: string): string {
  return `${recipe}.${modelDigest.slice(0, MODEL_CHARS)}`;
}

/** Encodes a built recipe. */
export function writeRecipe(recipe: BuiltRecipe): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(recipe));
}

/** Reads a built recipe. @throws TrimtabError ARTIFACT_INVALID. */
export function readRecipeArtifact(bytes: Uint8Array): BuiltRecipe {
  try {
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "the bytes are not a built recipe", {
      field: "recipe",
      cause,
    });
  }
}

/** A built recipe as it is listed. */
export function recipeMessage(built: BuiltRecipe, artifactDigest: string): Recipe {
  return create(RecipeSchema, {
    name: built.name,
    description: built.description,
    built: true,
    resolved: `${built.name}@${artifactDigest}`,
    modelDigest: built.modelDigest,
    layers: built.doses.map((dose) => dose.layer),
    relativeDoses: built.doses.map((dose) => dose.relative),
    directionMethod: built.directionMethod,
    ...(built.evaluation === undefined
      ? {}
      : { evaluation: fromJson(EvaluationSchema, built.evaluation as JsonValue) }),
  });
}

/** Evidence as plain data, for the artifact. */
export function evaluationJson(evaluation: Parameters<typeof toJson<typeof EvaluationSchema>>[1]): JsonValue {
  return toJson(EvaluationSchema, evaluation);
}
