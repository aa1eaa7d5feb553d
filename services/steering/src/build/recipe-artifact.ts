/**
 * A built recipe as an artifact: JSON that pins direction, controller and doses, with the evidence. Written last, so a
 * recipe exists only if everything it names exists.
 */
import { create, fromJson, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import {
  EvaluationSchema,
  type Recipe,
  type RecipeJudgeSchema,
  RecipeSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { COURSE_LIMITS } from "../../limits.ts";
import type { Judge } from "../work/judge.ts";
import { recipeMode } from "../recipes/recipe.ts";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Counts up when the shape changes; a recipe in another format counts as not built. */
const FORMAT = 4;

const schema = z.strictObject({
  format: z.literal(FORMAT),
  name: z.string(),
  description: z.string(),
  mode: recipeMode.default("steer"),
  modelDigest: z.string().regex(/^[0-9a-f]{64}$/),
  buildId: z.string(),
  directionMethod: z.string(),
  judge: z.strictObject({
    verifier: z.string(),
    label: z.string(),
    parameters: z.record(z.string(), z.json()),
  }),
  direction: digest,
  paperDirection: digest.optional(),
  endingDirection: digest,
  /** Absent: the recipe always acts. */
  controller: digest.optional(),
  doses: z.array(z.strictObject({ layer: z.int().min(0), relative: z.number().min(-4).max(4) })).min(1),
  course: z.strictObject({
    start: z.number().min(0).max(COURSE_LIMITS.start),
    holdTokens: z.int().min(0).max(COURSE_LIMITS.holdTokens),
    rest: z.number().min(0).max(1),
    ending: z.number().min(0).max(COURSE_LIMITS.ending),
  }),
  /** What mode "reply" answers; absent in recipes of before, which answer what their files say. */
  reply: z.string().optional(),
  /** Absent: nothing speaks against it. */
  warnings: z.array(z.string()).optional(),
  evaluation: z.unknown().refine(isEvaluation, "no evaluation").optional(),
});

function isEvaluation(value: unknown): boolean {
  try {
    return fromJson(EvaluationSchema, value as JsonValue) !== undefined;
  } catch {
    return false;
  }
}

const anyFormat = z.object({ format: z.int() });

/** A built recipe. */
export type BuiltRecipe = Omit<z.infer<typeof schema>, "format">;

const MODEL_CHARS = 12;

/** Name of the artifact of a recipe built for a model. */
export function recipeArtifactName(recipe: string, modelDigest: string): string {
  return `${recipe}.${modelDigest.slice(0, MODEL_CHARS)}`;
}

/** Encodes a built recipe. */
export function writeRecipe(recipe: BuiltRecipe): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ format: FORMAT, ...recipe }));
}

/** Reads a built recipe. @throws TrimtabError ARTIFACT_INVALID; ARTIFACT_INCOMPATIBLE if it is in another format. */
export function readRecipeArtifact(bytes: Uint8Array): BuiltRecipe {
  const built = readCurrentRecipe(bytes);
  if (built) return built;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "another version built the recipe; build it again", {
    field: "recipe",
  });
}

/** Reads a built recipe; undefined if another version wrote it in its format. @throws TrimtabError ARTIFACT_INVALID. */
export function readCurrentRecipe(bytes: Uint8Array): BuiltRecipe | undefined {
  try {
    const data: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const { format } = anyFormat.parse(data);
    return format === FORMAT ? schema.parse(data) : undefined;
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
    course: built.course,
    directionMethod: built.directionMethod,
    mode: built.mode,
    judge: judgeMessage(built.judge),
    warnings: built.warnings ?? [],
    ...(built.evaluation === undefined
      ? {}
      : { evaluation: fromJson(EvaluationSchema, built.evaluation as JsonValue) }),
  });
}

/** A recipe's judge as it is listed. */
export function judgeMessage({
  verifier,
  label,
  parameters,
}: Judge): MessageInitShape<typeof RecipeJudgeSchema> {
  return { verifier: { name: verifier, parameters: { ...parameters } }, label };
}

/** Evidence as plain data, for the artifact. */
export function evaluationJson(evaluation: Parameters<typeof toJson<typeof EvaluationSchema>>[1]): JsonValue {
  return toJson(EvaluationSchema, evaluation);
}
