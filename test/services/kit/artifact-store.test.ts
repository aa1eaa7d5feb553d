/** The artifact store: names, digests, compare-and-swap, damage, and crashes of real writer processes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArtifactStore, createArtifactStore, digestOf } from "#kit/artifact-store.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { refusedFor } from "../../support/refusal.ts";

let directory: string;
let store: ArtifactStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trimtab-store-"));
  store = createArtifactStore(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const kind = ArtifactKind.DIRECTION;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

test("bytes come back by name, by digest and pinned, also after reopening", () => {
  const record = store.put({
    name: "a",
    kind,
    bytes: bytesOf("hello"),
    modelDigest: "m",
    madeFrom: { data: "d" },
  });
  expect(record).toMatchObject({ digest: HELLO, sizeBytes: 5, modelDigest: "m", madeFrom: { data: "d" } });
  const again = createArtifactStore(directory);
  for (const reference of ["a", HELLO, `a@${HELLO}`]) {
    expect(again.get(reference)).toEqual({ record, bytes: bytesOf("hello") });
  }
  expect(again.list({ kind })).toEqual([record]);
  expect(again.list({ kind: ArtifactKind.PROBE }).concat(again.list({ modelDigest: "other" }))).toEqual([]);
});

test("C2 the same bytes again are no change, other bytes need permission to replace", () => {
  const first = store.put({ name: "a", kind, bytes: bytesOf("one") });
  expect(store.put({ name: "a", kind, bytes: bytesOf("one") })).toEqual(first);
  const two = { name: "a", kind, bytes: bytesOf("two") };
  expect(refusedFor(() => store.put(two))).toBe("ARTIFACT_EXISTS");
  expect(refusedFor(() => store.put({ ...two, replace: HELLO }))).toBe("CONFLICT");
  expect(store.put({ ...two, replace: first.digest }).digest).toBe(digestOf(bytesOf("two")));
  expect(refusedFor(() => store.get(`a@${first.digest}`))).toBe("ARTIFACT_NOT_FOUND");
});

test.each(["", "../x", ".hidden", "A", "a/b", "a\0", "x".repeat(65), "ä", "a b"])(
  "C3 the name %j is refused",
  (name) => {
    expect(refusedFor(() => store.put({ name, kind, bytes: bytesOf("x") }))).toBe("INVALID_ARGUMENT");
    expect(refusedFor(() => store.delete(name))).toBe("INVALID_ARGUMENT");
  },
);

test("A12 unknown names, malformed digests and wrong expected digests are typed errors", () => {
  expect(refusedFor(() => store.get("none"))).toBe("ARTIFACT_NOT_FOUND");
  expect(refusedFor(() => store.get(`sha256:${"A".repeat(64)}`))).toBe("INVALID_ARGUMENT");
  expect(refusedFor(() => store.get("sha256:../../etc/passwd"))).toBe("INVALID_ARGUMENT");
  const input = { name: "a", kind, bytes: bytesOf("x"), expectedDigest: HELLO };
  expect(refusedFor(() => store.put(input))).toBe("ARTIFACT_CORRUPT");
  expect(refusedFor(() => store.put({ ...input, kind: ArtifactKind.UNSPECIFIED }))).toBe("FIELD_REQUIRED");
});

test("deleting a name keeps bytes another name has, and removes them with the last one", () => {
  store.put({ name: "a", kind, bytes: bytesOf("hello") });
  store.put({ name: "b", kind, bytes: bytesOf("hello") });
  store.delete("a");
  expect(store.get("b").bytes).toEqual(bytesOf("hello"));
  store.delete("b");
  expect(readdirSync(join(directory, "objects"))).toEqual([]);
  expect(refusedFor(() => store.delete("b"))).toBe("ARTIFACT_NOT_FOUND");
});

test("X17 damaged bytes are never served, go to quarantine, and heal by storing them again", () => {
  const { file } = store.put({ name: "a", kind, bytes: bytesOf("hello") });
  writeFileSync(join(directory, "objects", file), "hellO");
  expect(refusedFor(() => store.get("a"))).toBe("ARTIFACT_CORRUPT");
  expect(readdirSync(join(directory, "quarantine"))).toHaveLength(1);
  store.put({ name: "a", kind, bytes: bytesOf("hello") });
  expect(store.get("a").bytes).toEqual(bytesOf("hello"));
});

test("X17 a damaged index falls back to the version before it", () => {
  store.put({ name: "a", kind, bytes: bytesOf("one") });
  store.put({ name: "b", kind, bytes: bytesOf("two") });
  truncateSync(join(directory, "index-000000000002.json"), 100);
  expect(
    createArtifactStore(directory)
      .list()
      .map((record) => record.name),
  ).toEqual(["a"]);
  expect(readdirSync(join(directory, "quarantine"))).toHaveLength(1);
});

test("X16 a writer killed at any moment loses nothing it acknowledged and leaves no litter", async () => {
  for (let round = 0; round < 4; round++) {
    const writer = Bun.spawn(
      [process.execPath, join(import.meta.dir, "store-writer.ts"), directory, `r${round}`],
      {
        stdout: "pipe",
      },
    );
    let output = "";
    for await (const chunk of writer.stdout) {
      output += new TextDecoder().decode(chunk);
      if (output.split("\n").length > 3 + round * 4) break;
    }
    writer.kill("SIGKILL");
    await writer.exited;
    const acknowledged = output.split("\n").slice(0, -1);
    const reopened = createArtifactStore(directory);
    for (const name of acknowledged) expect(reopened.get(name).bytes).toHaveLength(50_000);
    for (const path of [directory, join(directory, "objects")]) {
      expect(readdirSync(path).filter((name) => name.startsWith("."))).toEqual([]);
    }
  }
}, 120_000);

test("C2 two processes writing at once both keep everything they acknowledged", async () => {
  const writers = ["x", "y"].map((prefix) =>
    Bun.spawn([process.execPath, join(import.meta.dir, "store-writer.ts"), directory, prefix], {
      stdout: "pipe",
    }),
  );
  const outputs = await Promise.all(
    writers.map(async (writer) => {
      let output = "";
      for await (const chunk of writer.stdout) {
        output += new TextDecoder().decode(chunk);
        if (output.split("\n").length > 12) break;
      }
      writer.kill("SIGKILL");
      await writer.exited;
      return output.split("\n").slice(0, -1);
    }),
  );
  for (const name of outputs.flat()) expect(store.get(name).record.name).toBe(name);
}, 120_000);
