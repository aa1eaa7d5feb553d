/** A built recipe for the real model that pushes one axis whatever the prompt. */
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { recipeArtifactName, writeRecipe } from "../../../services/steering/src/build/recipe-artifact.ts";
import { writeController } from "../../../services/steering/src/controller/artifact.ts";
import { constantHead } from "../../../services/steering/src/controller/head.ts";
import { controllerLayers } from "../../../services/steering/src/features.ts";
import { writeDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import type { RealStack } from "./real-stack.ts";

/**
 * Puts the parts of a recipe that pushes one axis in block 12 whatever the prompt.
 * @param mode what a use gets that names no mode
 */
export function putAlwaysRecipe(
  { store, model }: RealStack,
  name: string,
  mode: "steer" | "reply" = "steer",
): void {
  const { digest: modelDigest, layers, width } = model;
  const axis = Float32Array.from({ length: width }, (_, i) => (i === 7 ? 1 : 0));
  const last = layers - 1;
  const direction = {
    ...{
      modelDigest,
      method: "imported",
      layers,
      width,
      medianResidualNorms: new Float32Array(layers).fill(100),
    },
    raw: new Map([
      [12, axis],
      [last, axis],
    ]),
  };
  const put = (name: string, kind: ArtifactKind, bytes: Uint8Array) =>
    store.put({ name, kind, bytes, modelDigest }).digest;
  const stored = put("axis", ArtifactKind.DIRECTION, writeDirectionSafetensors(direction));
  const featureLayers = controllerLayers(layers);
  const { network } = constantHead(featureLayers.length * width, new Array<number>(layers).fill(0.5));
  const controller = writeController(network, { modelDigest, layers, width, featureLayers }, {});
  const recipe = {
    ...{ name, description: "Always acts.", mode, modelDigest, buildId: "0", directionMethod: "imported" },
    ...{ judge: { verifier: "refusal", label: "policy_refusal", parameters: {} } },
    ...{ direction: stored, paperDirection: stored, endingDirection: stored },
    controller: put("open", ArtifactKind.CONTROLLER, controller),
    doses: [{ layer: 12, relative: 0.05 }],
    course: { start: 1, holdTokens: 0, rest: 1, ending: 0 },
  };
  put(recipeArtifactName(name, modelDigest), ArtifactKind.RECIPE, writeRecipe(recipe));
}
