/**
 * A plan narrowed to some of its blocks while its program stays: the others get coefficient 0. So the blocks of a running
 * answer can change without another program. Pure; one pass over the operations.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ComposedPlan } from "./compose.ts";

/** The plan with only `layers` acting; none named means all. @throws TrimtabError FIELD_OUT_OF_RANGE for a block the program leaves alone */
export function restricted(plan: ComposedPlan, layers: readonly number[]): ComposedPlan {
  if (layers.length === 0 || !plan.program) return plan;
  const own = plan.program.program.operations.map(({ layer }) => layer);
  const active = new Set(layers);
  const foreign = layers.find((layer) => !own.includes(layer));
  if (foreign !== undefined) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `the program does not act on block ${foreign}`, {
      field: "active_layers",
      limit: [...new Set(own)].sort((a, b) => a - b).join(", "),
    });
  }
  return {
    ...plan,
    coefficients: plan.coefficients.map((value, slot) => (active.has(own[slot] ?? -1) ? value : 0)),
    relativeDoses: plan.relativeDoses.map((dose, layer) => (active.has(layer) ? dose : 0)),
  };
}
