/** What a key may do: methods for operators, and the steering a key is limited to. */
import { methodName } from "#kit/clients.ts";
import { TrimtabError } from "#kit/errors.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";

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

/** Throws PERMISSION_DENIED for a recipe or direction that is not among `permitted`; undefined permits all. */
export function checkSteering(uses: readonly SteeringUse[], permitted: readonly string[] | undefined): void {
  if (permitted === undefined) return;
  for (const { recipe, direction } of uses.flatMap((use) => (use.parts.length > 0 ? use.parts : [use]))) {
    const [name = ""] = (recipe || direction).split("@", 1);
    if (permitted.includes(name)) continue;
    throw new TrimtabError("PERMISSION_DENIED", "this key may not steer with this recipe or direction", {
      field: recipe === "" ? "steering.use.direction" : "steering.use.recipe",
    });
  }
}
