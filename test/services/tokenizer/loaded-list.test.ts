/** Tokenizers loaded and unloaded while the service ran, when it is started again. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createTokenizerService } from "../../../services/tokenizer/index.ts";

setDefaultTimeout(60_000);
const directory = mkdtempSync(join(tmpdir(), "trimtab-loaded-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function start() {
  const loadedFile = join(directory, "loaded.json");
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
  const refused = client.encode({ modelDigest: first, texts: ["hello"] });
  expect(
    await refused.then(
      () => "none",
      (error: unknown) => fromConnectError(error).reason,
    ),
  ).toBe("MODEL_NOT_FOUND");
  room.close();
});
