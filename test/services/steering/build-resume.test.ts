// A build that was killed in the middle of a phase finds what it had generated and read, and leaves nothing else behind.
import { expect, test } from "bun:test";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { BUILD_LIMITS } from "../../../services/steering/limits.ts";
import { keptFeatures } from "../../../services/steering/src/build/kept.ts";
import type { ModelShape } from "../../../services/steering/src/clients.ts";
import { readFeatures } from "../../../services/steering/src/work/features.ts";
import { createSteps } from "../../../services/steering/src/work/steps.ts";
import { build, setup } from "./support/build-setup.ts";
import { LAYERS, MODEL, WIDTH } from "./support/simulated-services.ts";

/** Builds; the session with this number fails, as all after it. */
async function counted(most = Number.POSITIVE_INFINITY, begun = setup()) {
  const { simulation, client } = begun;
  let sessions = 0;
  simulation.before = (call) => {
    if (call === "session" && ++sessions > most) throw new Error("killed");
  };
  const last = (await build(client)).at(-1);
  return { begun, last, sessions };
}

const leftovers = (storeDir: string) =>
  createArtifactStore(storeDir)
    .list({ kind: ArtifactKind.FINDING })
    .filter(({ name }) => name.startsWith("build."));

test("killed at its last answers, a build generates those alone when it is asked for again", async () => {
  const whole = await counted();
  expect(whole.last?.state).toBe(BuildState.SUCCEEDED);
  expect(leftovers(whole.begun.storeDir)).toEqual([]);
  const killed = await counted(whole.sessions - 1);
  expect(killed.last?.state).toBe(BuildState.FAILED);
  expect(leftovers(killed.begun.storeDir).length).toBeGreaterThan(0);
  await killed.begun.room.close();
  const again = { ...killed.begun, ...killed.begun.start() };
  const rest = await counted(undefined, again);
  expect(rest.last?.recipe?.resolved).toBe(whole.last?.recipe?.resolved ?? "");
  expect(rest.sessions).toBe(1);
  expect(leftovers(again.storeDir)).toEqual([]);
  await whole.begun.room.close();
  await again.room.close();
});

test("features that were read before a build was killed are not read again", async () => {
  const { simulation, storeDir, room } = setup();
  const model = { digest: MODEL, layers: LAYERS, width: WIDTH } as ModelShape;
  const scope = { signal: new AbortController().signal, spend: () => {} };
  const steps = createSteps(createArtifactStore(storeDir), "build", "ab".repeat(32), MODEL);
  const context = { clients: simulation.clients, model, scope, steps };
  const { encodings } = await simulation.clients.tokenizer.encode({
    texts: Array.from({ length: BUILD_LIMITS.keptFeatures + BUILD_LIMITS.batchItems }, (_, i) => `bad ${i}`),
  });
  const texts = encodings.map(({ ids }) => ({ ids, first: 0 }));
  const plain = await readFeatures(simulation.clients, model, texts, scope);
  const calls = () => simulation.calls.get("capture") ?? 0;
  const before = calls();
  simulation.before = () => {
    if (calls() - before > BUILD_LIMITS.keptFeatures / BUILD_LIMITS.batchItems) throw new Error("killed");
  };
  await expect(keptFeatures(context, "features", texts)).rejects.toThrow();
  simulation.before = () => {};
  const killed = calls();
  expect(await keptFeatures(context, "features", texts)).toEqual(plain);
  expect(calls() - killed).toBe(1);
  await room.close();
});
