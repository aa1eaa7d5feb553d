/**
 * Recipes as data: a folder with `recipe.toml` and the prompt files it names. Read once at start; unknown keys, missing
 * files and values out of range are refused with the name of the file and the key.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import { BUILD_LIMITS, COURSE_LIMITS } from "../../limits.ts";
import { parsePrompts, type Prompt } from "./prompts.ts";

const count = (most: number) => z.int().min(1).max(most);
const fraction = z.number().min(0).max(1);
/** A file of the recipe's folder, or `<folder>/<file>` of another recipe's. */
const fileName = z.string().regex(/^(?:[a-z0-9][a-z0-9-]*\/)?[a-z0-9][a-z0-9-]*\.jsonl$/);
const promptClass = z.strictObject({ class: z.string().min(1).max(32), file: fileName });
const phrases = z.array(z.string().min(1).max(200)).min(1).max(64);

const candidate = z
  .strictObject({
    center: fraction,
    blocks: count(64),
    factor: z
      .number()
      .min(-4)
      .max(4)
      .refine((factor) => factor !== 0, "0 pushes nothing"),
    start: z.number().min(0).max(COURSE_LIMITS.start),
    hold_tokens: z.int().min(0).max(COURSE_LIMITS.holdTokens),
    rest: fraction,
    ending: z.number().min(0).max(COURSE_LIMITS.ending),
  })
  .refine(
    ({ start, hold_tokens: held, rest }) => start > 0 || held > 0 || rest > 0,
    "the course pushes nowhere",
  )
  .transform(({ hold_tokens: holdTokens, ...others }) => ({ ...others, holdTokens }));

/** What says whether an answer shows the behaviour: a verdict's label, or without one a score of at least one half. */
const judge = z.strictObject({
  verifier: z.string().min(1).max(64),
  label: z.string().max(64).default(""),
  parameters: z.record(z.string(), z.json()).default({}),
});

const controller = z.strictObject({
  prompts_per_class: count(BUILD_LIMITS.promptsPerClass),
  hidden: z.array(count(4096)).min(1).max(4),
  losses: z.array(z.enum(["mse", "logistic"])).min(1),
  axes: z.array(count(1024)).min(1).max(4),
  learning_rate: z.number().positive().max(1),
  weight_decay: z.number().min(0).max(10),
  batch: count(1024),
  max_epochs: count(1000),
  patience: count(1000),
  false_steer_cost: z.number().positive().max(100),
  ramp: z.number().positive().max(10),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  folds: count(16),
});

/** What a recipe has classes of prompts for. */
export const ROLES = ["steer", "leave", "borderline"] as const;
/** One of them. */
export type Role = (typeof ROLES)[number];

/** Modes a recipe may have of its own. */
export const recipeMode = z.enum(["steer", "reply"]);

const schema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
  description: z.string().min(1).max(400),
  /** What a use that names no mode gets. */
  mode: recipeMode.default("steer"),
  judge,
  prompts: z.strictObject({
    steer: promptClass,
    leave: promptClass.optional(),
    borderline: promptClass.optional(),
    passages: fileName,
    passage_prompt: z.string().min(1).max(400),
  }),
  direction: z.strictObject({
    method: z.enum(["response_contrast", "prompt_contrast", "pca", "pairwise_pca", "logistic_probe"]),
    positive: fileName,
    /** Absent: all of them. */
    positive_ids: z.array(z.string()).min(1).max(64).optional(),
    negative: z
      .array(z.strictObject({ file: fileName, count: count(64) }))
      .min(1)
      .max(4),
    prompts_per_class: count(512),
  }),
  paper: z.strictObject({ positive: phrases, negative: phrases }).optional(),
  search: z.strictObject({
    candidates: z.array(candidate).min(1).max(64),
    rounds: z
      .array(z.strictObject({ prompts: count(256), survivors: count(64) }))
      .min(1)
      .max(8),
    answer_tokens: count(256),
    passages: count(64),
    caps: z.strictObject({ repetition: fraction, perplexity_ratio: z.number().min(1).max(100) }),
  }),
  controller: controller.optional(),
  evaluation: z.strictObject({
    prompts_per_class: count(1024),
    answer_tokens: count(512),
    passages: count(64),
  }),
});

/** Settings of a recipe, as in its file. */
export type RecipeSettings = z.infer<typeof schema>;

/** Settings of the controller of a recipe with a gate. */
export type ControllerChoices = z.infer<typeof controller>;

/** A recipe with its prompts. */
export interface RecipeSource {
  readonly settings: RecipeSettings;
  readonly steer: readonly Prompt[];
  /** Empty if the recipe always acts. */
  readonly leave: readonly Prompt[];
  readonly borderline: readonly Prompt[];
  readonly passages: readonly Prompt[];
  readonly positiveAnswers: readonly Prompt[];
  readonly negativeAnswers: readonly Prompt[];
  /** SHA-256 over settings and prompts, hex. */
  readonly digest: string;
}

/**
 * Reads every recipe below the directories, by name: in the order of the folders' names, so that what is measured on the first
 * recipe's passages is the same on every machine. A recipe may use files of another one's folder in any of them.
 * @throws TrimtabError ARTIFACT_INVALID (two recipes of one name, too), ARTIFACT_NOT_FOUND
 */
