/** Directions and controllers that are put must have the blocks and the width of the model they are for, if it is served. */
import { afterAll, expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { writeController } from "../../../services/steering/src/controller/artifact.ts";
import { writeDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { LAYERS, MODEL, WIDTH } from "./support/simulated-services.ts";
import { startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
afterAll(service.close);

const direction = (modelDigest: string, layers: number, width: number) =>
  writeDirectionSafetensors({
    ...{ modelDigest, method: "test", layers, width },
    raw: new Map([[layers - 1, new Float32Array(width).fill(1)]]),
    medianResidualNorms: new Float32Array(layers).fill(1),
  });

function controller(modelDigest: string, layers: number, width: number): Uint8Array {
  const [inputs, hidden, outputs] = [width, 2, 1 + layers];
  const network = {
    ...{ inputs, hidden, outputs, mean: new Float32Array(inputs), std: new Float32Array(inputs).fill(1) },
    ...{ w1: new Float32Array(hidden * inputs), b1: new Float32Array(hidden) },
    ...{ w2: new Float32Array(outputs * hidden), b2: new Float32Array(outputs) },
  };
  return writeController(network, { modelDigest, layers, width, featureLayers: [0] }, {});
}

const put = (kind: ArtifactKind, data: Uint8Array, modelDigest = MODEL) =>
  service.client.putArtifact({ name: `put-${Bun.hash(data)}`, kind, data, modelDigest }).then(
    () => "stored",
    (error: unknown) => {
      const { reason, field } = fromConnectError(error);
      return `${reason} ${field}`;
    },
  );

test.each([
  [LAYERS, WIDTH, "stored", "stored"],
  [LAYERS, WIDTH + 1, `SHAPE_MISMATCH direction.${LAYERS - 1}`, "ARTIFACT_INCOMPATIBLE trimtab.controller"],
  [
    LAYERS + 1,
    WIDTH,
    `ARTIFACT_INCOMPATIBLE direction.${LAYERS}`,
    "ARTIFACT_INCOMPATIBLE trimtab.controller",
  ],
  [LAYERS - 1, WIDTH, "ARTIFACT_INVALID median_residual_norms", "ARTIFACT_INCOMPATIBLE trimtab.controller"],
])("of %i blocks of width %i: %s; %s", async (layers, width, first, second) => {
  expect(await put(ArtifactKind.DIRECTION, direction(MODEL, layers, width))).toBe(first);
  expect(await put(ArtifactKind.CONTROLLER, controller(MODEL, layers, width))).toBe(second);
});

test("what is for a model that is not served is kept until it is", async () => {
  const other = "cd".repeat(32);
  expect(await put(ArtifactKind.DIRECTION, direction(other, 99, 8), other)).toBe("stored");
  expect(await put(ArtifactKind.CONTROLLER, controller(other, 99, 8), other)).toBe("stored");
});
