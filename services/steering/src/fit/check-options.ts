/** Options of a fit, checked before anything is computed. */
import { TrimtabError } from "#kit/errors.ts";
import type { FitOptions } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { FIT_LIMITS, STEERING_LIMITS, SWEEP_LIMITS } from "../../limits.ts";
import type { ModelShape } from "../clients.ts";

/** @throws TrimtabError FIELD_OUT_OF_RANGE, NON_FINITE, naming the option. */
export function checkSettings(options: FitOptions | undefined, model: ModelShape): void {
  if (!options) return;
  const { layers, heads, strength, promptsPerClass, scope, site } = options;
  if (layers.some((layer) => layer >= model.layers)) throw outOfRange("layers", model.layers - 1);
  if (heads > model.layers * model.heads) throw outOfRange("heads", model.layers * model.heads);
  if (promptsPerClass > FIT_LIMITS.promptsPerClass)
    throw outOfRange("prompts_per_class", FIT_LIMITS.promptsPerClass);
  if (options.doses.some((dose) => !(dose > 0 && dose <= STEERING_LIMITS.maxRelativeDose)))
    throw outOfRange("doses", STEERING_LIMITS.maxRelativeDose);
  if (options.width > model.layers) throw outOfRange("width", model.layers);
  if (options.tokenBudget > SWEEP_LIMITS.tokenBudget)
    throw outOfRange("token_budget", SWEEP_LIMITS.tokenBudget);
  if (options.rounds > FIT_LIMITS.rounds) throw outOfRange("rounds", FIT_LIMITS.rounds);
  if (strength !== undefined && !Number.isFinite(strength)) {
    throw new TrimtabError("NON_FINITE", "options.strength is not finite", { field: "options.strength" });
  }
  if (Scope[scope] === undefined || scope === Scope.WINDOW) throw outOfRange("scope", "prompt, last, decode");
  if (Site[site] === undefined) throw outOfRange("site", "a site of the model");
}

function outOfRange(name: string, limit: number | string): TrimtabError {
  return new TrimtabError("FIELD_OUT_OF_RANGE", `options.${name} is out of range`, {
    field: `options.${name}`,
    limit,
  });
}
