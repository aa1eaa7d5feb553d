/**
 * Builds a recipe through the public API and shows its progress; a stored result comes back at once.
 */
import { cancelSafe } from "#kit/streams.ts";
import { isReason, TrimtabError } from "#kit/errors.ts";
import type { Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { createBuildProgress } from "../view/progress.ts";

/** Options of a build. */
export interface BuildOptions {
  readonly force?: boolean;
  readonly skipEvaluation?: boolean;
}

/**
 * Builds `name` for the loaded model.
 * @throws ConnectError of the gateway; TrimtabError with the reason of a build that failed, SERVICE_UNAVAILABLE if the progress
 *   ended without a result.
 */
export async function buildRecipe(
  client: GatewayClient,
  name: string,
  options: BuildOptions = {},
): Promise<Recipe> {
  const progress = createBuildProgress();
  try {
    const states = cancelSafe((signal) => client.buildRecipe({ name, ...options }, { signal }));
    for await (const { build } of states) {
      if (!build) continue;
      progress.update(build);
      if (build.recipe) return build.recipe;
      if (build.failure === "") continue;
      const reason = isReason(build.failure) ? build.failure : "SERVICE_UNAVAILABLE";
      throw new TrimtabError(reason, `the build of ${name} failed: ${build.detail}`);
    }
  } finally {
    progress.stop();
  }
  throw new TrimtabError("SERVICE_UNAVAILABLE", `the build of ${name} ended without a result`);
}
