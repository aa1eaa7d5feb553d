/** What another version of the code has made is made again: by the version of a recipe's method, and by how many answers were asked for. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { keptAnswers } from "../../../services/steering/src/build/kept.ts";
import { METHODS } from "../../../services/steering/src/methods/index.ts";
import { createSteps } from "../../../services/steering/src/work/steps.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

test("a recipe whose method has another version since is built anew, and a direction of before is not taken for it", async () => {
  const { recipesDir, room, start, simulation } = setup();
  await room.close();
  const file = join(recipesDir, "refusal", "recipe.toml");
  writeFileSync(file, readFileSync(file, "utf8").replace("response_contrast", "pairwise_pca"));
  const { client, room: second } = start();
  const captures = async () => {
    simulation.calls.clear();
    await build(client);
    return simulation.calls.get("capture") ?? 0;
  };
  const whole = await captures();
  expect(await captures()).toBe(0);
  const method = METHODS.pairwise_pca as { version: number };
  method.version++;
  try {
    expect(await captures()).toBeGreaterThan(whole / 2);
  } finally {
    method.version--;
  }
  await second.close();
});

test("kept answers of another number of jobs are nobody's", async () => {
  const { storeDir, simulation, room } = setup();
  const steps = createSteps(createArtifactStore(storeDir), "build", "ab".repeat(32), MODEL);
  const scope = { signal: new AbortController().signal, spend: () => undefined };
  const context = { clients: simulation.clients, model: { digest: MODEL }, scope, steps };
  const answer = (count: number) =>
    keptAnswers(
      context as unknown as Parameters<typeof keptAnswers>[0],
      "step",
      Array.from({ length: count }, () => ({ ids: [1, 2], replayLast: false })),
      4,
    );
  expect(await answer(3)).toHaveLength(3);
  expect(await answer(2)).toHaveLength(2);
  await room.close();
});
