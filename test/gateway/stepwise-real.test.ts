/** Deciding again on the real engine: a recipe whose gate is always open, asked every two tokens. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { createAudit } from "../../gateway/src/audit.ts";
import { recipeArtifactName, writeRecipe } from "../../services/steering/src/build/recipe-artifact.ts";
import { writeController } from "../../services/steering/src/controller/artifact.ts";
import { constantHead } from "../../services/steering/src/controller/head.ts";
import { controllerLayers } from "../../services/steering/src/features.ts";
import { writeDirectionSafetensors } from "../../services/steering/src/formats/safetensors-direction.ts";
import { type RealStack, startRealStack } from "./support/real-stack.ts";

setDefaultTimeout(60_000);
const NAME = "always";
const audited: unknown[] = [];
let stack: RealStack;

/** Puts the parts of a recipe that pushes one axis in block 12 whatever the prompt. */
function putRecipe({ store, model }: RealStack): void {
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
    ...{ name: NAME, description: "Always acts.", modelDigest, buildId: "0", directionMethod: "imported" },
    ...{ judge: { verifier: "refusal", label: "policy_refusal", parameters: {} } },
    ...{ direction: stored, paperDirection: stored, endingDirection: stored },
    controller: put("open", ArtifactKind.CONTROLLER, controller),
    doses: [{ layer: 12, relative: 0.05 }],
    course: { start: 1, holdTokens: 0, rest: 1, ending: 0 },
  };
  put(recipeArtifactName(NAME, modelDigest), ArtifactKind.RECIPE, writeRecipe(recipe));
}

beforeAll(async () => {
  stack = await startRealStack({ audit: createAudit((fields) => void audited.push(fields)) });
  putRecipe(stack);
});
afterAll(() => stack.close());

test("a gate that stays open gives the same answer, whether it is asked once or every two tokens", async () => {
  const question = "What is the capital of France?";
  const once = await stack.chat(question, { recipe: NAME }, 6);
  expect(audited).toHaveLength(1);
  const again = await stack.chat(question, { recipe: NAME, every_tokens: 2 }, 6);
  expect([again.text, again.extras.steered]).toEqual([once.text, true]);
  // Once on the prompt, and after the second and fourth token; the sixth is the last.
  expect(audited).toHaveLength(1 + 3);
});
