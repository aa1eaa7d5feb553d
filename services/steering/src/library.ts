/**
 * What requests steer by, loaded from the store and kept while it is in use: recipes with their controllers, directions,
 * and the programs compiled from them. Everything is checked against the model of the request.
 */
import type { ArtifactRecord, ArtifactStore } from "#kit/artifact-store.ts";
import { hasReason, TrimtabError } from "#kit/errors.ts";
import { createLru } from "#kit/lru.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { Program } from "#proto/trimtab/type/v1/program_pb.ts";
import { CACHE_LIMITS, STEERING_LIMITS } from "../limits.ts";
import { type BuiltRecipe, readRecipeArtifact, recipeArtifactName } from "./build/recipe-artifact.ts";
import { checkHead } from "./arms.ts";
import { type ControllerRunner, loadController } from "./controller/artifact.ts";
import type { Deciding } from "./decider.ts";
import { checkDirection, type Direction } from "./direction.ts";
import { readEdit } from "./edit.ts";
import { readDirectionSafetensors } from "./formats/safetensors-direction.ts";
import { createShelf, type Held } from "./held.ts";
import type { PlannableRecipe } from "./plan-parts.ts";
import type { NamedProgram } from "./program.ts";
import { readRuleset } from "./ruleset.ts";

/** A recipe ready to decide. */
export interface LoadedRecipe extends PlannableRecipe {
  /** Absent: the recipe always acts. */
  readonly controller?: ControllerRunner;
  /** What a use that names no mode gets. */
  readonly mode: BuiltRecipe["mode"];
  /** What mode "reply" answers; absent in recipes built before it was kept. */
  readonly reply?: string;
}

/** What a request asked for, found. */
export interface Resolved {
  readonly deciding: Deciding;
  /** name@sha256:… */
  readonly resolved: string;
  /** Digest of the head of the weights, if the use names one: a name may be another's next time. */
  readonly head?: string;
  /** Of recipes: what a use that names no mode gets. */
  readonly ownMode?: LoadedRecipe["mode"];
  /** Of recipes: what mode "reply" answers, if it was built with them. */
  readonly reply?: string;
  /** Once nobody decides with it any more. */
  letGo(): void;
}

/** The library. */
export interface Library {
  /** Finds what a request asks for. @throws TrimtabError RECIPE_NOT_FOUND, ARTIFACT_NOT_FOUND, ARTIFACT_INCOMPATIBLE, … */
  resolve(use: SteeringUse | undefined, modelDigest: string): Promise<Resolved>;
  /** A built recipe by name or name@sha256:…. @throws TrimtabError RECIPE_NOT_FOUND, ARTIFACT_INCOMPATIBLE, … */
  recipe(reference: string, modelDigest: string): Promise<Held<LoadedRecipe> & { readonly resolved: string }>;
  /** Keeps a program for GetProgram. */
  remember(program: NamedProgram): void;
  /** A program by digest. @throws TrimtabError PROGRAM_NOT_FOUND. */
  program(digest: string): Program;
  close(): Promise<void>;
}

/** Creates the library. `known` says which recipes exist, built or not. */
export function createLibrary(store: ArtifactStore, known: ReadonlySet<string>): Library {
  const programs = createLru<Program>(CACHE_LIMITS.programs);
  const recipes = createShelf<LoadedRecipe>(CACHE_LIMITS.artifacts, async ({ controller }) =>
    controller?.close(),
  );
  const heads = createShelf<ControllerRunner>(CACHE_LIMITS.artifacts, (head) => head.close());
  const headOf = async (reference: string) => {
    const field = "steering.weights.head";
    const { record, bytes } = store.get(reference, field);
    if (record.kind !== ArtifactKind.CONTROLLER) {
      throw new TrimtabError("ARTIFACT_INVALID", `${record.name} is not a controller`, { field });
    }
    const held = await heads.hold(record.digest, () => loadController(bytes));
    return { ...held, digest: record.digest };
  };
  const recipeOf = async (reference: string, modelDigest: string) => {
    const { built, digest } = findBuilt(store, known, reference, modelDigest);
    const held = await recipes.hold(digest, () => loadRecipe(store, built));
    return { ...held, resolved: `${built.name}@${digest}` };
  };
  return {
    async resolve(use, modelDigest) {
      if (!use || (use.recipe === "") === (use.direction === "")) {
        throw new TrimtabError("FIELD_REQUIRED", "steering needs a recipe or a direction, and not both", {
          field: "steering.recipe",
        });
      }
      if (use.direction !== "") return resolveStored(store, use.direction, modelDigest);
      const held: { letGo(): void }[] = [];
      const letGo = (): void => held.forEach((each) => each.letGo());
      try {
        const own = await recipeOf(use.recipe, modelDigest);
        held.push(own);
        const head = use.weights?.head ? await headOf(use.weights.head) : undefined;
        if (head) held.push(head);
        const recipe = own.value;
        return {
          deciding: {
            source: { kind: "recipe", recipe },
            ...(recipe.controller && { controller: recipe.controller }),
            ...(head && { head: checkHead(head.value, recipe.direction) }),
          },
          ...{ resolved: own.resolved, ownMode: recipe.mode, letGo },
          ...(head && { head: head.digest }),
          ...(recipe.reply !== undefined && { reply: recipe.reply }),
        };
      } catch (error) {
        letGo();
        throw error;
      }
    },
    recipe: recipeOf,
    remember: ({ digest, program }) => programs.set(digest, program),
    program(digest) {
      const program = programs.get(digest);
      if (program) return program;
      throw new TrimtabError("PROGRAM_NOT_FOUND", "no such program; ask GetRequirements again", {
        field: "program_digest",
      });
    },
    async close() {
      await Promise.all([recipes.close(), heads.close()]);
    },
  };
}

