/** Tokenizers loaded and unloaded while the service ran, when it is started again. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createTokenizerService } from "../../../services/tokenizer/index.ts";

setDefaultTimeout(120_000);
const directory = mkdtempSync(join(tmpdir(), "trimtab-loaded-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function start(loadedFile = join(directory, "loaded.json")) {
  const room = await createTokenizerService({ modelPath: defaultModelPath(), loadedFile });
  return { room, client: connectTo({ routes: room.routes }).client(TokenizerService) };
}

test("a restart has the tokenizers that were loaded, and not one that was unloaded", async () => {
  const before = await start();
  const source = basename(defaultModelPath());
  const { modelDigest: first } = await before.client.loadModel({ source });
  const { modelDigest: second } = await before.client.loadModel({ source, quantize: "q8_0" });
  expect(second).not.toBe(first);
  await before.client.unloadModel({ modelDigest: first });
  before.room.close();

  const { room, client } = await start();
  const { encodings } = await client.encode({ modelDigest: second, texts: ["hello"] });
  expect(encodings[0]?.ids).toHaveLength(1);
  expect(await reasonOf(client.encode({ modelDigest: first, texts: ["hello"] }))).toBe("MODEL_NOT_FOUND");
  room.close();
});

test("a load or unload that cannot be kept is not done, whoever asks next", async () => {
  const home = join(directory, "home");
  mkdirSync(home);
  const { room, client } = await start(join(home, "loaded.json"));
  const source = basename(defaultModelPath());
  const [first, second] = [null, "q8_0" as const].map((type) => digestOfModel(defaultModelPath(), type));
  const encode = (modelDigest = "") => reasonOf(client.encode({ modelDigest, texts: ["hello"] }));
  rmSync(home, { recursive: true });
  expect(await reasonOf(client.loadModel({ source, quantize: "q8_0" }))).toBe("SERVICE_UNAVAILABLE");
  expect(await encode(second)).toBe("MODEL_NOT_FOUND");
  expect(await reasonOf(client.unloadModel({ modelDigest: first }))).toBe("SERVICE_UNAVAILABLE");
  expect(await encode(first)).toBe("none");
  mkdirSync(home);
  expect(await reasonOf(client.loadModel({ source, quantize: "q8_0" }))).toBe("none");
  expect(await encode(second)).toBe("none");
  room.close();
});

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "none",
    (error: unknown) => fromConnectError(error).reason,
  );
