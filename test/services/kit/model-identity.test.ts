/** A model is read only as what was hashed: another file in its place, or a byte written meanwhile, is noticed. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, linkSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { fromConnectError } from "#kit/errors.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { checkServed, checkUnchanged, identityOfModel } from "#kit/model-identity.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { createTokenizerService } from "../../../services/tokenizer/index.ts";
import { bytePairMetadata, writeVocabulary } from "../../support/vocabularies.ts";
import { syntheticModel } from "../../support/synthetic-model.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trimtab-identity-"));
  path = join(directory, "model.gguf");
  writeFileSync(path, syntheticModel());
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Puts another file of the same size and the same times in its place. */
function replace(): void {
  const other = join(directory, "other");
  writeFileSync(other, syntheticModel({ seed: 2 }));
  utimesSync(path, 1, 1);
  utimesSync(other, 1, 1);
  renameSync(other, path);
}

test("A12 a file renamed into the place of another, or written, is not the one that was hashed", () => {
  const identity = identityOfModel(path);
  expect(() => checkUnchanged(path, identity)).not.toThrow();
  replace();
  expect(() => checkUnchanged(path, identity)).toThrow("changed");
  const second = identityOfModel(path);
  writeFileSync(path, syntheticModel({ seed: 3 }));
  utimesSync(path, 1, 1);
  expect(() => checkUnchanged(path, second)).toThrow("changed");
  rmSync(path);
  expect(() => checkUnchanged(path, second)).toThrow("changed");
});

test("A12 another link or other rights of a served model change no byte; a write whose time is set back does", () => {
  const long = 1;
  utimesSync(path, long, long);
  const served = {
    ...{ modelPath: path, quantize: null },
    ...{ digest: digestOfModel(path, null), identity: identityOfModel(path) },
  };
  linkSync(path, join(directory, "link"));
  chmodSync(path, 0o400);
  expect(() => checkUnchanged(path, served.identity)).toThrow("changed");
  expect(() => checkServed(served)).not.toThrow();
  chmodSync(path, 0o600);
  writeFileSync(path, syntheticModel({ seed: 3 }));
  utimesSync(path, long, long);
  expect(() => checkServed(served)).toThrow("changed");
  replace();
  expect(() => checkServed(served)).toThrow("changed");
});

test("A12 a file that is replaced while it is loaded is never served under the digest of the other", async () => {
  const digests = new Set<string>();
  for (let round = 0; round < 6; round++) {
    writeFileSync(path, syntheticModel());
    let isReplaced = false;
    const loading = createEngine({ modelPath: path, threads: 2 }, () => {
      if (!isReplaced) replace();
      isReplaced = true;
    });
    const engine = await loading.catch((error: unknown) => fromConnectError(error).reason);
    // Told of its progress after it was read, it may have been loaded whole before.
    if (typeof engine === "string") expect(engine).toBe("ARTIFACT_CORRUPT");
    else {
      digests.add(engine.model.digest);
      await engine.close();
    }
  }
  expect(digests.size).toBeLessThanOrEqual(1);
});

test("A12 the thread for long texts refuses another vocabulary in the place of the one that is served", async () => {
  const own = await writeVocabulary("identity", bytePairMetadata());
  const room = await createTokenizerService({ modelPath: own });
  const client = createClient(
    TokenizerService,
    createRouterTransport(room.routes, { router: { interceptors: serverInterceptors() } }),
  );
  await writeVocabulary("identity", bytePairMetadata({ "general.name": "another" }));
  const long = client.encode({ texts: ["a b c ".repeat(10_000)] }).then(() => "answered", fromConnectError);
  expect(await long).toMatchObject({ reason: "ARTIFACT_CORRUPT" });
  expect((await client.encode({ texts: ["a b c"] })).encodings[0]?.ids).toHaveLength(3);
  room.close();
  rmSync(own);
});
