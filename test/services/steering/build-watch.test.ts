// Builds under several eyes: attaching, busy readers, leaving, cancelling.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { type Build, BuildState, type Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { createBuilds } from "../../../services/steering/src/build/builds.ts";
import { fetchModel } from "../../../services/steering/src/model.ts";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

/** The registry of builds without the service around it, and what to ask it for. */
async function registry() {
  const { simulation, storeDir, recipesDir, room } = setup();
  const builds = createBuilds(simulation.clients, createArtifactStore(storeDir));
  const model = await fetchModel(simulation.clients, MODEL, {});
  const recipe = readRecipe(join(recipesDir, "refusal"));
  const close = () => Promise.all([builds.close(), room.close()]);
  const request = { model, recipe, force: false, skipEvaluation: false };
  return { builds, request, simulation, storeDir, close };
}

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

test("a reader that is busy while the build ends still sees the end", async () => {
  const { client, room } = setup();
  await build(client);
  let last: Build | undefined;
  for await (const { build: state } of client.buildRecipe({ name: "refusal", modelDigest: MODEL })) {
    last = state;
    while (state?.id && (await client.getBuild({ id: state.id })).build?.state === BuildState.RUNNING);
  }
  expect(last?.state).toBe(BuildState.SUCCEEDED);
  await room.close();
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

test("who asks for a build while another takes it back has it built", async () => {
  const { builds, request, simulation, close } = await registry();
  const gate = Promise.withResolvers<void>();
  simulation.before = () => gate.promise;
  const id = builds.start(request);
  const cancelling = builds.cancel(id);
  expect(builds.start(request)).toBe(id);
  gate.resolve();
  expect((await cancelling).state).toBe(BuildState.CANCELLED);
  const states: BuildState[] = [];
  for await (const { state } of builds.watch(id, new AbortController().signal)) states.push(state);
  expect([...new Set(states)]).toEqual([BuildState.RUNNING, BuildState.SUCCEEDED]);
  await close();
});

test("a build without evaluation that ends after an evaluated one leaves its evidence, and no steps", async () => {
  const { builds, request, simulation, storeDir, close } = await registry();
  const [held, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const last = async (id: string): Promise<Build | undefined> => {
    let seen: Build | undefined;
    for await (const build of builds.watch(id, new AbortController().signal)) seen = build;
    return seen;
  };
  simulation.before = () => {
    simulation.before = () => {};
    held.resolve();
    return gate.promise;
  };
  const slow = builds.start({ ...request, skipEvaluation: true });
  await held.promise;
  const evaluated = (await last(builds.start(request)))?.recipe;
  expect(evaluated?.evaluation?.cells).not.toEqual([]);
  gate.resolve();
  expect((await last(slow))?.recipe).toEqual(evaluated as Recipe);
  const store = createArtifactStore(storeDir);
  expect(store.list({ kind: ArtifactKind.RECIPE }).map(({ digest }) => `refusal@${digest}`)).toEqual([
    evaluated?.resolved ?? "",
  ]);
  const steps = store.list({ kind: ArtifactKind.FINDING }).filter(({ name }) => name.startsWith("build."));
  expect(steps).toEqual([]);
  await close();
});

test("a reader of a build leaves nothing behind, however often it looked", async () => {
  const { builds, request, close } = await registry();
  const { signal } = new AbortController();
  let listeners = 0;
  let most = 0;
  const counted = new Proxy(signal, {
    get(target, key) {
      if (key === "addEventListener") return () => void (most = Math.max(most, ++listeners));
      if (key === "removeEventListener") return () => void listeners--;
      return Reflect.get(target, key, target) as unknown;
    },
  });
  for await (const _ of builds.watch(builds.start(request), counted));
  expect([listeners, most]).toEqual([0, 1]);
  await close();
});
