// Builds against simulated services: phases, resuming, failing.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { inputsKey } from "../../../services/steering/src/build/context.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

test("a build separates, steers and measures", async () => {
  const { client, room } = setup();
  const last = (await build(client)).at(-1);
  expect(last?.detail).toBe("");
  expect(last?.state).toBe(BuildState.SUCCEEDED);
  const evaluation = last?.recipe?.evaluation;
  const rate = (prompts: string, arm: string) =>
    evaluation?.cells.find((cell) => cell.prompts === prompts && cell.arm === arm)?.rate?.rate;
  expect(rate("harmful", "base")).toBe(0);
  expect(rate("harmful", "steered")).toBe(1);
  expect(rate("harmless", "steered")).toBe(0);
  expect(evaluation?.gate.find(({ set }) => set === "test")?.auroc).toBe(1);
  expect(evaluation?.perplexityRatio).toBe(1);
  expect(evaluation?.perplexityRatioForcedOpen).toBeGreaterThan(1);
  // The search left the candidate that does nothing and the one that breaks the model.
  expect(last?.recipe?.layers).toEqual([2, 3, 4]);
  expect(last?.recipe?.course).toMatchObject({ start: 2, holdTokens: 3, rest: 0.25 });
  const listed = await client.listRecipes({ modelDigest: MODEL });
  expect(listed.recipes.map(({ name, built, resolved }) => [name, built, resolved])).toEqual([
    ["refusal", true, last?.recipe?.resolved ?? ""],
  ]);
  await room.close();
});

test("a build that was killed between phases goes on where it stopped", async () => {
  const { client, room, simulation, start } = setup();
  const beforeSession = Promise.withResolvers<void>();
  simulation.before = (call) => {
    if (call !== "session") return;
    beforeSession.resolve();
    throw new Error("killed");
  };
  const failed = (await build(client)).at(-1);
  await beforeSession.promise;
  expect(failed?.state).toBe(BuildState.FAILED);
  await room.close();
  simulation.before = () => {};
  const second = start();
  const captures = simulation.calls.get("capture") ?? 0;
  expect((await build(second.client)).at(-1)?.state).toBe(BuildState.SUCCEEDED);
  const first = setup();
  await build(first.client);
  const saved =
    (first.simulation.calls.get("capture") ?? 0) - ((simulation.calls.get("capture") ?? 0) - captures);
  expect(saved).toBe(captures);
  await second.room.close();
  await first.room.close();
});

test("C4 a failed build leaves nothing half written", async () => {
  const { client, room, simulation, storeDir } = setup();
  simulation.before = (call) => {
    if (call === "session") throw new Error("killed");
  };
  await build(client);
  const { artifacts } = await client.listArtifacts({});
  expect(artifacts.map(({ name }) => name.split(".")[1]).sort()).toEqual(["direction", "ending", "paper"]);
  for (const { name } of artifacts)
    for await (const part of client.getArtifact({ reference: name }))
      expect(part.chunk.length).toBeGreaterThan(0);
  expect(readdirSync(join(storeDir, "objects")).filter((name) => !name.startsWith("sha256-"))).toEqual([]);
  await room.close();
});

test("what another version built counts as not built, and is built again without force", async () => {
  const { client, room, storeDir } = setup();
  const built = (await build(client)).at(-1)?.recipe?.resolved;
  const store = createArtifactStore(storeDir);
  const record = store.list({ kind: ArtifactKind.RECIPE })[0];
  const artifact = JSON.parse(new TextDecoder().decode(store.get(record?.name ?? "").bytes));
  const put = (changed: object) =>
    store.put({
      name: record?.name ?? "",
      kind: ArtifactKind.RECIPE,
      bytes: new TextEncoder().encode(JSON.stringify({ ...artifact, ...changed })),
      modelDigest: MODEL,
      madeFrom: {},
      replace: true,
    });
  put({ format: 1 });
  expect((await client.listRecipes({})).recipes.map((recipe) => recipe.built)).toEqual([false]);
  expect((await build(client)).at(-1)?.recipe?.resolved).toBe(built as string);
  // A recipe of the same inputs under an earlier format of builds has another key.
  expect(inputsKey([], 1)).not.toBe(inputsKey([]));
  put({ buildId: "0".repeat(64) });
  expect((await build(client)).at(-1)?.recipe?.resolved).toBe(built as string);
  await room.close();
});
