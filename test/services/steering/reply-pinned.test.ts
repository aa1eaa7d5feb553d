/** A built recipe replies with the words it was built and evaluated with, whatever became of its files since. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { build, type SteeringClient, setup } from "./support/build-setup.ts";
import { MODEL as modelDigest } from "./support/simulated-services.ts";

const OWN = "I cannot do that 0";
async function replyOf(client: SteeringClient, recipe: string): Promise<string | undefined> {
  const steering = { recipe, mode: "reply", forceGate: 1 };
  return (await client.plan({ modelDigest, steering })).report?.reply;
}

test("a pinned recipe gives one reply, and one built before replies were kept gives that of its files", async () => {
  const { client, room, start, recipesDir, storeDir } = setup();
  const resolved = (await build(client)).at(-1)?.recipe?.resolved ?? "";
  expect(await replyOf(client, resolved)).toBe(OWN);
  await room.close();
  const file = join(recipesDir, "refusal", "refusals.jsonl");
  writeFileSync(file, readFileSync(file, "utf8").replace(OWN, "Certainly not"));
  const second = start();
  expect(await replyOf(second.client, resolved)).toBe(OWN);
  expect(await replyOf(second.client, "refusal")).toBe(OWN);
  const store = createArtifactStore(storeDir);
  const [record] = store.list({ kind: ArtifactKind.RECIPE });
  const { reply, ...before } = JSON.parse(new TextDecoder().decode(store.get(record?.name ?? "").bytes));
  expect(reply).toBe(OWN);
  const bytes = new TextEncoder().encode(JSON.stringify(before));
  store.put({ name: record?.name ?? "", kind: ArtifactKind.RECIPE, bytes, modelDigest, replace: true });
  expect(await replyOf(second.client, "refusal")).toBe("Certainly not");
  await second.room.close();
});
