/** Stored bytes that are not what was stored, in every way a disk or a person can change them: refused, and healed by storing again. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { type ArtifactStore, createArtifactStore } from "#kit/artifact-store.ts";
import { fromConnectError } from "#kit/errors.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { refusedFor } from "../../support/refusal.ts";

const kind = ArtifactKind.DIRECTION;
const BYTES = new TextEncoder().encode("hello");
let directory: string;
let store: ArtifactStore;
let object: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trimtab-damage-"));
  store = createArtifactStore(directory);
  const { file } = store.put({ name: "a", kind, bytes: BYTES });
  object = join(directory, "objects", file);
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each<[string, () => void]>([
  ["one bit is flipped", () => writeFileSync(object, "helln")],
  ["a byte is missing", () => truncateSync(object, 4)],
  ["a byte is too many", () => appendFileSync(object, "!")],
  ["it is empty", () => truncateSync(object, 0)],
  ["it is gone", () => rmSync(object)],
  [
    "it is the file of another digest",
    () => {
      const other = store.put({ name: "b", kind, bytes: new TextEncoder().encode("other") });
      renameSync(join(directory, "objects", other.file), object);
    },
  ],
  [
    "it is a link to the right bytes",
    () => {
      renameSync(object, join(directory, "elsewhere"));
      symlinkSync(join(directory, "elsewhere"), object);
    },
  ],
  [
    "it is a folder",
    () => {
      rmSync(object);
      mkdirSync(object);
    },
  ],
])(
  "A12 where %s the artifact is corrupt, by name and by digest, and the others are served",
  (_name, damage) => {
    const whole = store.put({ name: "whole", kind, bytes: new TextEncoder().encode("whole") });
    const { digest } = store.resolve("a");
    damage();
    expect(refusedFor(() => store.get("a"))).toBe("ARTIFACT_CORRUPT");
    expect(refusedFor(() => createArtifactStore(directory).get(digest))).toBe("ARTIFACT_CORRUPT");
    expect(store.get("whole").record).toEqual(whole);
  },
);

test("A12 an artifact of another name is not found under a pin that is not its own", () => {
  const other = store.put({ name: "b", kind, bytes: new TextEncoder().encode("other") });
  expect(refusedFor(() => store.get(`a@${other.digest}`))).toBe("ARTIFACT_NOT_FOUND");
});

const indexes = (): string[] => readdirSync(directory).filter((name) => name.startsWith("index-"));
test.each<[string, (path: string) => void]>([
  ["missing", (path) => rmSync(path)],
  ["empty", (path) => truncateSync(path, 0)],
  ["of another store", (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"a"', '"z"'))],
  [
    "no JSON under a right checksum",
    (path) => {
      const text = "[{";
      writeFileSync(path, `${new Bun.CryptoHasher("sha256").update(text).digest("hex")}\n${text}\n`);
    },
  ],
])(
  "A12 where the manifest is %s nothing is served under its names, and the store takes new ones",
  (_name, damage) => {
    for (const name of indexes()) damage(join(directory, name));
    const again = createArtifactStore(directory);
    expect(refusedFor(() => again.get("a"))).toBe("ARTIFACT_NOT_FOUND");
    again.put({ name: "a", kind, bytes: BYTES });
    expect(createArtifactStore(directory).get("a").bytes).toEqual(BYTES);
  },
);

test("A12 bytes that are replaced again and again are served whole or not at all", async () => {
  const writer = Bun.spawn([
    process.execPath,
    "-e",
    `const fs = require("fs"); for (let i = 0; ; i++) {
       fs.writeFileSync("${directory}/next", i % 2 ? "hello" : "HELLO"); fs.renameSync("${directory}/next", "${object}"); if (i === 1) console.log("replaced"); }`,
  ]);
  await writer.stdout.getReader().read();
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) {
    try {
      seen.add(new TextDecoder().decode(store.get("a").bytes));
    } catch (error) {
      expect(fromConnectError(error).reason).toBe("ARTIFACT_CORRUPT");
    }
  }
  writer.kill("SIGKILL");
  await writer.exited; // else it writes into a directory that is being removed
  expect([...seen].filter((text) => text !== "hello")).toEqual([]);
});

test("A12 what is corrupt is DATA_LOSS over gRPC and Connect, with its reason and without a path", async () => {
  writeFileSync(object, "helln");
  const routes = createRouterTransport(
    (router) =>
      router.service(TokenizerService, {
        encode: () => ({ encodings: [{ ids: [store.get("a").bytes.length] }] }),
      }),
    { router: { interceptors: serverInterceptors() } },
  );
  const error = await createClient(TokenizerService, routes)
    .encode({})
    .then(() => undefined, fromConnectError);
  expect(error).toMatchObject({ reason: "ARTIFACT_CORRUPT" });
  expect(error?.message).not.toContain(directory);
});
