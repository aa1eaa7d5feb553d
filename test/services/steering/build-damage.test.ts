// Damaged artifacts of builds: the list still tells of the others, and a build that is asked for again mends what is broken.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { fromConnectError } from "#kit/errors.ts";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("a damaged recipe does not hide the others from a list, and counts as not built", async () => {
  const { client, room, storeDir } = setup();
  await build(client);
  const store = createArtifactStore(storeDir);
  const [own] = store.list({ kind: ArtifactKind.RECIPE });
  const odd = {
    ...JSON.parse(new TextDecoder().decode(store.get(own?.name ?? "").bytes)),
    evaluation: { odd: 1 },
  };
  for (const [name, text] of [
    ["odd.0000", JSON.stringify({ ...odd, name: "odd" })],
    ["no-json.0000", "{"],
    ["no-recipe.0000", '{"format": 4}'],
    ["lost.0000", "{}"],
  ] as const) {
    const { file } = store.put({ name, kind: ArtifactKind.RECIPE, bytes: bytesOf(text), modelDigest: MODEL });
    if (name === "lost.0000") writeFileSync(join(storeDir, "objects", file), "x");
  }
  const listed = async () => (await client.listRecipes({})).recipes.map(({ name, built }) => [name, built]);
  expect(await listed()).toEqual([["refusal", true]]);
  writeFileSync(join(storeDir, "objects", own?.file ?? ""), "x");
  expect(await listed()).toEqual([["refusal", false]]);
  await room.close();
});

test("whatever of a built recipe is damaged, the same build asked for again makes it whole", async () => {
  const { client, room, storeDir } = setup();
  const whole = (await build(client)).at(-1)?.recipe?.resolved;
  const store = createArtifactStore(storeDir);
  const records = store.list();
  expect(records.map(({ name }) => name.split(".")[1]).sort()).toEqual(
    ["abababababab", "controller", "direction", "ending", "paper", "search"].sort(),
  );
  for (const { name, kind } of records) {
    writeFileSync(join(storeDir, "objects", store.resolve(name).file), "x");
    // A search is found by builds alone; all else is what the recipe pins, or the recipe.
    if (kind !== ArtifactKind.FINDING) {
      const again = (await build(client)).at(-1);
      expect([again?.detail, again?.state, again?.recipe?.resolved]).toEqual([
        "",
        BuildState.SUCCEEDED,
        whole,
      ]);
      expect(store.get(name).bytes.length).toBeGreaterThan(1);
    }
  }
  const steering = { recipe: "refusal", forceGate: 1 };
  const planned = client
    .plan({ modelDigest: MODEL, steering })
    .catch((error: unknown) => fromConnectError(error));
  expect(await planned).toMatchObject({ report: { gate: 1 } });
  await room.close();
});
