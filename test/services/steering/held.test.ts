/** A recipe that newer ones push out of memory stays open for whoever still decides with it, and is closed after that. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { CACHE_LIMITS } from "../../../services/steering/limits.ts";
import { createDecider } from "../../../services/steering/src/decider.ts";
import { createShelf } from "../../../services/steering/src/held.ts";
import { createLibrary } from "../../../services/steering/src/library.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL as modelDigest } from "./support/simulated-services.ts";
import { readPrompt } from "./support/simulated-steering.ts";

test("a plan under way ends with the controller it began with, though sixteen other recipes came in between", async () => {
  const { client, room, storeDir, simulation } = setup();
  await build(client);
  await room.close();
  const store = createArtifactStore(storeDir);
  const library = createLibrary(store, new Set(["refusal"]));
  const use = create(SteeringUseSchema, { recipe: "refusal" });
  const found = await library.resolve(use, modelDigest);
  const decider = createDecider(found.deciding, use);
  const [record] = store.list({ kind: ArtifactKind.RECIPE });
  const recipe = JSON.parse(new TextDecoder().decode(store.get(record?.name ?? "").bytes));
  for (let n = 0; n <= CACHE_LIMITS.artifacts; n++) {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...recipe, description: `Version ${n}.` }));
    store.put({ name: record?.name ?? "", kind: ArtifactKind.RECIPE, bytes, modelDigest, replace: true });
    (await library.resolve(use, modelDigest)).letGo?.();
  }
  const activations = await readPrompt(simulation.clients, "do bad thing number 5", [...decider.taps]);
  expect((await decider.decide(activations)).gate).toBeGreaterThan(0.9);
  found.letGo();
  const isOpen = () => decider.decide(activations).then(Boolean, () => false);
  while (await isOpen()) await Bun.sleep(1);
  await library.close();
});

test("a value is loaded once, closed once, and loaded again where it could not be", async () => {
  const log: string[] = [];
  const shelf = createShelf<string>(1, async (value) => void log.push(`close ${value}`));
  const load = (value: string) => async () => (log.push(`load ${value}`), value);
  const [first, again] = await Promise.all([shelf.hold("a", load("a")), shelf.hold("a", load("a"))]);
  const second = await shelf.hold("b", load("b"));
  expect(log).toEqual(["load a", "load b"]);
  first.letGo();
  first.letGo();
  expect(log).toEqual(["load a", "load b"]);
  again.letGo();
  second.letGo();
  await shelf.close();
  expect(log).toEqual(["load a", "load b", "close a", "close b"]);
  await expect(shelf.hold("c", () => Promise.reject(new Error("damaged")))).rejects.toThrow("damaged");
  expect((await shelf.hold("c", load("c"))).value).toBe("c");
});
