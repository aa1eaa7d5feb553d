/** Caps on stored edits hold, or are refused: of what nobody knows the dose of, and of additions that keep norms. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EditSchema, type SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { NormPolicy, OperationKind, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { f32Tensor } from "../../../services/steering/src/tensors.ts";
import { movedBy, planOutcome } from "./support/outcomes.ts";
import { fitTwoDirections, type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

type Use = MessageInitShape<typeof SteeringUseSchema>;
const BAD = "do bad thing number 300";
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await fitTwoDirections(stack);
  await stack.fit({ name: "conditional", method: "cast" });
  const { modelDigest, model } = stack;
  const row = new Float32Array(model.width);
  row[0] = 1;
  const operation = {
    ...{ site: Site.RESIDUAL, layer: 2, kind: OperationKind.ADD, vectors: f32Tensor([1, model.width], row) },
    ...{ normPolicy: NormPolicy.CAP, cap: 0.5 },
  };
  const edit = create(EditSchema, {
    ...{ method: "test", layers: model.layers, strengths: [{ coefficient: 1e4 }] },
    program: { modelDigest, operations: [operation] },
  });
  const data = toBinary(EditSchema, edit);
  await stack.client.putArtifact({ name: "capped", kind: ArtifactKind.EDIT, data, modelDigest });
});
afterAll(() => stack.close());

const outcome = (use: Use) => planOutcome(stack, BAD, use);
const moved = (use: Use) => movedBy(stack, BAD, use);
const capped: Use = { direction: "capped" };
const noise: Use = { direction: "noise", scale: 0.1 };

test("a clamp below an addition's own cap is the one that holds; one above it changes nothing", async () => {
  expect(await moved(capped)).toBeCloseTo(0.5, 3);
  expect(await moved({ ...(capped as object), clamp: true, cap: 0.1 })).toBeCloseTo(0.1, 3);
  expect(await moved({ parts: [capped], clamp: true, cap: 0.1 })).toBeCloseTo(0.1, 3);
  expect(await moved({ ...(capped as object), clamp: true })).toBeCloseTo(0.5, 3);
});

test("a cap without a clamp is refused for edits and rulesets, of the part that says it or of the whole", async () => {
  for (const direction of ["capped", "conditional"]) {
    expect(await outcome({ direction, cap: 0.1 })).toBe("UNSUPPORTED steering.cap");
    expect(await outcome({ parts: [noise, { direction, cap: 0.1 }] })).toBe(
      "UNSUPPORTED steering.parts[1].cap",
    );
    expect(await outcome({ parts: [noise, { direction }], cap: 0.1 })).toBe("UNSUPPORTED steering.cap");
    expect(await outcome({ parts: [noise, { direction }] })).toBe("accepted");
  }
});

test("an addition that keeps norms is limited by nothing less than that", async () => {
  const conditional = (more: object): Use => ({ direction: "conditional", clamp: true, ...more });
  expect(await outcome(conditional({ cap: 0.5 }))).toBe("UNSUPPORTED steering.clamp");
  expect(await outcome({ parts: [{ direction: "conditional" }, noise], clamp: true, cap: 0.5 })).toBe(
    "UNSUPPORTED steering.clamp",
  );
  expect(await outcome(conditional({ cap: 2 }))).toBe("accepted");
  expect(await outcome(conditional({}))).toBe("accepted");
});
