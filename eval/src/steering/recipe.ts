/** The recipe under test: built for the model if it is not, without the evaluation that recipes bring along. */
import type { Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Services } from "../services.ts";

/** A built recipe, as listed. @throws Error if the build fails. */
export async function buildRecipe(
  gateway: Services["gateway"],
  model: string,
  name: string,
  onProgress: (text: string) => void,
): Promise<Recipe> {
  const { recipes } = await gateway.listRecipes({ model });
  const known = recipes.find((recipe) => recipe.name === name);
  if (known?.built === true) return known;
  let phase = "";
  for await (const { build } of gateway.buildRecipe({ name, model, skipEvaluation: true })) {
    if (build?.phase !== undefined && build.phase !== phase) onProgress(`recipe ${name}: ${build.phase}`);
    phase = build?.phase ?? phase;
    if (build?.recipe !== undefined) return build.recipe;
    if ((build?.failure ?? "") !== "") throw new Error(`recipe ${name}: ${build?.failure}`);
  }
  throw new Error(`the build of ${name} ended without a recipe`);
}
