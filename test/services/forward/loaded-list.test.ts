/** Models loaded and unloaded while the service ran, when it is started again. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, reasonOf, startForward } from "../../support/forward-service.ts";
import { syntheticModel } from "../../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const directory = mkdtempSync(join(tmpdir(), "trimtab-loaded-"));
const loadedFile = join(directory, "loaded.json");
afterAll(() => rmSync(directory, { recursive: true }));

const start = () => startForward({ modelDirectories: [directory], loadedFile });
const namesOf = async ({ client }: Awaited<ReturnType<typeof start>>) =>
  (await client.listModels({})).models.filter(({ loaded }) => loaded).map(({ name }) => name);

test("a restart loads what was loaded, as it was, and not what was unloaded or changed since", async () => {
  for (const [seed, name] of ["second", "third"].entries())
    writeFileSync(join(directory, `${name}.gguf`), syntheticModel({ seed: seed + 70 }));
  const before = await start();
  const [first] = (await before.client.listModels({})).models.filter(({ loaded }) => loaded);
  await loadModel(before.client, { source: "second", quantize: "q8_0" });
  await loadModel(before.client, { source: "third" });
  await before.client.unloadModel({ modelDigest: first?.digest ?? "" });
  await before.service.close();

  const after = await start();
  expect(await namesOf(after)).toEqual(["second.Q8_0", "third"]);
  await after.service.close();

  writeFileSync(join(directory, "third.gguf"), syntheticModel({ seed: 99 }));
  const changed = await start();
  expect(await namesOf(changed)).toEqual(["second.Q8_0"]);
  await changed.service.close();
});

test("a list that is none is refused, not taken for an empty one", async () => {
  writeFileSync(loadedFile, '{"models": [{"path": 1}]}');
  await expect(start()).rejects.toThrow("no list of loaded models");
});

test("a model that is still being loaded when the service closes is not loaded, and not listed", async () => {
  rmSync(loadedFile);
  writeFileSync(join(directory, "last.gguf"), syntheticModel({ seed: 75 }));
  const closing = await start();
  const loading = reasonOf(loadModel(closing.client, { source: "last" }));
  await Promise.resolve();
  const before = readFileSync(loadedFile, "utf8");
  await closing.service.close();
  expect(await loading).toBe("SERVICE_UNAVAILABLE");
  expect(closing.service.models()).toEqual([]);
  expect(readFileSync(loadedFile, "utf8")).toBe(before);
});

test("a load or unload that cannot be kept is not done, whoever asks next", async () => {
  const home = join(directory, "home");
  mkdirSync(home);
  const service = await startForward({
    modelDirectories: [directory],
    loadedFile: join(home, "loaded.json"),
  });
  const loaded = await namesOf(service);
  const [first] = (await service.client.listModels({})).models.filter((model) => model.loaded);
  writeFileSync(join(directory, "fourth.gguf"), syntheticModel({ seed: 74 }));
  rmSync(home, { recursive: true });
  expect(await reasonOf(loadModel(service.client, { source: "fourth" }))).toBe("SERVICE_UNAVAILABLE");
  const unloading = service.client.unloadModel({ modelDigest: first?.digest ?? "" });
  expect(await reasonOf(unloading)).toBe("SERVICE_UNAVAILABLE");
  expect(await namesOf(service)).toEqual(loaded);
  mkdirSync(home);
  await loadModel(service.client, { source: "fourth" });
  expect(await namesOf(service)).toEqual([...loaded, "fourth"]);
  await service.service.close();
});
