/** Hashing a model in a thread: the digest, or a reason, and never silence. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fromConnectError } from "#kit/errors.ts";
import { sha256Hex } from "#kit/files.ts";
import { hashInThread } from "../../../services/tokenizer/src/digest-thread.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-digest-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "model.gguf");
writeFileSync(path, "a model");
const failed = (work: Promise<string>) => work.then(() => undefined, fromConnectError);

test("the digest of a file is that of its bytes, and what is not there is refused by name", async () => {
  expect(await hashInThread({ path, quantize: null })).toBe(sha256Hex(new TextEncoder().encode("a model")));
  const missing = { path: join(directory, "missing.gguf"), quantize: null };
  expect(await failed(hashInThread(missing))).toMatchObject({ reason: "ARTIFACT_NOT_FOUND" });
});

test("a thread that never starts is given up", async () => {
  const silent = join(directory, "silent.ts");
  writeFileSync(silent, "await new Promise(() => {});\nexport {};\n");
  const given = await failed(
    hashInThread({ path, quantize: null }, { program: pathToFileURL(silent), startMs: 200 }),
  );
  expect(given).toMatchObject({ reason: "SERVICE_UNAVAILABLE" });
});
