/** Which files of bytes a store keeps: those some version of its index names, and for a day those that none does yet. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArtifactStore, createArtifactStore } from "#kit/artifact-store.ts";
import { sha256Hex } from "#kit/files.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { refusedFor } from "../../support/refusal.ts";

let directory: string;
let store: ArtifactStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trimtab-files-"));
  store = createArtifactStore(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const kind = ArtifactKind.DIRECTION;
const bytesOf = (text: string) => new TextEncoder().encode(text);

test("what is replaced is kept as long as an index that counts if later ones are damaged, and no longer", () => {
  const files = () => readdirSync(join(directory, "objects")).length;
  const put = (text: string) => store.put({ name: "a", kind, bytes: bytesOf(text), replace: true });
  put("one");
  put("two");
  const newest = readdirSync(directory).filter((name) => name.startsWith("index-"));
  truncateSync(join(directory, newest.sort().at(-1) ?? ""), 20);
  expect(store.get("a").bytes).toEqual(bytesOf("one"));
  for (let i = 0; i < 20; i++) put(`text ${i}`);
  const most = files();
  for (let i = 0; i < 20; i++) put(`more ${i}`);
  expect(files()).toBe(most);
  expect(most).toBeLessThan(12);
});

test("a store of before, with one file for equal bytes, is read and written on", () => {
  store.put({ name: "a", kind, bytes: bytesOf("hello") });
  const { file, ...record } = store.resolve("a");
  const json = JSON.stringify(["a", "b"].map((name) => ({ ...record, kind: "DIRECTION", name })));
  writeFileSync(join(directory, "index-000000000002.json"), `${sha256Hex(bytesOf(json))}\n${json}\n`);
  renameSync(join(directory, "objects", file), join(directory, "objects", record.digest.replace(":", "-")));
  expect(["a", "b"].map((name) => store.get(name).bytes)).toEqual([bytesOf("hello"), bytesOf("hello")]);
  store.delete("a");
  expect(store.get("b").bytes).toEqual(bytesOf("hello"));
  store.put({ name: "c", kind, bytes: bytesOf("hello") });
  store.delete("b");
  expect(store.get("c").bytes).toEqual(bytesOf("hello"));
  expect(readdirSync(join(directory, "objects"))).toHaveLength(1);
});

test("what a writer that died has left goes after a day", () => {
  store.put({ name: "a", kind, bytes: bytesOf("hello") });
  const orphans = ["old", "new"].map((name) => join(directory, "objects", `sha256-${name}`));
  for (const path of orphans) writeFileSync(path, "x");
  const kept = join(directory, "objects", store.resolve("a").file);
  for (const path of [orphans[0] ?? "", kept]) utimesSync(path, 1, 1);
  createArtifactStore(directory);
  expect(orphans.concat(kept).map((path) => existsSync(path))).toEqual([false, true, true]);
  expect(store.get("a").bytes).toEqual(bytesOf("hello"));
});

test("an index that cannot be opened is an error, not an older index: nothing acknowledged is put aside", () => {
  const own = createArtifactStore(directory);
  for (const name of ["one", "two"]) own.put({ name, kind, bytes: bytesOf(name) });
  const newest = join(directory, "index-000000000002.json");
  const aside = join(directory, "aside");
  renameSync(newest, aside);
  // As with too many open files, the system refuses to open it.
  symlinkSync(newest, newest);
  for (const use of [() => own.list(), () => own.get("one")])
    expect(refusedFor(use)).toBe("SERVICE_UNAVAILABLE");
  expect(refusedFor(() => own.put({ name: "three", kind, bytes: bytesOf("three") }))).toBe(
    "SERVICE_UNAVAILABLE",
  );
  renameSync(aside, newest);
  expect(own.list().map(({ name }) => name)).toEqual(["one", "two"]);
  expect(readdirSync(join(directory, "quarantine"))).toEqual([]);
});
