/** A judge that could never find the behaviour is refused before anything is computed, and those of our recipes can. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { readRecipes } from "../../../services/steering/src/recipes/recipe.ts";
import { createVerifierService } from "../../../services/verifier/index.ts";
import { build, setup } from "./support/build-setup.ts";

test.each([
  [
    "a label that its verifier never gives",
    'label = "policy_refusal"',
    'label = "policy_refusla"',
    "judge.label",
    "policy_refusal",
  ],
  [
    "a verifier that is not there",
    'verifier = "refusal"',
    'verifier = "refusla"',
    "judge.verifier",
    "refusal",
  ],
])("a judge of %s is refused, naming what there is", async (_, right, wrong, field, known) => {
  const { simulation, start, recipesDir, room: before } = setup();
  await before.close();
  const path = join(recipesDir, "refusal", "recipe.toml");
  writeFileSync(path, readFileSync(path, "utf8").replace(right, wrong));
  const { client, room } = start();
  const last = (await build(client)).at(-1);
  expect(last).toMatchObject({ state: BuildState.FAILED, failure: "ARTIFACT_INVALID" });
  expect(last?.detail).toStartWith(`${field}: `);
  expect(last?.detail).toContain(known);
  expect([...simulation.calls.keys()]).not.toContain("capture");
  await room.close();
});

test("the judges of all our recipes give the labels that count", async () => {
  const service = createVerifierService();
  const { verifiers } = await connectTo({ routes: service.routes }).client(VerifierService).listVerifiers({});
  for (const { settings } of readRecipes([
    join(import.meta.dir, "../../../services/steering/recipes"),
  ]).values()) {
    const found = verifiers.find(({ name }) => name === settings.judge.verifier);
    expect(found?.labels).toContain(settings.judge.label);
  }
  service.close();
});