export function readRecipes(directories: readonly string[]): Map<string, RecipeSource> {
  const recipes = new Map<string, RecipeSource>();
  for (const folder of directories.flatMap(recipeFolders)) {
    const recipe = readRecipe(folder, directories);
    const { name } = recipe.settings;
    if (recipes.has(name)) {
      throw new TrimtabError("ARTIFACT_INVALID", `two recipes are called ${name}`, { field: "name" });
    }
    recipes.set(name, recipe);
  }
  return recipes;
}

/** A recipe by name. @throws TrimtabError RECIPE_NOT_FOUND, saying which there are. */
export function findRecipe(
  recipes: ReadonlyMap<string, RecipeSource>,
  name: string,
  field: string,
): RecipeSource {
  const recipe = recipes.get(name);
  if (recipe) return recipe;
  throw new TrimtabError("RECIPE_NOT_FOUND", "no such recipe", {
    field,
    limit: [...recipes.keys()].join(", "),
  });
}

function recipeFolders(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name))
      .sort();
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_NOT_FOUND", `the folder of recipes ${directory} cannot be read`, {
      cause,
    });
  }
}

/**
 * Reads one recipe folder.
 * @param shelves where the folders of other recipes are
 * @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_NOT_FOUND
 */
export function readRecipe(folder: string, shelves: readonly string[] = []): RecipeSource {
  const hash = createHash("sha256");
  const pathOf = (name: string): string =>
    name.includes("/")
      ? (shelves.map((shelf) => join(shelf, name)).find(existsSync) ?? name)
      : join(folder, name);
  const read = (name: string): string => {
    try {
      const text = readFileSync(pathOf(name), "utf8");
      hash.update(`${name}\0${text}\0`);
      return text;
    } catch (cause) {
      throw new TrimtabError("ARTIFACT_NOT_FOUND", `the recipe ${basename(folder)} has no readable ${name}`, {
        field: name,
        cause,
      });
    }
  };
  const settings = parseSettings(read("recipe.toml"), `${basename(folder)}/recipe.toml`);
  const prompts = (name: string): Prompt[] => parsePrompts(read(name), `${basename(folder)}/${name}`);
  const optional = (part: { readonly file: string } | undefined) => (part ? prompts(part.file) : []);
  const parts = {
    settings,
    steer: prompts(settings.prompts.steer.file),
    leave: optional(settings.prompts.leave),
    borderline: optional(settings.prompts.borderline),
    passages: prompts(settings.prompts.passages),
    positiveAnswers: chosenAnswers(prompts(settings.direction.positive), settings.direction),
    negativeAnswers: settings.direction.negative.flatMap(({ file, count: most }) =>
      prompts(file).slice(0, most),
    ),
  };
  return { ...parts, digest: hash.digest("hex") };
}

/** The answers of the ids, if it names any. @throws TrimtabError ARTIFACT_INVALID for an id that is not there */
function chosenAnswers(
  answers: readonly Prompt[],
  { positive, positive_ids: ids }: RecipeSettings["direction"],
): readonly Prompt[] {
  const missing = ids?.find((id) => answers.every((answer) => answer.id !== id));
  if (missing === undefined) return ids ? answers.filter(({ id }) => ids.includes(id)) : answers;
  throw new TrimtabError("ARTIFACT_INVALID", `${positive} has no answer ${quoted(missing)}`, {
    field: "direction.positive_ids",
  });
}

function parseSettings(text: string, file: string): RecipeSettings {
  let data: unknown;
  try {
    data = Bun.TOML.parse(text);
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", `${file} is not valid TOML`, { field: file, cause });
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return checkGate(checkClasses(parsed.data, file), file);
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  throw new TrimtabError("ARTIFACT_INVALID", `${file}: ${path}: ${issue?.message ?? "is not valid"}`, {
    field: path,
  });
}

/** Classes are told apart by their names, in the tables of an evaluation. */
function checkClasses(settings: RecipeSettings, file: string): RecipeSettings {
  const names = ROLES.flatMap((role) => settings.prompts[role]?.class ?? []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return settings;
  throw new TrimtabError("ARTIFACT_INVALID", `${file}: two classes are called ${quoted(twice)}`, {
    field: "prompts",
  });
}

/** A gate is learned from prompts on both sides; prompts to leave alone without a gate would be steered all the same. */
function checkGate(settings: RecipeSettings, file: string): RecipeSettings {
  if (settings.direction.method === "prompt_contrast" && !settings.prompts.leave) {
    throw new TrimtabError("ARTIFACT_INVALID", `${file}: prompt_contrast contrasts with prompts.leave`, {
      field: "prompts.leave",
    });
  }
  if ((settings.controller === undefined) === (settings.prompts.leave === undefined)) return settings;
  const [there, missing] = settings.controller
    ? ["controller", "prompts.leave"]
    : ["prompts.leave", "controller"];
  throw new TrimtabError("ARTIFACT_INVALID", `${file}: [${there}] needs ${missing}`, { field: missing });
}
