/** Which options each kind of fit has a use for: one that would be left aside is refused, lest a control be none. */
import { isFieldSet } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { type FitOptions, FitOptionsSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { METHODS } from "../methods/index.ts";

/** Options that not every fit has a use for. */
const CHOICES = ["layers", "heads", "strength", "scope", "site", "shuffleLabels"] as const;
type Choice = (typeof CHOICES)[number];

/** Of fits that are no method of `METHODS`: they choose by themselves what they are not asked. */
const OF_OTHERS: Readonly<Record<string, readonly Choice[]>> = {
  refusal_direction: [],
  weights_regression: [],
  weights_evolution: [],
  sweep: ["layers"],
};
/** A direction says nothing of strengths and positions: whoever uses it does. An edit at another site says both. */
const OF_DIRECTIONS: readonly Choice[] = ["layers", "site", "shuffleLabels"];
const OF_EDITS: readonly Choice[] = [...OF_DIRECTIONS, "strength", "scope"];

/** @throws TrimtabError INVALID_ARGUMENT naming an option that the method has no use for */
export function checkUsed(method: string, options: FitOptions | undefined): void {
  if (!options) return;
  const used = usedBy(method, options.site);
  const idle = CHOICES.find(
    (name) => isFieldSet(options, FitOptionsSchema.field[name]) && !used.includes(name),
  );
  if (idle === undefined) return;
  const field = `options.${FitOptionsSchema.field[idle].name}`;
  throw new TrimtabError("INVALID_ARGUMENT", `${method} has no use for ${field}`, { field });
}

function usedBy(name: string, site: Site): readonly Choice[] {
  const others = Object.hasOwn(OF_OTHERS, name) ? OF_OTHERS[name] : undefined;
  if (others) return others;
  const method = METHODS[name as keyof typeof METHODS];
  if (method.yields !== "direction") return method.name === "iti" ? [...OF_EDITS, "heads"] : OF_EDITS;
  return site === Site.UNSPECIFIED || site === method.needs.site ? OF_DIRECTIONS : OF_EDITS;
}
