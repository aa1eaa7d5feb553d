/** Curves of doses in nats are those of what is used: another head under the same name has its own. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Resolved } from "../../../services/steering/src/library.ts";
import { createNatsScales, type NatsParts } from "../../../services/steering/src/nats/scales.ts";

const modelDigest = "ab".repeat(32);

/** Name under which the curve of a use is looked for. */
async function nameOf(head: string | undefined): Promise<string> {
  const looked: string[] = [];
  const store = {
    get(name: string) {
      looked.push(name);
      throw new TrimtabError("ARTIFACT_NOT_FOUND", "nothing is kept");
    },
  };
  const forward = { getModel: () => Promise.reject(new TrimtabError("MODEL_NOT_LOADED", "no model here")) };
  const scales = createNatsScales({
    store,
    clients: { forward },
    recipes: new Map(),
  } as unknown as NatsParts);
  const use = create(SteeringUseSchema, {
    ...{ recipe: "r", weights: { arm: "mean", head: "trained" } },
    dose: { dose: { case: "nats", value: 0.1 } },
  });
  const found = { resolved: "r@sha256:0", ...(head && { head }) } as Resolved;
  await expect(scales.scaled(use, found, modelDigest)).rejects.toThrow("no model here");
  return looked[0] as string;
}

test("one head, one curve; another head, another curve", async () => {
  expect(await nameOf("sha256:1")).toBe(await nameOf("sha256:1"));
  expect(await nameOf("sha256:1")).not.toBe(await nameOf("sha256:2"));
});
