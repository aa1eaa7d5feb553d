// Builds under several eyes: attaching, busy readers, leaving, cancelling.
import { expect, test } from "bun:test";
import { type Build, BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

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
