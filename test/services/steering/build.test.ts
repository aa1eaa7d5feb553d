// Builds against simulated services: phases, resuming, attaching, cancelling.
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { connectTo } from "#kit/clients.ts";
import { type Build, BuildState, SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { createSteeringService } from "../../../services/steering/index.ts";
import { MODEL, simulate } from "./support/simulated-services.ts";
import { writeSmallRecipe } from "./support/small-recipe.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function setup() {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-build-"));
  directories.push(directory);
  const simulation = simulate();
  const recipesDir = writeSmallRecipe(join(directory, "recipes"));
  const storeDir = join(directory, "store");
  const start = () => {
    const room = createSteeringService({
      clients: simulation.clients,
      store: createArtifactStore(storeDir),
      recipesDir,
    });
    return { room, client: connectTo({ routes: room.routes }).client(SteeringService) };
  };
  return { simulation, start, storeDir, ...start() };
}

type SteeringClient = ReturnType<typeof setup>["client"];

async function build(client: SteeringClient, options: { force?: boolean } = {}): Promise<Build[]> {
  const states: Build[] = [];
  for await (const { build: state } of client.buildRecipe({
    name: "refusal",
    modelDigest: MODEL,
    ...options,
  })) {
    if (state) states.push(state);
  }
  return states;
}

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

test("a failed build leaves nothing half written", async () => {
  const { client, room, simulation, storeDir } = setup();
  simulation.before = (call) => {
    if (call === "session") throw new Error("killed");
  };
  await build(client);
  const { artifacts } = await client.listArtifacts({});
  expect(artifacts.map(({ name }) => name.split(".")[1]).sort()).toEqual(["direction", "paper"]);
  for (const { name } of artifacts)
    for await (const part of client.getArtifact({ reference: name }))
      expect(part.chunk.length).toBeGreaterThan(0);
  expect(readdirSync(join(storeDir, "objects")).filter((name) => !name.startsWith("sha256-"))).toEqual([]);
  await room.close();
});

test("two requests for one build share it, a third after it costs nothing", async () => {
  const { client, room, simulation } = setup();
  const [a, b] = await Promise.all([build(client), build(client)]);
  expect(a.at(-1)?.id).toBe(b.at(-1)?.id as string);
  expect(a.at(-1)?.recipe?.resolved).toBe(b.at(-1)?.recipe?.resolved as string);
  const calls = new Map(simulation.calls);
  await build(client);
  expect(simulation.calls).toEqual(calls);
  const alone = setup();
  await build(alone.client);
  expect(alone.simulation.calls).toEqual(calls);
  await room.close();
  await alone.room.close();
});

test("leaving the progress does not cancel, CancelBuild does", async () => {
  const { client, room, simulation } = setup();
  const gate = Promise.withResolvers<void>();
  simulation.before = () => gate.promise;
  const abort = new AbortController();
  let id = "";
  const watching = (async () => {
    for await (const state of client.buildRecipe(
      { name: "refusal", modelDigest: MODEL },
      { signal: abort.signal },
    )) {
      id = state.build?.id ?? "";
      abort.abort();
    }
  })();
  await expect(watching).rejects.toThrow();
  expect((await client.getBuild({ id })).build?.state).toBe(BuildState.RUNNING);
  const cancelling = client.cancelBuild({ id });
  gate.resolve();
  expect((await cancelling).build?.state).toBe(BuildState.CANCELLED);
  expect((await client.listArtifacts({})).artifacts).toEqual([]);
  await room.close();
});
