/** What a key may do: methods for operators, and the steering a key is limited to. */
import { methodName } from "#kit/clients.ts";
import { TrimtabError } from "#kit/errors.ts";
import { GatewayService, type GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Terms } from "./terms.ts";

const { method } = GatewayService;

/** Methods that change what others get: models, artifacts, builds. */
export const operatorMethods: ReadonlySet<string> = new Set(
  [
    ...[method.loadModel, method.unloadModel],
    ...[
      method.putArtifact,
      method.deleteArtifact,
      method.importArtifact,
      method.extractVector,
      method.fitArtifact,
    ],
    ...[method.buildRecipe, method.cancelBuild],
  ].map(methodName),
);

/** What the terms of a request say about steering. */
export type SteeringTerms = Pick<Terms, "steering" | "steeringScale" | "steeringDose">;

/** Everything that a spec may steer with. */
export function usesOf(spec: GenerationSpec | undefined): SteeringUse[] {
  return [spec?.steering?.use, ...(spec?.scaling?.diversify ?? [])].filter((use) => use !== undefined);
}

/** Throws PERMISSION_DENIED for steering that the terms do not permit; without terms all is permitted. */
export function checkSteering(uses: readonly SteeringUse[], terms: SteeringTerms | undefined): void {
  if (!terms) return;
  for (const use of uses) {
    const parts = use.parts.length > 0 ? use.parts : [use];
    for (const part of parts) {
      checkName(part, terms.steering);
      checkStrength(part, terms, part === use ? 1 : (use.scale ?? 1));
    }
  }
}

function checkScale(scale: number, { steeringScale = Infinity }: SteeringTerms): void {
  // What is no number is refused as such by others.
  if (!(Math.abs(scale) > Math.fround(steeringScale))) return;
  throw new TrimtabError("PERMISSION_DENIED", "this key may not steer so strongly", {
    field: "steering.use.scale",
    limit: steeringScale,
  });
}

function checkName({ recipe, direction }: SteeringUse, permitted: readonly string[] | undefined): void {
  const [name = ""] = (recipe || direction).split("@", 1);
  if (permitted === undefined || permitted.includes(name)) return;
  throw new TrimtabError("PERMISSION_DENIED", "this key may not steer with this recipe or direction", {
    field: recipe === "" ? "steering.use.direction" : "steering.use.recipe",
  });
}

/** Throws PERMISSION_DENIED for a strength, `times` over, beyond what the terms permit. */
export function checkStrength(
  { scale, dose }: Pick<SteeringUse, "scale" | "dose">,
  terms: SteeringTerms,
  times = 1,
): void {
  checkScale(times * (dose ? 1 : (scale ?? 1)), terms);
  const { steeringDose } = terms;
  if (!dose || steeringDose === undefined) return;
  if (dose.dose.case === "relative" && !(Math.abs(times * dose.dose.value) > Math.fround(steeringDose)))
    return;
  throw new TrimtabError("PERMISSION_DENIED", "this key may not ask for this dose", {
    field: "steering.use.dose",
    limit: steeringDose,
  });
}
