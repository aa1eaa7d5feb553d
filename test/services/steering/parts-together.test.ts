/** What one part of a composition does is its own: the rule of conflicts is between parts. On the real engine with the synthetic model. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EditSchema, type SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { ConflictRule, OperationKind, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { f32Tensor } from "../../../services/steering/src/tensors.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { fitTwoDirections, type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

type Use = MessageInitShape<typeof SteeringUseSchema>;
const PROMPT = "do bad thing number 300";
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await fitTwoDirections(stack);
  const { modelDigest, model } = stack;
  const row = new Float32Array(model.width);
  row[0] = 1;
  const operation = {
    ...{ site: Site.RESIDUAL, layer: 2, kind: OperationKind.ADD, vectors: f32Tensor([1, model.width], row) },
  };
  const edit = create(EditSchema, {
    ...{ method: "test", layers: model.layers, strengths: [{ coefficient: 1 }, { coefficient: 2 }] },
    program: { modelDigest, operations: [operation, operation] },
  });
  const data = toBinary(EditSchema, edit);
  await stack.client.putArtifact({ name: "twice", kind: ArtifactKind.EDIT, data, modelDigest });
});
afterAll(() => stack.close());

const rules = Object.entries({ error: ConflictRule.ERROR, orthogonalize: ConflictRule.ORTHOGONALIZE });
const twice: Use = { direction: "twice" };
const noise: Use = { direction: "noise", scale: 0.1, layers: [1] };
const rowUnder = (use?: Use) => stack.row(PROMPT, Site.RESIDUAL, 2, use);

test.each(rules)(
  "a part whose own pushes meet acts as by itself under the rule %s",
  async (_name, conflictRule) => {
    const [alone, base] = [await rowUnder(twice), await rowUnder()];
    expect((alone[0] as number) - (base[0] as number)).toBeCloseTo(3, 3);
    expect(await rowUnder({ ...(twice as object), conflictRule })).toEqual(alone);
    expect(await rowUnder({ parts: [twice], conflictRule })).toEqual(alone);
    expect(await rowUnder({ parts: [twice, noise], conflictRule })).toEqual(
      await rowUnder({ parts: [twice, noise] }),
    );
  },
);

test("where another part meets them, the rule decides", async () => {
  const meeting: Use = { direction: "noise", scale: 0.1, layers: [2], priority: 1 };
  const under = (conflictRule: ConflictRule) => rowUnder({ parts: [twice, meeting], conflictRule });
  expect(await reasonOf(under(ConflictRule.ERROR))).toBe("INVALID_ARGUMENT");
  expect(await under(ConflictRule.PRIORITY)).toEqual(await rowUnder(meeting));
});
