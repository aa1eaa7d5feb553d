/** A steering service over simulated services with a small recipe, and a way to build it to the end. */
import { afterEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { connectTo } from "#kit/clients.ts";
import { type Build, SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { createSteeringService } from "../../../../services/steering/index.ts";
import { MODEL, simulate } from "./simulated-services.ts";
import { writeSmallRecipe } from "./small-recipe.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** A fresh service and store; removed after the test. */
export function setup(options: { gated?: boolean } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-build-"));
  directories.push(directory);
  const simulation = simulate();
  const recipesDir = writeSmallRecipe(join(directory, "recipes"), options);
  const storeDir = join(directory, "store");
  const start = () => {
    const room = createSteeringService({
      clients: simulation.clients,
      store: createArtifactStore(storeDir),
      recipesDir,
    });
    return { room, client: connectTo({ routes: room.routes }).client(SteeringService) };
  };
  return { simulation, start, storeDir, recipesDir, ...start() };
}

/** Its client. */
export type SteeringClient = ReturnType<typeof setup>["client"];

/** Builds the recipe; answers with all states seen. */
export async function build(client: SteeringClient, options: { force?: boolean } = {}): Promise<Build[]> {
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
