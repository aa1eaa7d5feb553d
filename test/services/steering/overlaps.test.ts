/** Where a part's own pushes meet, and where parts exclude each other: doses add up, and nobody's rule is another's. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { EditSchema, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { ConflictRule, OperationKind, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import type { DoseCourse } from "../../../services/steering/src/course.ts";
import { decide, resolveIntent } from "../../../services/steering/src/plan.ts";
import { f32Tensor } from "../../../services/steering/src/tensors.ts";
import { LAYERS, MODEL as modelDigest, WIDTH } from "./support/simulated-services.ts";
import { startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
const { client } = service;
beforeAll(() => service.buildRecipe());
afterAll(service.close);

const direction = {
  ...{ modelDigest, method: "response_contrast", layers: 4, width: 2 },
  raw: new Map([2, 3].map((layer) => [layer, Float32Array.of(3, 4)])),
  medianResidualNorms: Float32Array.of(10, 20, 40, 80),
};
const ending = { ...direction, raw: new Map([[3, Float32Array.of(0, 2)]]) };
/** Doses of blocks 2 and 3 as reported, and where they are largest; the push of 0.2 and 0.3 is followed by one towards the end. */
function doses(course: DoseCourse, scope = Scope.UNSPECIFIED) {
  const recipe = {
    direction,
    ending,
    course,
    doses: [2, 3].map((layer) => ({ layer, relative: layer / 10 })),
  };
  const use = create(SteeringUseSchema, { scope, forceGate: 1 });
  const { relativeDoses, largestDoses } = decide(resolveIntent({ kind: "recipe", recipe }, use), 1);
  return [relativeDoses, largestDoses].map((all) => [...all.slice(2)].map((x) => Math.round(1e4 * x) / 1e4));
}

test("in the last block the push and the one towards the end of the turn are one dose", () => {
  expect(doses({ start: 1, holdTokens: 0, rest: 0.5, ending: 0.2 })).toEqual([
    [0.1, 0.35],
    [0.2, 0.35],
  ]);
  expect(doses({ start: 2, holdTokens: 8, rest: 0.5, ending: 0.4 })).toEqual([
    [0.2, 0.3],
    [0.4, 0.6],
  ]);
  expect(doses({ start: 3, holdTokens: 0, rest: 0, ending: 0 })).toEqual([
    [0.6, 0.9],
    [0.6, 0.9],
  ]);
  expect(doses({ start: 3, holdTokens: 8, rest: 1, ending: 0.1 }, Scope.LAST)).toEqual([
    [0.6, 0.9],
    [0.6, 0.9],
  ]);
});

test("the part that acts alone keeps its own rule of conflicts", async () => {
  const row = new Float32Array(WIDTH);
  row[1] = 1;
  const operation = {
    ...{ site: Site.RESIDUAL, layer: 2, kind: OperationKind.ADD, vectors: f32Tensor([1, WIDTH], row) },
  };
  const edit = create(EditSchema, {
    ...{ method: "test", layers: LAYERS, strengths: [{ coefficient: 1 }] },
    program: { modelDigest, operations: [operation], conflictRule: ConflictRule.PRIORITY },
  });
  const put = { name: "edit", kind: ArtifactKind.EDIT, data: toBinary(EditSchema, edit), modelDigest };
  await client.putArtifact(put);
  const parts = [{ recipe: "refusal", forceGate: 0.5 }, { direction: "edit" }];
  const { program } = await client.plan({ modelDigest, steering: { parts, exclusive: true } });
  const stored = await client.getProgram({ programDigest: program?.programDigest ?? "" });
  expect(stored.program?.operations.map(({ layer }) => layer)).toEqual([2]);
  expect(stored.program?.conflictRule).toBe(ConflictRule.PRIORITY);
});
