/** A fitted artifact whose bytes are damaged is fitted again by the same request, and is whole after it. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { setup } from "./support/build-setup.ts";
import { MODEL as modelDigest } from "./support/simulated-services.ts";

test("the same fit heals what it had made", async () => {
  const { client, room, storeDir } = setup();
  const order = { modelDigest, name: "fitted", method: "response_contrast", recipe: "refusal" };
  const fit = async () => {
    for await (const { event } of client.fitArtifact(order))
      if (event.case === "artifact") return event.value;
    return undefined;
  };
  const made = await fit();
  const store = createArtifactStore(storeDir);
  const whole = store.get("fitted").bytes;
  writeFileSync(join(storeDir, "objects", store.resolve("fitted").file), "x");
  expect(await fit()).toMatchObject({ digest: made?.digest as string });
  expect(store.get("fitted").bytes).toEqual(whole);
  await room.close();
});
