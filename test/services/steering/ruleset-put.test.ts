/** Rulesets from outside: conditions that the model cannot be read by are refused when they are put, not at every request. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Ruleset, RulesetSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { Pooling, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { f32Tensor } from "../../../services/steering/src/tensors.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

let stack: SyntheticStack;
let bytes: Uint8Array;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await stack.fit({ name: "conditional", method: "cast" });
  ({ bytes } = stack.store.get("conditional"));
});
afterAll(() => stack.close());

type Condition = Ruleset["conditions"][number];
/** Puts the fitted ruleset with another condition, and asks what it needs. */
async function put(name: string, change: (condition: Condition) => void): Promise<void> {
  const ruleset = fromBinary(RulesetSchema, bytes);
  for (const condition of ruleset.conditions) change(condition);
  const { modelDigest } = stack;
  const data = toBinary(RulesetSchema, ruleset);
  await stack.client.putArtifact({ name, kind: ArtifactKind.RULESET, data, modelDigest });
}
const ones = (dim: number) => f32Tensor([1, dim], new Float32Array(dim).fill(1));

test("a condition on a block, a site or a width that the model does not have is refused by its field", async () => {
  const { layers, width } = stack.model;
  const refused: [(condition: Condition) => void, string][] = [
    [(condition) => (condition.layer = layers), "FIELD_OUT_OF_RANGE"],
    [(condition) => (condition.vector = ones(width + 1)), "SHAPE_MISMATCH"],
    [(condition) => (condition.site = Site.UNSPECIFIED), "FIELD_OUT_OF_RANGE"],
    [(condition) => (condition.site = 77 as Site), "FIELD_OUT_OF_RANGE"],
    [(condition) => ((condition.site = Site.NEURONS), (condition.vector = ones(width))), "SHAPE_MISMATCH"],
  ];
  for (const [change, reason] of refused) expect(await reasonOf(put("bad", change))).toBe(reason);
});

test("what can be read is stored, and decides", async () => {
  const { heads, headDim, layers } = stack.model;
  await put("heads", (condition) => {
    condition.site = Site.HEADS;
    condition.layer = layers - 1;
    condition.pooling = Pooling.LAST;
    condition.vector = ones(heads * headDim);
  });
  const { report } = await stack.plan("do bad thing number 300", { direction: "heads" });
  expect([0, 1]).toContain(report?.gate as number);
});
