/** A steering service over simulated services, with the small recipe and a store of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Activation, Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import { createSteeringService } from "../../../../services/steering/index.ts";
import { MODEL, simulate } from "./simulated-services.ts";
import { writeSmallRecipe } from "./small-recipe.ts";

/** Starts the service; `close` frees it and its directory. */
export function startSimulatedService() {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-steering-"));
  const { clients } = simulate();
  const recipesDir = writeSmallRecipe(join(directory, "recipes"));
  const store = createArtifactStore(join(directory, "store"));
  const room = createSteeringService({ clients, store, recipesDir });
  const client = connectTo({ routes: room.routes }).client(SteeringService);
  return {
    client,
    clients,
    routes: room.routes,
    async buildRecipe(): Promise<void> {
      const states = client.buildRecipe({ name: "refusal", modelDigest: MODEL, skipEvaluation: true });
      for await (const { build } of states) {
        if (build && build.failure !== "") throw new Error(build.detail);
      }
    },
    async close(): Promise<void> {
      await room.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** What taps read of a prompt, as the gateway would hand it to Plan. */
export async function readPrompt(
  { tokenizer, forward }: ReturnType<typeof simulate>["clients"],
  text: string,
  taps: Tap[],
): Promise<Activation[]> {
  const { ids } = await tokenizer.renderChat({
    messages: [{ role: "user", content: text }],
    addGenerationPrompt: true,
  });
  const activations: Activation[] = [];
  for await (const part of forward.capture({ modelDigest: MODEL, items: [{ ids }], taps }))
    activations.push(...part.activations);
  return activations;
}

/** Reason a call is refused with. */
export function reason(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "nothing refused",
    (error: unknown) => fromConnectError(error).reason,
  );
}