/**
 * A stored direction, whatever model it is for.
 * @param field the request's field that names it, for errors
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID, ARTIFACT_CORRUPT
 */
export function loadDirection(
  store: ArtifactStore,
  reference: string,
  field: string,
): { direction: Direction; name: string; digest: string } {
  const { record, bytes } = store.get(reference, field);
  if (record.kind !== ArtifactKind.DIRECTION) {
    throw new TrimtabError("ARTIFACT_INVALID", `${record.name} is not a direction`, { field });
  }
  return {
    direction: parseStoredDirection(bytes, record.modelDigest),
    name: record.name,
    digest: record.digest,
  };
}

/** A direction in the form the store keeps. @throws TrimtabError ARTIFACT_INVALID and those of `checkDirection`. */
export function parseStoredDirection(bytes: Uint8Array, modelDigest: string): Direction {
  const vectors = readDirectionSafetensors(bytes);
  if (!vectors.medianResidualNorms) {
    throw new TrimtabError(
      "ARTIFACT_INVALID",
      "the direction has no median_residual_norms; import it instead",
      {
        field: "median_residual_norms",
      },
    );
  }
  if (vectors.modelDigest !== undefined && vectors.modelDigest !== modelDigest) {
    throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the direction was made for another model file", {
      field: "model_digest",
    });
  }
  const width = [...vectors.raw.values()][0]?.length ?? 0;
  return checkDirection({
    modelDigest,
    method: vectors.method ?? "imported",
    layers: vectors.medianResidualNorms.length,
    width,
    raw: vectors.raw,
    medianResidualNorms: vectors.medianResidualNorms,
    ...(vectors.facts && { facts: vectors.facts }),
  });
}

function resolveStored(store: ArtifactStore, reference: string, modelDigest: string): Resolved {
  const field = "steering.direction";
  const { record, bytes } = store.get(reference, field);
  if (record.modelDigest !== modelDigest) {
    throw new TrimtabError("ARTIFACT_INCOMPATIBLE", `${record.name} fits another model`, {
      field,
      limit: record.modelDigest,
    });
  }
  return {
    deciding: readDeciding(record, bytes),
    resolved: `${record.name}@${record.digest}`,
    letGo() {},
  };
}

function readDeciding({ kind, name, modelDigest }: ArtifactRecord, bytes: Uint8Array): Deciding {
  if (kind === ArtifactKind.RULESET) return { ruleset: readRuleset(bytes, modelDigest) };
  if (kind === ArtifactKind.EDIT) return { source: { kind: "edit", edit: readEdit(bytes, modelDigest) } };
  if (kind === ArtifactKind.DIRECTION) {
    return { source: { kind: "direction", direction: parseStoredDirection(bytes, modelDigest) } };
  }
  throw new TrimtabError("ARTIFACT_INVALID", `${name} is neither a direction nor an edit nor a ruleset`, {
    field: "steering.direction",
  });
}

/** The artifact of a recipe reference, `name` or `name@sha256:…`, for a model. */
export function findBuilt(
  store: ArtifactStore,
  known: ReadonlySet<string>,
  reference: string,
  modelDigest: string,
): { built: BuiltRecipe; digest: string } {
  const at = reference.indexOf("@");
  const name = at < 0 ? reference : reference.slice(0, at);
  const pin = at < 0 ? "" : reference.slice(at);
  const shown = name.slice(0, STEERING_LIMITS.nameChars);
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) {
    throw new TrimtabError("RECIPE_NOT_FOUND", "no such recipe", { field: "steering.recipe" });
  }
  try {
    const { record, bytes } = store.get(recipeArtifactName(name, modelDigest) + pin, "steering.recipe");
    const built = readRecipeArtifact(bytes);
    if (built.modelDigest === modelDigest) return { built, digest: record.digest };
    throw new TrimtabError("ARTIFACT_INCOMPATIBLE", `the recipe ${shown} was built for another model`, {
      field: "steering.recipe",
    });
  } catch (error) {
    if (!hasReason(error, "ARTIFACT_NOT_FOUND")) throw error;
    const why = known.has(name) ? "is not built for this model; build it first" : "does not exist";
    throw new TrimtabError(
      "RECIPE_NOT_FOUND",
      `the recipe ${shown} ${pin === "" ? why : "has no such version"}`,
      {
        field: "steering.recipe",
        cause: error,
      },
    );
  }
}

async function loadRecipe(store: ArtifactStore, built: BuiltRecipe): Promise<LoadedRecipe> {
  const field = "steering.recipe";
  const direction = loadDirection(store, built.direction, field).direction;
  const paperDirection = built.paperDirection && loadDirection(store, built.paperDirection, field).direction;
  const ending = loadDirection(store, built.endingDirection, field).direction;
  const controller = built.controller && (await loadController(store.get(built.controller, field).bytes));
  const fits = [direction, paperDirection, ending, controller].every(
    (part) =>
      !part ||
      (part.modelDigest === built.modelDigest &&
        part.layers === direction.layers &&
        part.width === direction.width),
  );
  if (fits) {
    return {
      ...{ direction, ending, doses: built.doses, course: built.course, mode: built.mode },
      ...(paperDirection && { paperDirection }),
      ...(controller && { controller }),
      ...(built.reply !== undefined && { reply: built.reply }),
    };
  }
  if (controller) await controller.close();
  throw new TrimtabError(
    "ARTIFACT_INCOMPATIBLE",
    `the parts of the recipe ${built.name} do not fit each other`,
    { field: "steering.recipe" },
  );
}
